/** The numbers that every engine must compute: a convolution's definition, and bench/js for networks; they share no code with any engine. */

import { type ConvCase, type ConvData, convData, netData } from "../cases.ts";
import { MnistCnn, type MnistCnnArrays } from "../js/mnistCnn.ts";
import { Ox, type OxWeights } from "../js/ox.ts";
import type { Workload } from "./workload.ts";

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

/** output [batch, outSize, outSize, outChannels], summed in float64: of any size, which bench/js is not. */
function convolved(conv: ConvCase, { input, weight, bias }: ConvData): Float32Array {
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
