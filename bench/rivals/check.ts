/** The numbers that every engine must compute: those of bench/js, which shares no code with any of them. */

import { netData } from "../cases.ts";
import { conv2dOutput } from "../js/conv2d.ts";
import { planConv2d } from "../js/conv2dPlan.ts";
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
  const { case: benchCase, input, labels, batch, layers } = workload;
  if (benchCase.kind === "conv") {
    const { size, window, padding } = benchCase;
    const plan = planConv2d({ ...benchCase, height: size, width: size, window: [window, window], padding: [padding, padding] });
    const output = new Float32Array(batch * benchCase.outSize ** 2 * benchCase.outChannels);
    const [layer] = layers;
    if (layer.type !== "conv") throw new Error("internal: a convolution's only layer is one");
    conv2dOutput(plan, { input, weight: layer.weight, bias: layer.bias, output }, batch);
    return { output };
  }
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
