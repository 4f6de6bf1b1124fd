/**
 * Batch normalization (Ioffe & Szegedy 2015). Threads split the channels, four at a time, so a channel's sums run over batch
 * and rows in one order. Sums of some pixels are float32; they are combined in float64.
 *
 * Scratch: a Group for every 4 channels (or part of 4), once, since no two threads share channels. Their coefficients later take its place.
 */
import { BatchNormalizationOutput, RunHeader, RUN_HEADER, Tensor } from "./records";
import { channelsOr, Coefficients, demote, firstChannel, Group, highHalf, isFar, SUMMED_PIXELS, summedAtOnce, writtenAtOnce } from "./channelGroups";
import { sumPixels, writeRow } from "./channelRows";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";

/** mean, variance, inverse [channels] and output [batch, height, width, channels] ← from input and its batch statistics. */
export function batchNormalizationOutput(record: BatchNormalizationOutput, thread: i32, threads: i32): void {
  const input = record.input;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const groups = record.scratch + (first / LANES) * Group.bytes;
  const batch = changetype<RunHeader>(RUN_HEADER).batch;
  const rows = batch * input.height;
  const pixels = rows * input.width;
  const far = isFar(input, 2, batch);
  const summed = summedAtOnce(end - first, far);
  const written = writtenAtOnce(end - first, far);
  const begin = min(pixels, SUMMED_PIXELS);
  // The first pixels go in twice: their mean is the shift that their own deviations are taken from.
  startMoments(input, groups, first, end);
  sumPixels<Deviation>(input, input, 0, begin, groups, first, end, summed);
  combineSums(groups, end - first, 0, begin);
  clearSquares(groups, end - first);
  for (let at = 0; at < pixels; at += SUMMED_PIXELS) {
    const next = min(at + SUMMED_PIXELS, pixels);
    sumPixels<Deviation>(input, input, at, next, groups, first, end, summed);
    combineSums(groups, end - first, at, next - at);
  }
  for (let channel = first, group = groups, to = groups; channel < end; channel += LANES) {
    finishMoments(record, group, to, channel, pixels);
    group += Group.bytes;
    to += Coefficients.bytes;
  }
  for (let row = 0; row < rows; row++) writeRow<Normalized>(input, input, record.output, row, groups, first, end, written);
}

function startMoments(input: Tensor, groups: usize, first: i32, end: i32): void {
  const zero = i32x4.splat(0);
  for (let channel = first, group = groups; channel < end; channel += LANES, group += Group.bytes) {
    const pixel = v128.load(f32At(input.base, channel), 0);
    v128.store(group, f64x2.promote_low_f32x4(pixel), Group.firstLow);
    v128.store(group, f64x2.promote_low_f32x4(highHalf(pixel)), Group.firstHigh);
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.products);
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

/** Sums x − shift and its square, shift being the mean so far: no digits are lost to a large mean. */
@final
@unmanaged
class Deviation {
  // @ts-ignore: decorator
  @inline
  touch(from: usize, end: usize): void {}

  // @ts-ignore: decorator
  @inline
  of(deviation: v128, other: usize, at: usize): v128 {
    return deviation;
  }
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
    const squares = v128.load(group, Group.products);
    combineHalf(group, shift, sum, squares, inverse, meanFactor, squareFactor);
    combineHalf(group + Group.firstHigh, highHalf(shift), highHalf(sum), highHalf(squares), inverse, meanFactor, squareFactor);
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.products);
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

@final
@unmanaged
class Normalized {
  // @ts-ignore: decorator
  @inline
  of(line: v128, other: usize, factor: v128, to: usize, at: usize): v128 {
    return line;
  }
}
