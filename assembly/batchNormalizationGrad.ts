/** Gradients of batch normalization; see batchNormalization.ts for scratch and threads. */
import { BatchNormalizationInputGrad, RunHeader, RUN_HEADER, Write } from "./records";
import { channelsOr, demote, firstChannel, Group, groupPtr, highHalf, rowPtr } from "./channelGroups";
import { constant, Constant, f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";

/**
 * gammaGrad, betaGrad [channels] and inputGrad [batch, height, width, channels] ← or += from outputGrad. With x̂ = (input − mean) · inverse
 * and n pixels: betaGrad = Σ dy, gammaGrad = Σ dy · x̂, inputGrad = gamma · inverse · (dy − betaGrad / n − x̂ · gammaGrad / n).
 */
export function batchNormalizationInputGrad(record: BatchNormalizationInputGrad, thread: i32, threads: i32): void {
  const input = record.input;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * input.height;
  const groups = record.scratch;
  memory.fill(groupPtr(groups, first), 0, ((end - first + LANES - 1) / LANES) * Group.bytes);
  for (let row = 0; row < rows; row++) addRowGrads(record, row, rows, groups, first, end);
  const pixels = <f64>rows * <f64>input.width;
  for (let channel = first; channel < end; channel += LANES) finishGrads(record, groupPtr(groups, channel), channel, pixels);
  if (changetype<usize>(record.inputGrad) == 0) return;
  for (let row = 0; row < rows; row++) inputGradRow(record, row, groups, first, end);
}

/** Adds a row's Σ dy and Σ dy · (input − mean). The next rows of both come into the cache as in sumRow. */
function addRowGrads(record: BatchNormalizationInputGrad, row: i32, rows: i32, groups: usize, first: i32, end: i32): void {
  const input = record.input;
  const outputGrad = record.outputGrad;
  const next = min(row + 1, rows - 1);
  const aheadStep = (input.width >> 1) << 6;
  const inputPixel = <usize>input.pixelStride << 2;
  const gradPixel = <usize>outputGrad.pixelStride << 2;
  let from = f32At(rowPtr(input, row), first);
  let gradPtr = f32At(rowPtr(outputGrad, row), first);
  let ahead = rowPtr(input, next);
  let gradAhead = rowPtr(outputGrad, next);
  let channel = first;
  for (; channel + LANES < end; channel += 2 * LANES) {
    pairGrads(from, gradPtr, ahead, gradAhead, inputPixel, gradPixel, input.width, f32At(record.mean, channel), groupPtr(groups, channel));
    from += 32;
    gradPtr += 32;
    ahead += aheadStep;
    gradAhead += aheadStep;
  }
  if (channel < end) quadGrads(from, gradPtr, inputPixel, gradPixel, input.width, f32At(record.mean, channel), groupPtr(groups, channel));
}

/** 8 channels. */
function pairGrads(
  from: usize, gradPtr: usize, ahead: usize, gradAhead: usize, inputPixel: usize, gradPixel: usize, width: i32, mean: usize, group: usize,
): void {
  const zero = i32x4.splat(0);
  const mean0 = v128.load(mean);
  const mean1 = v128.load(mean, 16);
  let even0 = zero;
  let even1 = zero;
  let odd0 = zero;
  let odd1 = zero;
  let evenProducts0 = zero;
  let evenProducts1 = zero;
  let oddProducts0 = zero;
  let oddProducts1 = zero;
  let x = 1;
  for (; x < width; x += 2) {
    let g = v128.load(gradPtr);
    even0 = f32x4.add(even0, g);
    evenProducts0 = multiplyAdd(g, f32x4.sub(v128.load(from), mean0), evenProducts0);
    g = v128.load(gradPtr, 16);
    even1 = f32x4.add(even1, g);
    evenProducts1 = multiplyAdd(g, f32x4.sub(v128.load(from, 16), mean1), evenProducts1);
    // Never taken: keeps older schedulers from loading both pixels first.
    if (x < 0) break;
    from += inputPixel;
    gradPtr += gradPixel;
    g = v128.load(gradPtr);
    odd0 = f32x4.add(odd0, g);
    oddProducts0 = multiplyAdd(g, f32x4.sub(v128.load(from), mean0), oddProducts0);
    g = v128.load(gradPtr, 16);
    odd1 = f32x4.add(odd1, g);
    oddProducts1 = multiplyAdd(g, f32x4.sub(v128.load(from, 16), mean1), oddProducts1);
    from += inputPixel;
    gradPtr += gradPixel;
    load<i32>(ahead);
    load<i32>(gradAhead);
    ahead += 64;
    gradAhead += 64;
  }
  if (x == width) {
    let g = v128.load(gradPtr);
    even0 = f32x4.add(even0, g);
    evenProducts0 = multiplyAdd(g, f32x4.sub(v128.load(from), mean0), evenProducts0);
    g = v128.load(gradPtr, 16);
    even1 = f32x4.add(even1, g);
    evenProducts1 = multiplyAdd(g, f32x4.sub(v128.load(from, 16), mean1), evenProducts1);
  }
  addPromoted(group, f32x4.add(even0, odd0));
  addPromoted(group + Group.secondLow, f32x4.add(evenProducts0, oddProducts0));
  addPromoted(group + Group.bytes, f32x4.add(even1, odd1));
  addPromoted(group + Group.bytes + Group.secondLow, f32x4.add(evenProducts1, oddProducts1));
}

/** The last 4 channels, or fewer. */
function quadGrads(from: usize, gradPtr: usize, inputPixel: usize, gradPixel: usize, width: i32, meanPtr: usize, group: usize): void {
  const mean = v128.load(meanPtr);
  let even = i32x4.splat(0);
  let odd = i32x4.splat(0);
  let evenProducts = i32x4.splat(0);
  let oddProducts = i32x4.splat(0);
  let x = 1;
  for (; x < width; x += 2) {
    const a = v128.load(gradPtr);
    const b = v128.load(gradPtr + gradPixel);
    even = f32x4.add(even, a);
    odd = f32x4.add(odd, b);
    evenProducts = multiplyAdd(a, f32x4.sub(v128.load(from), mean), evenProducts);
    oddProducts = multiplyAdd(b, f32x4.sub(v128.load(from + inputPixel), mean), oddProducts);
    from += inputPixel << 1;
    gradPtr += gradPixel << 1;
  }
  if (x == width) {
    const a = v128.load(gradPtr);
    even = f32x4.add(even, a);
    evenProducts = multiplyAdd(a, f32x4.sub(v128.load(from), mean), evenProducts);
  }
  addPromoted(group, f32x4.add(even, odd));
  addPromoted(group + Group.secondLow, f32x4.add(evenProducts, oddProducts));
}

// @ts-ignore: decorator
@inline
function addPromoted(sums: usize, v: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums, 0), f64x2.promote_low_f32x4(v)), 0);
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(highHalf(v))), 16);
}

/** Parameter gradients of 4 channels; the group then holds the factors of dy and of input − mean, and the constant. */
function finishGrads(record: BatchNormalizationInputGrad, group: usize, channel: i32, pixels: f64): void {
  const rest = record.input.channels - channel;
  const inverse = v128.load(f32At(record.inverse, channel), 0);
  const betaGrad = demote(v128.load(group, Group.firstLow), v128.load(group, Group.firstHigh));
  const gammaGrad = f32x4.mul(demote(v128.load(group, Group.secondLow), v128.load(group, Group.secondHigh)), inverse);
  const add = record.parameterWrite == Write.add || changetype<RunHeader>(RUN_HEADER).accumulate != 0;
  if (record.betaGrad != 0) storeGrad(f32At(record.betaGrad, channel), betaGrad, rest, add);
  if (record.gammaGrad != 0) storeGrad(f32At(record.gammaGrad, channel), gammaGrad, rest, add);
  const factor = f32x4.mul(inverse, channelsOr(record.gamma, channel, constant(Constant.one)));
  const negativeFactor = f32x4.div(f32x4.neg(factor), f32x4.splat(<f32>pixels));
  v128.store(group, factor, Group.firstLow);
  v128.store(group, f32x4.mul(negativeFactor, f32x4.mul(gammaGrad, inverse)), Group.firstHigh);
  v128.store(group, f32x4.mul(negativeFactor, betaGrad), Group.secondLow);
  v128.store(group, v128.load(f32At(record.mean, channel), 0), Group.secondHigh);
}

function storeGrad(to: usize, value: v128, count: i32, add: bool): void {
  storeUpTo(to, add ? f32x4.add(v128.load(to, 0), value) : value, count);
}

function inputGradRow(record: BatchNormalizationInputGrad, row: i32, groups: usize, first: i32, end: i32): void {
  const add = record.write == Write.add;
  const fromStep = <usize>record.input.pixelStride << 2;
  const gradStep = <usize>record.outputGrad.pixelStride << 2;
  const toStep = <usize>record.inputGrad.pixelStride << 2;
  const firstGroup = groupPtr(groups, first);
  const channels = end - first;
  const wholeBytes = add ? 0 : <usize>(channels & ~(2 * LANES - 1)) << 2;
  let fromPixel = f32At(rowPtr(record.input, row), first);
  let gradPixel = f32At(rowPtr(record.outputGrad, row), first);
  let toPixel = f32At(rowPtr(record.inputGrad, row), first);
  for (let x = 0; x < record.input.width; x++) {
    let group = firstGroup;
    let from = fromPixel;
    let grad = gradPixel;
    let to = toPixel;
    for (const whole = from + wholeBytes; from < whole; from += 32, grad += 32, to += 32, group += 2 * Group.bytes) {
      v128.store(to, gradient(v128.load(from), v128.load(grad), group));
      v128.store(to, gradient(v128.load(from, 16), v128.load(grad, 16), group + Group.bytes), 16);
    }
    for (let left = channels - ((<i32>wholeBytes) >> 2); left > 0; left -= LANES) {
      let value = gradient(v128.load(from), v128.load(grad), group);
      if (add) value = f32x4.add(v128.load(to), value);
      storeUpTo(to, value, left);
      from += 16;
      grad += 16;
      to += 16;
      group += Group.bytes;
    }
    fromPixel += fromStep;
    gradPixel += gradStep;
    toPixel += toStep;
  }
}

// @ts-ignore: decorator
@inline
function gradient(x: v128, outputGrad: v128, group: usize): v128 {
  const centered = f32x4.sub(x, v128.load(group, Group.secondHigh));
  const value = multiplyAdd(centered, v128.load(group, Group.firstHigh), v128.load(group, Group.secondLow));
  return multiplyAdd(outputGrad, v128.load(group, Group.firstLow), value);
}
