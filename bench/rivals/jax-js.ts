/** jax-js on its WASM backend, whole functions under `jit`. In Node it has one thread. */
import { blockUntilReady, defaultDevice, init, type Array as JaxArray, jit, lax, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import type { Prepare, Prepared } from "./engine.ts";
import { convWeightOihw, denseWeightByOutput, inputNchw, outputNhwc } from "./layout.ts";
import { ADAM, BATCHES, type Layer, readBy, type Workload } from "./workload.ts";

export const prepare: Prepare = async (workload) => {
  await init("wasm");
  defaultDevice("wasm");
  const parameters = workload.layers.flatMap(parametersOf);
  if (workload.labels !== undefined) return training(workload, parameters);
  const forward = jit((weights: JaxArray[], x: JaxArray) => output(workload.layers, weights, x));
  const input = inputNchw(workload);
  const [height, width, channels] = workload.inputShape;
  const shape = [workload.batch, channels, height, width];
  const run = async () => (await forward(tree.ref(parameters), np.array(input).reshape(shape)).data()) as Float32Array;
  return { run, toTable: (result) => outputNhwc(Float32Array.from(result), workload) };
};

function parametersOf(layer: Layer): JaxArray[] {
  if (layer.type === "conv") {
    const { window, inChannels, groups, outChannels } = layer;
    const weight = np.array(convWeightOihw(layer)).reshape([outChannels, inChannels / groups, window, window]);
    return [weight, np.array(layer.bias.slice()).reshape([outChannels, 1, 1])];
  }
  if (layer.type !== "dense") return [];
  const { inputs, outputs } = layer;
  return [np.transpose(np.array(denseWeightByOutput(layer)).reshape([outputs, inputs])), np.array(layer.bias.slice())];
}

/** Every argument is owned by the function, and every use of an array ends it: the rule of jax-js. */
function output(layers: readonly Layer[], weights: readonly JaxArray[], input: JaxArray): JaxArray {
  const reads = layers.map(readBy);
  const uses = layers.map((_, place) => reads.flat().filter((each) => each === place).length);
  const values: JaxArray[] = [];
  const read = (place: number) => {
    if (place < 0) return input;
    return --uses[place] > 0 ? values[place].ref : values[place];
  };
  let next = 0;
  for (const [place, layer] of layers.entries()) {
    let [x, other] = reads[place].map(read);
    if (layer.type === "maxPool") {
      const { window, stride, padding } = layer;
      const padded =
        padding > 0
          ? np.pad(x, [
              [0, 0],
              [0, 0],
              [padding, padding],
              [padding, padding],
            ])
          : x;
      x = lax.reduceWindow(padded, np.max, [window, window], [stride, stride]);
    } else if (layer.type === "add") x = layer.relu ? nn.relu(x.add(other)) : x.add(other);
    else if (layer.type === "globalAveragePool") x = np.mean(x, [2, 3]);
    else if (layer.type === "softmax") x = nn.softmax(x, -1);
    else {
      const [weight, bias] = [weights[next++], weights[next++]];
      if (layer.type === "conv") {
        const { stride, padding, groups } = layer;
        const pads = [padding, padding] as const;
        x = lax.convGeneralDilated(x, weight, [stride, stride], [pads, pads], { featureGroupCount: groups }).add(bias);
      } else x = np.matmul(layer.flattened ? x.reshape([-1, layer.inputs]) : x, weight).add(bias);
      if (layer.relu) x = nn.relu(x);
    }
    values.push(x);
  }
  return values.at(-1)!;
}

function training(workload: Workload, initial: readonly JaxArray[]): Prepared {
  const { layers, batch, labels, inputShape, outputShape } = workload;
  const loss = (weights: JaxArray[], images: JaxArray, classes: JaxArray) =>
    np.sum(nn.logSoftmax(output(layers, weights, images), -1).mul(classes)).mul(-1 / batch);
  const { beta1, beta2, epsilon } = ADAM;
  const step = jit((weights: JaxArray[], first: JaxArray[], second: JaxArray[], images: JaxArray, classes: JaxArray, rate: JaxArray) => {
    const [value, grads] = valueAndGrad(loss)(tree.ref(weights), images, classes);
    const firsts = first.map((each, index) => each.mul(beta1).add(grads[index].ref.mul(1 - beta1)));
    const seconds = second.map((each, index) => each.mul(beta2).add(np.square(grads[index]).mul(1 - beta2)));
    const moved = weights.map((each, index) => {
      const direction = firsts[index].ref.div(np.sqrt(seconds[index].ref).add(epsilon));
      return each.sub(direction.mul(rate.ref));
    });
    rate.dispose();
    return [value, moved, firsts, seconds] as const;
  });
  let weights = [...initial];
  let firsts = weights.map((each) => np.zerosLike(each.ref));
  let seconds = weights.map((each) => np.zerosLike(each.ref));
  const images = inputNchw(workload);
  const size = images.length / labels!.length;
  const [height, width, channels] = inputShape;
  let count = 0;
  return {
    async run() {
      const start = batch * (count++ % BATCHES);
      const x = np.array(images.slice(start * size, (start + batch) * size)).reshape([batch, channels, height, width]);
      const classes = nn.oneHot(np.array(Int32Array.from(labels!.subarray(start, start + batch))), outputShape[0]);
      const rate = np.array((ADAM.learningRate * Math.sqrt(1 - beta2 ** count)) / (1 - beta1 ** count));
      const [value, ...state] = step(weights, firsts, seconds, x, classes, rate);
      [weights, firsts, seconds] = state.map((each) => [...each]);
      await blockUntilReady([weights, firsts, seconds]);
      return (await value.data())[0];
    },
  };
}
