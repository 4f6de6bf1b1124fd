/** Gradients of batch normalization; see batchNormalization.ts for scratch and threads. */
import { BatchNormalizationInputGrad, RunHeader, RUN_HEADER, Write } from "./records";
import { channelsOr, Coefficients, demote, firstChannel, Group, highHalf, isFar, SUMMED_PIXELS, summedAtOnce, writtenAtOnce } from "./channelGroups";
import { sumPixels, writeRow } from "./channelRows";
import { constant, Constant, f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { touchLines } from "./pages";

/**
 * gammaGrad, betaGrad [channels] and inputGrad [batch, height, width, channels] ← or += from outputGrad. With x̂ = (input − mean) · inverse
 * and n pixels: betaGrad = Σ dy, gammaGrad = Σ dy · x̂, inputGrad = gamma · inverse · (dy − betaGrad / n − x̂ · gammaGrad / n).
 */
export function batchNormalizationInputGrad(record: BatchNormalizationInputGrad, thread: i32, threads: i32): void {
  const input = record.input;
  const outputGrad = record.outputGrad;
  const first = firstChannel(input.channels, thread, threads);
  const end = firstChannel(input.channels, thread + 1, threads);
  if (first == end) return;
  const batch = changetype<RunHeader>(RUN_HEADER).batch;
  const rows = batch * input.height;
  const groups = record.scratch + (first / LANES) * Group.bytes;
  const channels = end - first;
  memory.fill(groups, 0, ((channels + LANES - 1) / LANES) * Group.bytes);
  for (let channel = first, group = groups; channel < end; channel += LANES, group += Group.bytes) {
    v128.store(group, v128.load(f32At(record.mean, channel)), Group.shift);
  }
  const pixels = rows * input.width;
  const far = isFar(input, 3, batch);
  const summed = summedAtOnce(channels, far);
  const written = writtenAtOnce(channels, far);
  for (let at = 0; at < pixels; at += SUMMED_PIXELS) {
    sumPixels<OutputGrad>(input, outputGrad, at, min(at + SUMMED_PIXELS, pixels), groups, first, end, summed);
    promoteSums(groups, channels);
  }
  for (let channel = first, group = groups, to = groups; channel < end; channel += LANES) {
    finishGrads(record, group, to, channel, pixels);
    group += Group.bytes;
    to += Coefficients.bytes;
  }
  if (changetype<usize>(record.inputGrad) == 0) return;
  for (let row = 0; row < rows; row++) {
    if (record.write == Write.add) writeRow<AddedInputGrad>(input, outputGrad, record.inputGrad, row, groups, first, end, written);
    else writeRow<InputGrad>(input, outputGrad, record.inputGrad, row, groups, first, end, written);
  }
}

/** Sums dy and dy · (input − mean). */
@final
@unmanaged
class OutputGrad {
  // @ts-ignore: decorator
  @inline
  touch(from: usize, end: usize): void {
    touchLines(from, end);
  }

  // @ts-ignore: decorator
  @inline
  of(deviation: v128, grad: usize, at: usize): v128 {
    return v128.load(grad + at);
  }
}

/** The float32 sums go to the float64 ones. */
function promoteSums(groups: usize, channels: i32): void {
  const zero = i32x4.splat(0);
  for (let group = groups; channels > 0; channels -= LANES, group += Group.bytes) {
    addPromoted(group, v128.load(group, Group.sum));
    addPromoted(group + Group.secondLow, v128.load(group, Group.products));
    v128.store(group, zero, Group.sum);
    v128.store(group, zero, Group.products);
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

@final
@unmanaged
class InputGrad {
  // @ts-ignore: decorator
  @inline
  of(line: v128, grad: usize, factor: v128, to: usize, at: usize): v128 {
    return multiplyAdd(v128.load(grad + at), factor, line);
  }
}

@final
@unmanaged
class AddedInputGrad {
  // @ts-ignore: decorator
  @inline
  of(line: v128, grad: usize, factor: v128, to: usize, at: usize): v128 {
    return f32x4.add(v128.load(to + at), multiplyAdd(v128.load(grad + at), factor, line));
  }
}
