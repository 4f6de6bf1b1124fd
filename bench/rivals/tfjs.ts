/** TensorFlow.js by its core operations, fused where it has them: less overhead than its layers. */
import tf, { type Tensor, type Variable } from "@tensorflow/tfjs-core";
import { type Prepare, type Prepared, Unsupported } from "./engine.ts";
import { ADAM, BATCHES, CORRECTED_EPSILON, type Layer, readBy, type Workload } from "./workload.ts";

type Stage = (input: Tensor, other: Tensor) => Tensor;

export function tfjs(backend: "wasm" | "cpu"): Prepare {
  return async (workload) => {
    await tf.setBackend(backend);
    await tf.ready();
    if (workload.labels !== undefined) {
      // Built by scripts/rivals.mjs.
      await import(new URL("tfjsGradients.mjs", import.meta.url).href);
      return training(workload);
    }
    const shape = [workload.batch, ...workload.inputShape];
    const weight = (data: Float32Array, shape: readonly number[]) => tf.tensor(data, shape);
    const stages = workload.layers.map((layer) => stage(layer, weight));
    const run = () => {
      const output = tf.tidy(() => through(workload.layers, stages, tf.tensor(workload.input, shape)));
      // Not within tidy, which would look for tensors in every element of the array.
      const data = output.dataSync();
      output.dispose();
      return data;
    };
    return { run, toTable: (result) => Float32Array.from(result) };
  };
}

function through(layers: readonly Layer[], stages: readonly Stage[], input: Tensor): Tensor {
  const values: Tensor[] = [];
  for (const [place, stage] of stages.entries()) {
    const [first, other] = readBy(layers[place], place).map((each) => values[each] ?? input);
    values.push(stage(first, other));
  }
  return values.at(-1)!;
}

function stage(layer: Layer, weight: (data: Float32Array, shape: readonly number[]) => Tensor): Stage {
  if (layer.type === "maxPool") return (x) => tf.maxPool(x, layer.window, layer.stride, layer.padding, "floor");
  if (layer.type === "add") return (x, other) => (layer.relu ? tf.relu(tf.add(x, other)) : tf.add(x, other));
  if (layer.type === "globalAveragePool") return (x) => tf.mean(x, [1, 2]);
  if (layer.type === "softmax") return (logits) => tf.softmax(logits);
  const bias = weight(layer.bias, [layer.bias.length]);
  const activation = layer.relu ? "relu" : "linear";
  if (layer.type === "dense") {
    const { inputs, outputs } = layer;
    const b = weight(layer.weight, [inputs, outputs]);
    return (x) => tf.fused.matMul({ a: layer.flattened ? tf.reshape(x, [-1, inputs]) : x, b, bias, activation });
  }
  const { window, stride: strides, padding: pad, groups, inChannels, outChannels } = layer;
  const isDepthwise = groups > 1;
  if (isDepthwise && groups !== inChannels) throw new Unsupported("of grouped convolutions it has the depthwise one");
  const filter = weight(layer.weight, [window, window, ...(isDepthwise ? [inChannels, outChannels / groups] : [inChannels, outChannels])]);
  const dimRoundingMode = "floor";
  const conv = isDepthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
  return (x) => conv({ x, filter, strides, pad, dimRoundingMode, bias, activation });
}

function training({ input, labels, batch, inputShape, layers, outputShape }: Workload): Prepared {
  const variables: Variable[] = [];
  const stages = layers.map((layer) =>
    stage(layer, (data, shape) => {
      const variable = tf.variable(tf.tensor(data, shape));
      variables.push(variable);
      return variable;
    }),
  );
  const optimizer = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, CORRECTED_EPSILON);
  const size = inputShape.reduce((product, axis) => product * axis, 1);
  let step = 0;
  return {
    run: () =>
      tf.tidy(() => {
        const first = batch * (step++ % BATCHES);
        const images = tf.tensor(input.subarray(first * size, (first + batch) * size), [batch, ...inputShape]);
        const classes = tf.oneHot(tf.tensor1d(labels!.subarray(first, first + batch), "int32"), outputShape[0]);
        const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(classes, through(layers, stages, images)), true, variables);
        return loss!.dataSync()[0];
      }),
  };
}
