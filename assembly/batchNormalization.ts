/**
 * Batch normalization (Ioffe & Szegedy 2015). Threads split the channels, four at a time, so a channel's sums run over batch
 * and rows in one order. Sums of some pixels are float32; they are combined in float64.
 *
 * Scratch: a Group for every 4 channels (or part of 4), once, since no two threads share channels. Their coefficients later take its place.
 */
import { BatchNormalizationOutput, RunHeader, RUN_HEADER, Tensor } from "./records";
import { channelsOr, Coefficients, demote, firstChannel, Group, highHalf, rowPtr, SUMMED_PIXELS, summedAtOnce, writtenAtOnce } from "./channelGroups";
import { constant, Constant, f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { touchLines } from "./pages";

/** mean, variance, inverse [channels] and output [batch, height, width, channels] ← from input and its batch statistics. */
export function batchNormalizationOutput(record: BatchNormalizationOutput, thread: i32, threads: i32): void {
  const input = record.input;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const groups = record.scratch + (first / LANES) * Group.bytes;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * input.height;
  const pixels = rows * input.width;
  const begin = min(pixels, SUMMED_PIXELS);
  // The first pixels go in twice: their mean is the shift that their own deviations are taken from.
  startMoments(input, groups, first, end);
  sumPixels(input, 0, begin, groups, first, end);
  combineSums(groups, end - first, 0, begin);
  clearSquares(groups, end - first);
  for (let at = 0; at < pixels; at += SUMMED_PIXELS) {
    const next = min(at + SUMMED_PIXELS, pixels);
    sumPixels(input, at, next, groups, first, end);
    combineSums(groups, end - first, at, next - at);
  }
  for (let channel = first, group = groups, to = groups; channel < end; channel += LANES) {
    finishMoments(record, group, to, channel, pixels);
    group += Group.bytes;
    to += Coefficients.bytes;
  }
  for (let row = 0; row < rows; row++) normalizeRow(record, row, groups, first, end);
}

function startMoments(input: Tensor, groups: usize, first: i32, end: i32): void {
  const zero = i32x4.splat(0);
  for (let channel = first, group = groups; channel < end; channel += LANES, group += Group.bytes) {
    const pixel = v128.load(f32At(input.base, channel), 0);
    v128.store(group, f64x2.promote_low_f32x4(pixel), Group.firstLow);
    v128.store(group, f64x2.promote_low_f32x4(highHalf(pixel)), Group.firstHigh);
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.squares);
    v128.store(group, pixel, Group.shift);
  }
  clearSquares(groups, end - first);
}

function clearSquares(groups: usize, channels: i32): void {
  const zero = i32x4.splat(0);
  for (let group = groups; channels > 0; channels -= LANES, group += Group.bytes) {
    v128.store(group, zero, Group.secondLow);
    v128.store(group, zero, Group.secondHigh);
  }
}

/** Pixels from one to another, counted over all images. */
function sumPixels(input: Tensor, from: i32, to: i32, groups: usize, first: i32, end: i32): void {
  while (from < to) {
    const x = from % input.width;
    const pixels = min(to - from, input.width - x);
    sumRun(input, from / input.width, x, pixels, groups, first, end);
    from += pixels;
  }
}

/**
 * Adds pixels of a row to the float32 sums of x − shift and of its square, shift being the mean so far: no digits are lost to a large
 * mean.
 */
function sumRun(input: Tensor, row: i32, x: i32, count: i32, groups: usize, first: i32, end: i32): void {
  const step = <usize>input.pixelStride << 2;
  let pixel = f32At(rowPtr(input, row), first) + x * step;
  const most = summedAtOnce(end - first);
  for (let left = count; left > 0; left -= most) {
    const pixels = min(left, most);
    let from = pixel;
    touchLines(from, f32At(from + step * (pixels - 1), end - first));
    let group = groups;
    let channels = end - first;
    for (; channels > LANES; channels -= 2 * LANES, from += 32, group += 2 * Group.bytes) sumPair(from, step, group, pixels);
    if (channels > 0) sumQuad(from, step, group, pixels);
    pixel += step * most;
  }
}

/** 8 channels of some pixels: half a cache line of each. */
// @ts-ignore: decorator
@inline
function sumPair(from: usize, step: usize, group: usize, pixels: i32): void {
  const shift0 = v128.load(group, Group.shift);
  const shift1 = v128.load(group, Group.bytes + Group.shift);
  let sum0 = v128.load(group, Group.sum);
  let sum1 = v128.load(group, Group.bytes + Group.sum);
  let squares0 = v128.load(group, Group.squares);
  let squares1 = v128.load(group, Group.bytes + Group.squares);
  do {
    let d = f32x4.sub(v128.load(from), shift0);
    sum0 = f32x4.add(sum0, d);
    squares0 = multiplyAdd(d, d, squares0);
    d = f32x4.sub(v128.load(from, 16), shift1);
    sum1 = f32x4.add(sum1, d);
    squares1 = multiplyAdd(d, d, squares1);
    from += step;
  } while (--pixels);
  v128.store(group, sum0, Group.sum);
  v128.store(group, squares0, Group.squares);
  v128.store(group, sum1, Group.bytes + Group.sum);
  v128.store(group, squares1, Group.bytes + Group.squares);
}

/** The last 4 channels, or fewer. */
// @ts-ignore: decorator
@inline
function sumQuad(from: usize, step: usize, group: usize, pixels: i32): void {
  const shift = v128.load(group, Group.shift);
  let sum = v128.load(group, Group.sum);
  let squares = v128.load(group, Group.squares);
  do {
    const d = f32x4.sub(v128.load(from), shift);
    sum = f32x4.add(sum, d);
    squares = multiplyAdd(d, d, squares);
    from += step;
  } while (--pixels);
  v128.store(group, sum, Group.sum);
  v128.store(group, squares, Group.squares);
}

/** The float32 sums of `summed` pixels to mean and Σ(x − mean)² of `pixels` earlier ones: Chan, Golub & LeVeque 1979. */
function combineSums(groups: usize, channels: i32, pixels: f64, summed: f64): void {
  const share = summed / (pixels + summed);
  const inverse = f64x2.splat(1 / summed);
  const meanFactor = f64x2.splat(share);
  const squareFactor = f64x2.splat(pixels * share);
  const zero = i32x4.splat(0);
  for (let group = groups; channels > 0; channels -= LANES, group += Group.bytes) {
    const shift = v128.load(group, Group.shift);
    const sum = v128.load(group, Group.sum);
    const squares = v128.load(group, Group.squares);
    combineHalf(group, shift, sum, squares, inverse, meanFactor, squareFactor);
    combineHalf(group + Group.firstHigh, highHalf(shift), highHalf(sum), highHalf(squares), inverse, meanFactor, squareFactor);
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.squares);
    v128.store(group, demote(v128.load(group, Group.firstLow), v128.load(group, Group.firstHigh)), Group.shift);
  }
}

/** The two low lanes of sums into the float64 moments at `group`. */
// @ts-ignore: decorator
@inline
function combineHalf(
  group: usize, shift: v128, sum: v128, squares: v128, inverse: v128, meanFactor: v128, squareFactor: v128,
): void {
  const total = f64x2.promote_low_f32x4(sum);
  const fromShift = f64x2.mul(total, inverse);
  const around = f64x2.sub(f64x2.promote_low_f32x4(squares), f64x2.mul(total, fromShift));
  const mean = v128.load(group, Group.firstLow);
  const step = f64x2.sub(f64x2.add(f64x2.promote_low_f32x4(shift), fromShift), mean);
  v128.store(group, f64x2.add(mean, f64x2.mul(step, meanFactor)), Group.firstLow);
  const between = f64x2.mul(f64x2.mul(step, step), squareFactor);
  v128.store(group, f64x2.add(v128.load(group, Group.secondLow), f64x2.add(around, between)), Group.secondLow);
}

/** Statistics of 4 channels to their arrays; mean, inverse · gamma and beta become their coefficients. */
function finishMoments(record: BatchNormalizationOutput, group: usize, coefficients: usize, channel: i32, pixels: f64): void {
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
  v128.store(coefficients, mean, Coefficients.mean);
  v128.store(coefficients, f32x4.mul(inverse, channelsOr(record.gamma, channel, constant(Constant.one))), Coefficients.slope);
  v128.store(coefficients, channelsOr(record.beta, channel, zero), Coefficients.offset);
}

function normalizeRow(record: BatchNormalizationOutput, row: i32, groups: usize, first: i32, end: i32): void {
  const input = record.input;
  const output = record.output;
  const fromStep = <usize>input.pixelStride << 2;
  const toStep = <usize>output.pixelStride << 2;
  const most = writtenAtOnce(end - first);
  let fromPixel = f32At(rowPtr(input, row), first);
  let toPixel = f32At(rowPtr(output, row), first);
  for (let left = input.width; left > 0; left -= most) {
    const pixels = min(left, most);
    let from = fromPixel;
    let to = toPixel;
    let coefficients = groups;
    let channels = end - first;
    for (; channels >= 2 * LANES; channels -= 2 * LANES, from += 32, to += 32, coefficients += 2 * Coefficients.bytes) {
      normalizePair(from, fromStep, to, toStep, coefficients, pixels);
    }
    for (; channels > 0; channels -= LANES, from += 16, to += 16, coefficients += Coefficients.bytes) {
      normalizeQuad(from, fromStep, to, toStep, coefficients, pixels, channels);
    }
    fromPixel += fromStep * most;
    toPixel += toStep * most;
  }
}

/** 8 channels of some pixels. */
// @ts-ignore: decorator
@inline
function normalizePair(from: usize, fromStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32): void {
  const mean0 = v128.load(coefficients, Coefficients.mean);
  const slope0 = v128.load(coefficients, Coefficients.slope);
  const offset0 = v128.load(coefficients, Coefficients.offset);
  const mean1 = v128.load(coefficients, Coefficients.bytes + Coefficients.mean);
  const slope1 = v128.load(coefficients, Coefficients.bytes + Coefficients.slope);
  const offset1 = v128.load(coefficients, Coefficients.bytes + Coefficients.offset);
  do {
    v128.store(to, normalized(v128.load(from), mean0, slope0, offset0));
    v128.store(to, normalized(v128.load(from, 16), mean1, slope1, offset1), 16);
    from += fromStep;
    to += toStep;
  } while (--pixels);
}

/** The last channels of some pixels, 4 at most. */
// @ts-ignore: decorator
@inline
function normalizeQuad(from: usize, fromStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32, channels: i32): void {
  const mean = v128.load(coefficients, Coefficients.mean);
  const slope = v128.load(coefficients, Coefficients.slope);
  const offset = v128.load(coefficients, Coefficients.offset);
  do {
    storeUpTo(to, normalized(v128.load(from), mean, slope, offset), channels);
    from += fromStep;
    to += toStep;
  } while (--pixels);
}

// @ts-ignore: decorator
@inline
function normalized(x: v128, mean: v128, slope: v128, offset: v128): v128 {
  return multiplyAdd(f32x4.sub(x, mean), slope, offset);
}
