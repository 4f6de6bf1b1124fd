/** Softmax over the channels of every pixel. Sums go through four lanes, then `sumLanes`: an order fixed by the channel count. */
import { RunHeader, RUN_HEADER, SoftmaxInputGrad, SoftmaxOutput, Write } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo, sumLanes } from "./lanes";
import { exp } from "./math";
import { lanesBelow, ownLanes } from "./runs";

/** output [batch, height, width, channels] ← softmax(input). A pixel with NaN or +Infinity, or with nothing but −Infinity, becomes NaN. */
export function softmaxOutput(record: SoftmaxOutput, thread: i32, threads: i32): void {
  const input = record.input;
  const output = record.output;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  for (let row = thread; row < rows; row += threads) {
    const image = row / output.height;
    const y = row - image * output.height;
    let from = f32At(input.base, image * input.imageStride + y * input.rowStride);
    let to = f32At(output.base, image * output.imageStride + y * output.rowStride);
    for (let x = 0; x < output.width; x++) {
      const sum = exponentials(from, to, output.channels, maximum(from, output.channels));
      divideBy(sum, to, output.channels);
      from = f32At(from, input.pixelStride);
      to = f32At(to, output.pixelStride);
    }
  }
}

/** inputGrad [batch, height, width, channels] ← or += output · (outputGrad − Σ output · outputGrad). */
export function softmaxInputGrad(record: SoftmaxInputGrad, thread: i32, threads: i32): void {
  const output = record.output;
  const outputGrad = record.outputGrad;
  const inputGrad = record.inputGrad;
  const add = record.write == Write.add;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  for (let row = thread; row < rows; row += threads) {
    const image = row / output.height;
    const y = row - image * output.height;
    let value = f32At(output.base, image * output.imageStride + y * output.rowStride);
    let grad = f32At(outputGrad.base, image * outputGrad.imageStride + y * outputGrad.rowStride);
    let to = f32At(inputGrad.base, image * inputGrad.imageStride + y * inputGrad.rowStride);
    for (let x = 0; x < output.width; x++) {
      pixelGrad(value, grad, to, output.channels, add);
      value = f32At(value, output.pixelStride);
      grad = f32At(grad, outputGrad.pixelStride);
      to = f32At(to, inputGrad.pixelStride);
    }
  }
}

/** Largest of `count` values. NaN may be passed over: e^(NaN − maximum) brings it back. */
export function maximum(from: usize, count: i32): f32 {
  const lowest = f32x4.neg(constant(Constant.infinity));
  let max = lowest;
  let i = 0;
  for (; i + LANES <= count; i += LANES) max = f32x4.pmax(max, v128.load(f32At(from, i)));
  if (i < count) max = f32x4.pmax(max, v128.bitselect(v128.load(f32At(from, i)), lowest, lanesBelow(count - i)));
  const low = f32x4.extract_lane(max, 0) > f32x4.extract_lane(max, 1) ? f32x4.extract_lane(max, 0) : f32x4.extract_lane(max, 1);
  const high = f32x4.extract_lane(max, 2) > f32x4.extract_lane(max, 3) ? f32x4.extract_lane(max, 2) : f32x4.extract_lane(max, 3);
  return low > high ? low : high;
}

/** to[i] ← e^(from[i] − max) (to 0: not stored; to may be from). Returns their sum. */
export function exponentials(from: usize, to: usize, count: i32, max: f32): f32 {
  const shift = f32x4.splat(max);
  let sum = f32x4.splat(0);
  for (let i = 0; i < count; i += LANES) {
    const value = exp(f32x4.sub(v128.load(f32At(from, i)), shift));
    if (to != 0) storeUpTo(f32At(to, i), value, count - i);
    sum = f32x4.add(sum, ownLanes(count - i, value));
  }
  return sumLanes(sum);
}

function divideBy(divisor: f32, to: usize, count: i32): void {
  const divisors = f32x4.splat(divisor);
  for (let i = 0; i < count; i += LANES) {
    storeUpTo(f32At(to, i), f32x4.div(v128.load(f32At(to, i)), divisors), count - i);
  }
}

function pixelGrad(value: usize, grad: usize, to: usize, count: i32, add: bool): void {
  let dots = f32x4.splat(0);
  for (let i = 0; i < count; i += LANES) {
    const product = f32x4.mul(v128.load(f32At(value, i)), v128.load(f32At(grad, i)));
    dots = f32x4.add(dots, ownLanes(count - i, product));
  }
  const dot = f32x4.splat(sumLanes(dots));
  for (let i = 0; i < count; i += LANES) {
    let result = f32x4.mul(v128.load(f32At(value, i)), f32x4.sub(v128.load(f32At(grad, i)), dot));
    if (add) result = f32x4.add(v128.load(f32At(to, i)), result);
    storeUpTo(f32At(to, i), result, count - i);
  }
}
