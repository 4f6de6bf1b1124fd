/**
 * Batch normalization (Ioffe & Szegedy 2015). Threads split the channels, four at a time, so a channel's sums run over batch
 * and rows in one order. Sums within a row are float32, rows are combined in float64.
 *
 * Scratch: 64 bytes for every 4 channels (or part of 4), once, since no two threads share channels. They hold two float64 sums
 * for each channel, later four float32 coefficients: see Group.
 */
import { BatchNormalizationInputGrad, BatchNormalizationOutput, RunHeader, RUN_HEADER, Tensor, Write } from "./records";
import { constant, Constant, f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { pixelPtr } from "./tensor";

/** Immediate offsets into the 64 bytes of 4 channels. */
enum Group {
  firstLow = 0,
  firstHigh = 16,
  secondLow = 32,
  secondHigh = 48,
  bytes = 64,
}

// @ts-ignore: decorator
@inline
function groupPtr(groups: usize, channel: i32): usize {
  return groups + (channel / LANES) * Group.bytes;
}

/** First channel of a thread's share; it ends where that of thread + 1 begins. */
function firstChannel(channels: i32, thread: i32, threads: i32): i32 {
  const groups = (channels + LANES - 1) / LANES;
  return min(channels, ((groups * thread) / threads) * LANES);
}

/** mean, variance, inverse [channels] and output [batch, height, width, channels] ← from input and its batch statistics. */
export function batchNormalizationOutput(record: BatchNormalizationOutput, thread: i32, threads: i32): void {
  const input = record.input;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const batch = changetype<RunHeader>(RUN_HEADER).batch;
  const groups = record.scratch;
  // The first row goes in twice: its mean is the shift that its own deviations are taken from.
  startMoments(input, groups, first, end);
  addRowMoments(input, pixelPtr(input, 0, 0, 0), 0, groups, first, end);
  clearSquares(groups, first, end);
  let pixels: f64 = 0;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < input.height; y++) {
      addRowMoments(input, pixelPtr(input, image, y, 0), pixels, groups, first, end);
      pixels += input.width;
    }
  }
  for (let channel = first; channel < end; channel += LANES) finishMoments(record, groupPtr(groups, channel), channel, pixels);
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < input.height; y++) normalizeRow(record, image, y, groups, first, end);
  }
}

function startMoments(input: Tensor, groups: usize, first: i32, end: i32): void {
  for (let channel = first; channel < end; channel += LANES) {
    const group = groupPtr(groups, channel);
    const pixel = v128.load(f32At(input.base, channel), 0);
    v128.store(group, f64x2.promote_low_f32x4(pixel), Group.firstLow);
    v128.store(group, f64x2.promote_low_f32x4(highHalf(pixel)), Group.firstHigh);
  }
  clearSquares(groups, first, end);
}

function clearSquares(groups: usize, first: i32, end: i32): void {
  const zero = i32x4.splat(0);
  for (let channel = first; channel < end; channel += LANES) {
    const group = groupPtr(groups, channel);
    v128.store(group, zero, Group.secondLow);
    v128.store(group, zero, Group.secondHigh);
  }
}

/**
 * Adds a row of `input.width` pixels to mean and Σ(x − mean)² of `pixels` earlier ones. The row's own sums are of x − shift,
 * shift being the mean so far: no digits are lost to a large mean. Combination: Chan, Golub & LeVeque 1979.
 */
function addRowMoments(input: Tensor, row: usize, pixels: f64, groups: usize, first: i32, end: i32): void {
  const pixelBytes = <usize>input.pixelStride << 2;
  const width = input.width;
  const share = <f64>width / (pixels + <f64>width);
  const inverseWidth = f64x2.splat(1 / <f64>width);
  const meanFactor = f64x2.splat(share);
  const squareFactor = f64x2.splat(pixels * share);
  for (let channel = first; channel < end; channel += LANES) {
    const group = groupPtr(groups, channel);
    const shift = demote(v128.load(group, Group.firstLow), v128.load(group, Group.firstHigh));
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    let evenSquares = i32x4.splat(0);
    let oddSquares = i32x4.splat(0);
    let at = f32At(row, channel);
    let x = 1;
    for (; x < width; x += 2) {
      const a = f32x4.sub(v128.load(at, 0), shift);
      const b = f32x4.sub(v128.load(at + pixelBytes, 0), shift);
      even = f32x4.add(even, a);
      odd = f32x4.add(odd, b);
      evenSquares = multiplyAdd(a, a, evenSquares);
      oddSquares = multiplyAdd(b, b, oddSquares);
      at += pixelBytes << 1;
    }
    if (x == width) {
      const a = f32x4.sub(v128.load(at, 0), shift);
      even = f32x4.add(even, a);
      evenSquares = multiplyAdd(a, a, evenSquares);
    }
    const sum = f32x4.add(even, odd);
    const squares = f32x4.add(evenSquares, oddSquares);
    combineMoments(group, shift, sum, squares, inverseWidth, meanFactor, squareFactor);
    combineMoments(group + Group.firstHigh, highHalf(shift), highHalf(sum), highHalf(squares), inverseWidth, meanFactor, squareFactor);
  }
}

/** The two low lanes of a row's sums into the float64 moments at `group`. */
// @ts-ignore: decorator
@inline
function combineMoments(
  group: usize, shift: v128, sum: v128, squares: v128, inverseWidth: v128, meanFactor: v128, squareFactor: v128,
): void {
  const rowSum = f64x2.promote_low_f32x4(sum);
  const fromShift = f64x2.mul(rowSum, inverseWidth);
  const rowSquares = f64x2.sub(f64x2.promote_low_f32x4(squares), f64x2.mul(rowSum, fromShift));
  const mean = v128.load(group, Group.firstLow);
  const step = f64x2.sub(f64x2.add(f64x2.promote_low_f32x4(shift), fromShift), mean);
  v128.store(group, f64x2.add(mean, f64x2.mul(step, meanFactor)), Group.firstLow);
  const between = f64x2.mul(f64x2.mul(step, step), squareFactor);
  v128.store(group, f64x2.add(v128.load(group, Group.secondLow), f64x2.add(rowSquares, between)), Group.secondLow);
}

/** Statistics of 4 channels to their arrays; the group then holds mean, inverse · gamma and beta. */
function finishMoments(record: BatchNormalizationOutput, group: usize, channel: i32, pixels: f64): void {
  const rest = record.input.channels - channel;
  const mean = demote(v128.load(group, Group.firstLow), v128.load(group, Group.firstHigh));
  const zero = i32x4.splat(0);
  const one = f64x2.splat(1);
  const count = f64x2.splat(pixels);
  const epsilon = f64x2.splat(<f64>record.epsilon);
  // Rounding may leave a sum of squares just below 0; pmax keeps a NaN.
  const varianceLow = f64x2.div(f64x2.pmax(v128.load(group, Group.secondLow), zero), count);
  const varianceHigh = f64x2.div(f64x2.pmax(v128.load(group, Group.secondHigh), zero), count);
  const inverseLow = f64x2.div(one, f64x2.sqrt(f64x2.add(varianceLow, epsilon)));
  const inverseHigh = f64x2.div(one, f64x2.sqrt(f64x2.add(varianceHigh, epsilon)));
  const inverse = demote(inverseLow, inverseHigh);
  storeUpTo(f32At(record.mean, channel), mean, rest);
  storeUpTo(f32At(record.variance, channel), demote(varianceLow, varianceHigh), rest);
  storeUpTo(f32At(record.inverse, channel), inverse, rest);
  v128.store(group, mean, Group.firstLow);
  v128.store(group, f32x4.mul(inverse, channelsOr(record.gamma, channel, constant(Constant.one))), Group.firstHigh);
  v128.store(group, channelsOr(record.beta, channel, zero), Group.secondLow);
}

function normalizeRow(record: BatchNormalizationOutput, image: i32, y: i32, groups: usize, first: i32, end: i32): void {
  const input = record.input;
  const output = record.output;
  let from = pixelPtr(input, image, y, 0);
  let to = pixelPtr(output, image, y, 0);
  for (let x = 0; x < input.width; x++) {
    let group = groupPtr(groups, first);
    for (let channel = first; channel < end; channel += LANES) {
      const centered = f32x4.sub(v128.load(f32At(from, channel), 0), v128.load(group, Group.firstLow));
      const value = multiplyAdd(centered, v128.load(group, Group.firstHigh), v128.load(group, Group.secondLow));
      storeUpTo(f32At(to, channel), value, end - channel);
      group += Group.bytes;
    }
    from = f32At(from, input.pixelStride);
    to = f32At(to, output.pixelStride);
  }
}

/**
 * gammaGrad, betaGrad [channels] and inputGrad [batch, height, width, channels] ← or += from outputGrad. With x̂ = (input − mean) · inverse
 * and n pixels: betaGrad = Σ dy, gammaGrad = Σ dy · x̂, inputGrad = gamma · inverse · (dy − betaGrad / n − x̂ · gammaGrad / n).
 */
export function batchNormalizationInputGrad(record: BatchNormalizationInputGrad, thread: i32, threads: i32): void {
  const input = record.input;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const batch = changetype<RunHeader>(RUN_HEADER).batch;
  const groups = record.scratch;
  memory.fill(groupPtr(groups, first), 0, ((end - first + LANES - 1) / LANES) * Group.bytes);
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < input.height; y++) addRowGrads(record, image, y, groups, first, end);
  }
  const pixels = <f64>batch * <f64>(input.height * input.width);
  for (let channel = first; channel < end; channel += LANES) finishGrads(record, groupPtr(groups, channel), channel, pixels);
  if (changetype<usize>(record.inputGrad) == 0) return;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < input.height; y++) inputGradRow(record, image, y, groups, first, end);
  }
}

/** Adds a row's Σ dy and Σ dy · (input − mean). */
function addRowGrads(record: BatchNormalizationInputGrad, image: i32, y: i32, groups: usize, first: i32, end: i32): void {
  const input = record.input;
  const outputGrad = record.outputGrad;
  const inputPixel = <usize>input.pixelStride << 2;
  const gradPixel = <usize>outputGrad.pixelStride << 2;
  for (let channel = first; channel < end; channel += LANES) {
    const mean = v128.load(f32At(record.mean, channel), 0);
    let from = f32At(pixelPtr(input, image, y, 0), channel);
    let gradPtr = f32At(pixelPtr(outputGrad, image, y, 0), channel);
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    let evenProducts = i32x4.splat(0);
    let oddProducts = i32x4.splat(0);
    let x = 1;
    for (; x < input.width; x += 2) {
      const a = v128.load(gradPtr, 0);
      const b = v128.load(gradPtr + gradPixel, 0);
      even = f32x4.add(even, a);
      odd = f32x4.add(odd, b);
      evenProducts = multiplyAdd(a, f32x4.sub(v128.load(from, 0), mean), evenProducts);
      oddProducts = multiplyAdd(b, f32x4.sub(v128.load(from + inputPixel, 0), mean), oddProducts);
      from += inputPixel << 1;
      gradPtr += gradPixel << 1;
    }
    if (x == input.width) {
      const a = v128.load(gradPtr, 0);
      even = f32x4.add(even, a);
      evenProducts = multiplyAdd(a, f32x4.sub(v128.load(from, 0), mean), evenProducts);
    }
    const group = groupPtr(groups, channel);
    addPromoted(group, f32x4.add(even, odd));
    addPromoted(group + Group.secondLow, f32x4.add(evenProducts, oddProducts));
  }
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

function inputGradRow(record: BatchNormalizationInputGrad, image: i32, y: i32, groups: usize, first: i32, end: i32): void {
  const add = record.write == Write.add;
  let from = pixelPtr(record.input, image, y, 0);
  let gradPtr = pixelPtr(record.outputGrad, image, y, 0);
  let to = pixelPtr(record.inputGrad, image, y, 0);
  for (let x = 0; x < record.input.width; x++) {
    let group = groupPtr(groups, first);
    for (let channel = first; channel < end; channel += LANES) {
      const centered = f32x4.sub(v128.load(f32At(from, channel), 0), v128.load(group, Group.secondHigh));
      let value = multiplyAdd(centered, v128.load(group, Group.firstHigh), v128.load(group, Group.secondLow));
      value = multiplyAdd(v128.load(f32At(gradPtr, channel), 0), v128.load(group, Group.firstLow), value);
      if (add) value = f32x4.add(v128.load(f32At(to, channel), 0), value);
      storeUpTo(f32At(to, channel), value, end - channel);
      group += Group.bytes;
    }
    from = f32At(from, record.input.pixelStride);
    gradPtr = f32At(gradPtr, record.outputGrad.pixelStride);
    to = f32At(to, record.inputGrad.pixelStride);
  }
}

/** Four channels of a parameter, or what stands for an absent one. */
// @ts-ignore: decorator
@inline
function channelsOr(parameter: usize, channel: i32, absent: v128): v128 {
  return parameter == 0 ? absent : v128.load(f32At(parameter, channel), 0);
}

// @ts-ignore: decorator
@inline
function highHalf(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 2, 3, 2, 3);
}

// @ts-ignore: decorator
@inline
function demote(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}
