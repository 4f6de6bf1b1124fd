/** The numbers that every engine must compute: a convolution's definition, and bench/js for networks; they share no code with any engine. */

import { type ConvCase, type ConvData, convData, netData } from "../cases.ts";
import { MnistCnn, type MnistCnnArrays } from "../js/mnistCnn.ts";
import { Ox, type OxWeights } from "../js/ox.ts";
import { type DenseLayer, readBy, type Workload } from "./workload.ts";

/** Outputs, relative to the largest: float32 sums of some thousand products. */
export const OUTPUT_TOLERANCE = 1e-5;
/** The first loss, relative: the forward pass alone. */
export const LOSS_TOLERANCE = 1e-5;
/** The second loss, relative: after one step of Adam, about the rate times each gradient's sign, on the first gradients. */
export const STEP_TOLERANCE = 1e-4;

export interface Expected {
  readonly output: Float32Array;
  /** Mean loss of the first batch before a step, and of the second batch after it. */
  readonly losses?: readonly [number, number];
}

export function expected(workload: Workload): Expected {
  const { case: benchCase, input, labels, batch } = workload;
  if (benchCase.kind === "conv") return { output: convolved(benchCase, { ...convData(benchCase), input }) };
  if (benchCase.kind === "large") return { output: layerByLayer(workload) };
  const { weights } = netData(benchCase);
  if (benchCase.net === "ox") return { output: new Ox(weights as unknown as OxWeights).predict(input).slice() };
  const net = new MnistCnn(batch);
  net.setWeights(weights as MnistCnnArrays);
  const output = net.predict(input.subarray(0, batch * 784), batch).slice();
  if (labels === undefined) return { output };
  const loss = (index: number) => {
    const first = index * batch;
    return net.trainStep(input.subarray(first * 784, (first + batch) * 784), labels.subarray(first, first + batch), batch);
  };
  return { output, losses: [loss(0), loss(1)] };
}

/** Of a network of square maps, by the definition of each layer. */
function layerByLayer({ layers, batch, inputShape, input }: Workload): Float32Array {
  const results: { readonly values: Float32Array; readonly size: number }[] = [];
  for (const [place, layer] of layers.entries()) {
    const [{ values, size }, other] = readBy(layer, place).map((each) => results[each] ?? { values: input, size: inputShape[0] });
    const outSize = "window" in layer ? Math.floor((size + 2 * layer.padding - layer.window) / layer.stride) + 1 : size;
    const output = () => {
      if (layer.type === "conv") return convolved({ ...layer, batch, size, outSize }, { ...layer, input: values });
      if (layer.type === "maxPool") return largest({ ...layer, batch, size, outSize }, values);
      if (layer.type === "add") return values.map((value, at) => value + other.values[at]);
      if (layer.type === "globalAveragePool") return averaged(values, { batch, pixels: size * size });
      if (layer.type === "dense") return densely(layer, values, batch);
      throw new Error(`internal: no definition of ${layer.type}`);
    };
    const relu = "relu" in layer && layer.relu;
    results.push({ values: relu ? output().map((value) => Math.max(0, value)) : output(), size: outSize });
  }
  return results.at(-1)!.values;
}

/** The largest value of every window, 0 at least: what it reads is not negative. */
function largest({ batch, size, outSize, window, stride, padding }: Omit<Geometry, "inChannels" | "outChannels" | "groups">, input: Float32Array) {
  const channels = input.length / (batch * size * size);
  const output = new Float32Array(batch * outSize * outSize * channels);
  for (let at = 0; at < output.length; at++) {
    const channel = at % channels;
    const pixel = (at - channel) / channels;
    const [image, outY, outX] = [Math.floor(pixel / (outSize * outSize)), Math.floor(pixel / outSize) % outSize, pixel % outSize];
    for (let tap = 0; tap < window * window; tap++) {
      const [y, x] = [outY * stride - padding + Math.floor(tap / window), outX * stride - padding + (tap % window)];
      if (y < 0 || y >= size || x < 0 || x >= size) continue;
      output[at] = Math.max(output[at], input[((image * size + y) * size + x) * channels + channel]);
    }
  }
  return output;
}

/** [batch, channels] ← [batch, pixels, channels] */
function averaged(input: Float32Array, { batch, pixels }: { batch: number; pixels: number }): Float32Array {
  const channels = input.length / (batch * pixels);
  const sums = new Float64Array(batch * channels);
  for (const [at, value] of input.entries()) sums[Math.floor(at / (pixels * channels)) * channels + (at % channels)] += value;
  return Float32Array.from(sums, (sum) => sum / pixels);
}

/** A convolution of maps of one pixel. */
function densely({ inputs, outputs, weight, bias }: DenseLayer, input: Float32Array, batch: number): Float32Array {
  const geometry = { window: 1, stride: 1, padding: 0, groups: 1, size: 1, outSize: 1 };
  return convolved({ ...geometry, batch, inChannels: inputs, outChannels: outputs }, { input, weight, bias });
}

type Geometry = Pick<ConvCase, "batch" | "size" | "outSize" | "inChannels" | "outChannels" | "window" | "stride" | "padding" | "groups">;

/** output [batch, outSize, outSize, outChannels], summed in float64: of any size, which bench/js is not. */
function convolved(conv: Geometry, { input, weight, bias }: ConvData): Float32Array {
  const { batch, size, outSize, inChannels, outChannels, window, stride, padding, groups } = conv;
  const [depth, width] = [inChannels / groups, outChannels / groups];
  const output = new Float32Array(batch * outSize * outSize * outChannels);
  const sums = new Float64Array(outChannels);
  for (let pixel = 0; pixel < batch * outSize * outSize; pixel++) {
    const image = Math.floor(pixel / (outSize * outSize));
    const top = (Math.floor(pixel / outSize) % outSize) * stride - padding;
    const left = (pixel % outSize) * stride - padding;
    sums.set(bias);
    for (let tap = 0; tap < window * window; tap++) {
      const [y, x] = [top + Math.floor(tap / window), left + (tap % window)];
      if (y < 0 || y >= size || x < 0 || x >= size) continue;
      const from = ((image * size + y) * size + x) * inChannels;
      for (let inChannel = 0; inChannel < inChannels; inChannel++) {
        const value = input[from + inChannel];
        const weightAt = (tap * depth + (inChannel % depth)) * outChannels;
        const first = Math.floor(inChannel / depth) * width;
        for (let outChannel = first; outChannel < first + width; outChannel++) sums[outChannel] += value * weight[weightAt + outChannel];
      }
    }
    output.set(sums, pixel * outChannels);
  }
  return output;
}
