/** ConvNetJS: plain JavaScript, one sample at a time, float64. It has no Adam: steps are its stochastic gradient descent with momentum. */
import convnetjs, { type Volume } from "convnetjs";
import { type Prepare, type Prepared, Unsupported } from "./engine.ts";
import { permute } from "./layout.ts";
import { BATCHES, type ConvLayer, type DenseLayer, type Layer, type Workload } from "./workload.ts";

type Net = InstanceType<typeof convnetjs.Net>;

export const prepare: Prepare = (workload) => {
  const { layers, inputShape, labels } = workload;
  if (layers.some((layer) => layer.type === "conv" && layer.groups > 1)) throw new Unsupported("it has no groups");
  const [out_sy, out_sx, out_depth] = inputShape;
  const net = new convnetjs.Net();
  // Its softmax brings the dense layer before it along; in training that is the loss.
  const softmax = labels !== undefined || layers.at(-1)!.type === "softmax";
  const defined = (softmax ? layers.slice(0, labels === undefined ? -2 : -1) : layers).map(definition);
  const classes = softmax ? [{ type: "softmax", num_classes: workload.outputShape[0] }] : [];
  // A net is two layers at least, and the last may be anything.
  net.makeLayers([{ type: "input", out_sx, out_sy, out_depth }, ...defined, ...classes]);
  setWeights(net, layers);
  const volumes = volumesOf(workload);
  return labels === undefined ? inference(net, volumes, workload) : training(net, volumes, workload);
};

function definition(layer: Layer): Record<string, unknown> {
  if (layer.type === "maxPool") return { type: "pool", sx: layer.window, stride: layer.stride, pad: layer.padding };
  if (layer.type === "add") throw new Unsupported("its layers are a chain");
  if (layer.type === "globalAveragePool") throw new Unsupported("of poolings it has the maximum");
  if (layer.type === "softmax") throw new Unsupported("softmax comes last");
  const activation = layer.relu ? { activation: "relu" } : {};
  if (layer.type === "dense") return { type: "fc", num_neurons: layer.outputs, ...activation };
  return { type: "conv", sx: layer.window, filters: layer.outChannels, stride: layer.stride, pad: layer.padding, ...activation };
}

function setWeights(net: Net, layers: readonly Layer[]): void {
  const weighted = layers.filter((layer): layer is ConvLayer | DenseLayer => "weight" in layer);
  const targets = net.layers.filter(({ filters }) => filters !== undefined);
  for (const [index, layer] of weighted.entries()) {
    const outputs = layer.bias.length;
    const byOutput = permute(layer.weight, [layer.weight.length / outputs, outputs], [1, 0]);
    const { filters, biases } = targets[index];
    const size = byOutput.length / outputs;
    for (let output = 0; output < outputs; output++) filters![output].w.set(byOutput.subarray(output * size, (output + 1) * size));
    biases!.w.set(layer.bias);
  }
}

/** A volume is y, x, depth: the layout of the table. */
function volumesOf({ input, inputShape }: Workload): Volume[] {
  const [height, width, channels] = inputShape;
  const size = height * width * channels;
  return Array.from({ length: input.length / size }, (_, sample) => {
    const volume = new convnetjs.Vol(width, height, channels, 0);
    volume.w.set(input.subarray(sample * size, (sample + 1) * size));
    return volume;
  });
}

/** `last`: the volume that is the output, after a forward pass. */
function forwardAll(volumes: readonly Volume[], size: number, last: (volume: Volume) => Volume): Float32Array {
  const output = new Float32Array(volumes.length * size);
  for (const [sample, volume] of volumes.entries()) output.set(last(volume).w, sample * size);
  return output;
}

function inference(net: Net, volumes: readonly Volume[], { outputShape }: Workload): Prepared {
  const size = outputShape.reduce((product, axis) => product * axis, 1);
  return { run: () => forwardAll(volumes, size, (volume) => net.forward(volume)), toTable: (result) => Float32Array.from(result) };
}

function training(net: Net, volumes: readonly Volume[], { batch, labels, outputShape }: Workload): Prepared {
  const trainer = new convnetjs.Trainer(net, { method: "sgd", learning_rate: 0.01, momentum: 0.9, batch_size: batch });
  let step = 0;
  return {
    run() {
      const first = batch * (step++ % BATCHES);
      let loss = 0;
      for (let sample = first; sample < first + batch; sample++) loss += trainer.train(volumes[sample], labels![sample]).cost_loss;
      return loss / batch;
    },
    logits: () =>
      forwardAll(volumes.slice(0, batch), outputShape[0], (volume) => {
        net.forward(volume);
        return net.layers[net.layers.length - 2].out_act;
      }),
  };
}
