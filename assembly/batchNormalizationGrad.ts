/** Gradients of batch normalization; see batchNormalization.ts for scratch and threads. */
import { BatchNormalizationInputGrad, RunHeader, RUN_HEADER, Write } from "./records";
import {
  channelsOr, Coefficients, demote, firstChannel, Group, highHalf, rowPtr, SUMMED_PIXELS, summedAtOnce, writtenAtOnce,
} from "./channelGroups";
import { constant, Constant, f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { touchLines } from "./pages";

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
  const groups = record.scratch + (first / LANES) * Group.bytes;
  const channels = end - first;
  memory.fill(groups, 0, ((channels + LANES - 1) / LANES) * Group.bytes);
  for (let channel = first, group = groups; channel < end; channel += LANES, group += Group.bytes) {
    v128.store(group, v128.load(f32At(record.mean, channel)), Group.shift);
  }
  const pixels = rows * input.width;
  for (let at = 0; at < pixels; at += SUMMED_PIXELS) {
    sumPixels(record, at, min(at + SUMMED_PIXELS, pixels), groups, first, end);
    promoteSums(groups, channels);
  }
  for (let channel = first, group = groups, to = groups; channel < end; channel += LANES) {
    finishGrads(record, group, to, channel, pixels);
    group += Group.bytes;
    to += Coefficients.bytes;
  }
  if (changetype<usize>(record.inputGrad) == 0) return;
  for (let row = 0; row < rows; row++) inputGradRow(record, row, groups, first, end);
}

/** Pixels from one to another, counted over all images. */
function sumPixels(record: BatchNormalizationInputGrad, from: i32, to: i32, groups: usize, first: i32, end: i32): void {
  const width = record.input.width;
  while (from < to) {
    const x = from % width;
    const pixels = min(to - from, width - x);
    sumRun(record, from / width, x, pixels, groups, first, end);
    from += pixels;
  }
}

/** Adds Σ dy and Σ dy · (input − mean) of pixels of a row, as sumRun of batchNormalization.ts does. */
function sumRun(record: BatchNormalizationInputGrad, row: i32, x: i32, count: i32, groups: usize, first: i32, end: i32): void {
  const input = record.input;
  const outputGrad = record.outputGrad;
  const fromStep = <usize>input.pixelStride << 2;
  const gradStep = <usize>outputGrad.pixelStride << 2;
  let fromPixel = f32At(rowPtr(input, row), first) + x * fromStep;
  let gradPixel = f32At(rowPtr(outputGrad, row), first) + x * gradStep;
  const most = summedAtOnce(end - first);
  for (let left = count; left > 0; left -= most) {
    const pixels = min(left, most);
    let from = fromPixel;
    let grad = gradPixel;
    touchLines(from, f32At(from + fromStep * (pixels - 1), end - first));
    touchLines(grad, f32At(grad + gradStep * (pixels - 1), end - first));
    let group = groups;
    let channels = end - first;
    for (; channels > LANES; channels -= 2 * LANES, from += 32, grad += 32, group += 2 * Group.bytes) {
      sumPair(from, fromStep, grad, gradStep, group, pixels);
    }
    if (channels > 0) sumQuad(from, fromStep, grad, gradStep, group, pixels);
    fromPixel += fromStep * most;
    gradPixel += gradStep * most;
  }
}

/** 8 channels of some pixels. */
// @ts-ignore: decorator
@inline
function sumPair(from: usize, fromStep: usize, grad: usize, gradStep: usize, group: usize, pixels: i32): void {
  const mean0 = v128.load(group, Group.shift);
  const mean1 = v128.load(group, Group.bytes + Group.shift);
  let sum0 = v128.load(group, Group.sum);
  let sum1 = v128.load(group, Group.bytes + Group.sum);
  let products0 = v128.load(group, Group.squares);
  let products1 = v128.load(group, Group.bytes + Group.squares);
  do {
    let g = v128.load(grad);
    sum0 = f32x4.add(sum0, g);
    products0 = multiplyAdd(g, f32x4.sub(v128.load(from), mean0), products0);
    g = v128.load(grad, 16);
    sum1 = f32x4.add(sum1, g);
    products1 = multiplyAdd(g, f32x4.sub(v128.load(from, 16), mean1), products1);
    from += fromStep;
    grad += gradStep;
  } while (--pixels);
  v128.store(group, sum0, Group.sum);
  v128.store(group, products0, Group.squares);
  v128.store(group, sum1, Group.bytes + Group.sum);
  v128.store(group, products1, Group.bytes + Group.squares);
}

/** The last 4 channels, or fewer. */
// @ts-ignore: decorator
@inline
function sumQuad(from: usize, fromStep: usize, grad: usize, gradStep: usize, group: usize, pixels: i32): void {
  const mean = v128.load(group, Group.shift);
  let sum = v128.load(group, Group.sum);
  let products = v128.load(group, Group.squares);
  do {
    const g = v128.load(grad);
    sum = f32x4.add(sum, g);
    products = multiplyAdd(g, f32x4.sub(v128.load(from), mean), products);
    from += fromStep;
    grad += gradStep;
  } while (--pixels);
  v128.store(group, sum, Group.sum);
  v128.store(group, products, Group.squares);
}

/** The float32 sums go to the float64 ones. */
function promoteSums(groups: usize, channels: i32): void {
  const zero = i32x4.splat(0);
  for (let group = groups; channels > 0; channels -= LANES, group += Group.bytes) {
    addPromoted(group, v128.load(group, Group.sum));
    addPromoted(group + Group.secondLow, v128.load(group, Group.squares));
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.squares);
  }
}

// @ts-ignore: decorator
@inline
function addPromoted(sums: usize, v: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums, 0), f64x2.promote_low_f32x4(v)), 0);
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(highHalf(v))), 16);
}

/** Parameter gradients of 4 channels; the factors of dy and of input − mean, and what is added, become their coefficients. */
function finishGrads(record: BatchNormalizationInputGrad, group: usize, coefficients: usize, channel: i32, pixels: f64): void {
  const rest = record.input.channels - channel;
  const inverse = v128.load(f32At(record.inverse, channel), 0);
  const betaGrad = demote(v128.load(group, Group.firstLow), v128.load(group, Group.firstHigh));
  const gammaGrad = f32x4.mul(demote(v128.load(group, Group.secondLow), v128.load(group, Group.secondHigh)), inverse);
  const add = record.parameterWrite == Write.add || changetype<RunHeader>(RUN_HEADER).accumulate != 0;
  if (record.betaGrad != 0) storeGrad(f32At(record.betaGrad, channel), betaGrad, rest, add);
  if (record.gammaGrad != 0) storeGrad(f32At(record.gammaGrad, channel), gammaGrad, rest, add);
  const factor = f32x4.mul(inverse, channelsOr(record.gamma, channel, constant(Constant.one)));
  const negativeFactor = f32x4.div(f32x4.neg(factor), f32x4.splat(<f32>pixels));
  v128.store(coefficients, factor, Coefficients.factor);
  v128.store(coefficients, f32x4.mul(negativeFactor, f32x4.mul(gammaGrad, inverse)), Coefficients.slope);
  v128.store(coefficients, f32x4.mul(negativeFactor, betaGrad), Coefficients.offset);
  v128.store(coefficients, v128.load(f32At(record.mean, channel), 0), Coefficients.mean);
}

function storeGrad(to: usize, value: v128, count: i32, add: bool): void {
  storeUpTo(to, add ? f32x4.add(v128.load(to, 0), value) : value, count);
}

function inputGradRow(record: BatchNormalizationInputGrad, row: i32, groups: usize, first: i32, end: i32): void {
  const add = record.write == Write.add;
  const fromStep = <usize>record.input.pixelStride << 2;
  const gradStep = <usize>record.outputGrad.pixelStride << 2;
  const toStep = <usize>record.inputGrad.pixelStride << 2;
  const most = writtenAtOnce(end - first);
  let fromPixel = f32At(rowPtr(record.input, row), first);
  let gradPixel = f32At(rowPtr(record.outputGrad, row), first);
  let toPixel = f32At(rowPtr(record.inputGrad, row), first);
  for (let left = record.input.width; left > 0; left -= most) {
    const pixels = min(left, most);
    let from = fromPixel;
    let grad = gradPixel;
    let to = toPixel;
    let coefficients = groups;
    let channels = end - first;
    if (!add) {
      for (; channels >= 2 * LANES; channels -= 2 * LANES, from += 32, grad += 32, to += 32, coefficients += 2 * Coefficients.bytes) {
        inputGradPair(from, fromStep, grad, gradStep, to, toStep, coefficients, pixels);
      }
    }
    for (; channels > 0; channels -= LANES, from += 16, grad += 16, to += 16, coefficients += Coefficients.bytes) {
      inputGradQuad(from, fromStep, grad, gradStep, to, toStep, coefficients, pixels, channels, add);
    }
    fromPixel += fromStep * most;
    gradPixel += gradStep * most;
    toPixel += toStep * most;
  }
}

/** 8 channels of some pixels. */
// @ts-ignore: decorator
@inline
function inputGradPair(
  from: usize, fromStep: usize, grad: usize, gradStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32,
): void {
  const mean0 = v128.load(coefficients, Coefficients.mean);
  const slope0 = v128.load(coefficients, Coefficients.slope);
  const offset0 = v128.load(coefficients, Coefficients.offset);
  const factor0 = v128.load(coefficients, Coefficients.factor);
  const mean1 = v128.load(coefficients, Coefficients.bytes + Coefficients.mean);
  const slope1 = v128.load(coefficients, Coefficients.bytes + Coefficients.slope);
  const offset1 = v128.load(coefficients, Coefficients.bytes + Coefficients.offset);
  const factor1 = v128.load(coefficients, Coefficients.bytes + Coefficients.factor);
  do {
    v128.store(to, gradient(v128.load(from), v128.load(grad), mean0, slope0, offset0, factor0));
    v128.store(to, gradient(v128.load(from, 16), v128.load(grad, 16), mean1, slope1, offset1, factor1), 16);
    from += fromStep;
    grad += gradStep;
    to += toStep;
  } while (--pixels);
}

/** The last channels of some pixels, 4 at most; all where they are added. */
// @ts-ignore: decorator
@inline
function inputGradQuad(
  from: usize, fromStep: usize, grad: usize, gradStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32, channels: i32, add: bool,
): void {
  const mean = v128.load(coefficients, Coefficients.mean);
  const slope = v128.load(coefficients, Coefficients.slope);
  const offset = v128.load(coefficients, Coefficients.offset);
  const factor = v128.load(coefficients, Coefficients.factor);
  do {
    let value = gradient(v128.load(from), v128.load(grad), mean, slope, offset, factor);
    if (add) value = f32x4.add(v128.load(to), value);
    storeUpTo(to, value, channels);
    from += fromStep;
    grad += gradStep;
    to += toStep;
  } while (--pixels);
}

// @ts-ignore: decorator
@inline
function gradient(x: v128, outputGrad: v128, mean: v128, slope: v128, offset: v128, factor: v128): v128 {
  return multiplyAdd(outputGrad, factor, multiplyAdd(f32x4.sub(x, mean), slope, offset));
}
