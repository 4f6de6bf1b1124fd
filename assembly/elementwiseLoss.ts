/**
 * Losses that are a mean over elements, one class each: value and derivative side by side. Formulas: Keras 3.
 * A sample belongs to one thread. Elements are summed in four lanes along each run (a row; a pixel of a channel slice), runs in
 * f64 in reading order: no bit depends on the batch or the threads.
 */
import { ElementLoss, ElementwiseLoss, RunHeader, RUN_HEADER } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo, sumLanes } from "./lanes";
import { exp, log, log1pOfFraction, sigmoid } from "./math";
import { ownLanes, rowsAreRuns } from "./runs";
import { clipped, isOpen } from "./crossEntropyLoss";

/**
 * losses [batch] ← sampleWeight · mean over the elements of the sample;
 * predictionGrad [batch, height, width, channels] (0: none) ← its derivative × lossScale.
 * target [batch, height, width, channels]. predictionGrad may be prediction.
 */
export function elementwiseLoss(record: ElementwiseLoss, thread: i32, threads: i32): void {
  switch (record.kind) {
    case ElementLoss.meanSquaredError: return samples<SquaredError>(record, thread, threads);
    case ElementLoss.meanAbsoluteError: return samples<AbsoluteError>(record, thread, threads);
    case ElementLoss.huber: return samples<Huber>(record, thread, threads);
    case ElementLoss.binaryCrossEntropy: return samples<BinaryCrossEntropy>(record, thread, threads);
    case ElementLoss.binaryCrossEntropyLogits: return samples<BinaryCrossEntropyLogits>(record, thread, threads);
    default: unreachable();
  }
}

function samples<L>(record: ElementwiseLoss, thread: i32, threads: i32): void {
  const header = changetype<RunHeader>(RUN_HEADER);
  const prediction = record.prediction;
  const elements = prediction.height * prediction.width * prediction.channels;
  for (let sample = thread; sample < header.batch; sample += threads) {
    const weight: f32 = record.sampleWeight != 0 ? load<f32>(f32At(record.sampleWeight, sample)) : 1;
    const total = sampleLoss<L>(record, sample, (header.lossScale * weight) / <f32>elements);
    store<f32>(f32At(record.losses, sample), weight * <f32>(total / <f64>elements));
  }
}

/** Sum over the elements of one sample. `factor` multiplies the gradients. */
function sampleLoss<L>(record: ElementwiseLoss, sample: i32, factor: f32): f64 {
  const prediction = record.prediction;
  const grad = record.predictionGrad;
  const hasGrad = changetype<usize>(grad) != 0;
  const whole = rowsAreRuns(prediction) && (!hasGrad || rowsAreRuns(grad));
  const count = whole ? prediction.width * prediction.channels : prediction.channels;
  const runs = whole ? 1 : prediction.width;
  let target = f32At(record.target, sample * prediction.height * prediction.width * prediction.channels);
  let total: f64 = 0;
  for (let y = 0; y < prediction.height; y++) {
    let from = f32At(prediction.base, sample * prediction.imageStride + y * prediction.rowStride);
    let to: usize = 0;
    if (hasGrad) to = f32At(grad.base, sample * grad.imageStride + y * grad.rowStride);
    for (let i = 0; i < runs; i++) {
      total += runLoss<L>(from, to, target, count, record.delta, factor);
      from = f32At(from, prediction.pixelStride);
      if (hasGrad) to = f32At(to, grad.pixelStride);
      target = f32At(target, count);
    }
  }
  return total;
}

function runLoss<L>(from: usize, to: usize, target: usize, count: i32, delta: f32, factor: f32): f32 {
  const loss = changetype<L>(0);
  const deltas = f32x4.splat(delta);
  const factors = f32x4.splat(factor);
  let sum = f32x4.splat(0);
  for (let i = 0; i < count; i += LANES) {
    const p = v128.load(f32At(from, i));
    const t = v128.load(f32At(target, i));
    sum = f32x4.add(sum, ownLanes(count - i, loss.value(p, t, deltas)));
    if (to != 0) storeUpTo(f32At(to, i), f32x4.mul(loss.grad(p, t, deltas), factors), count - i);
  }
  return sumLanes(sum);
}

@final
@unmanaged
class SquaredError {
  @inline value(p: v128, t: v128, delta: v128): v128 {
    const error = f32x4.sub(p, t);
    return f32x4.mul(error, error);
  }
  @inline grad(p: v128, t: v128, delta: v128): v128 {
    const error = f32x4.sub(p, t);
    return f32x4.add(error, error);
  }
}

/** The derivative is the sign: 0 for 0, NaN for NaN. */
@final
@unmanaged
class AbsoluteError {
  @inline value(p: v128, t: v128, delta: v128): v128 { return f32x4.abs(f32x4.sub(p, t)); }
  @inline grad(p: v128, t: v128, delta: v128): v128 {
    const error = f32x4.sub(p, t);
    const sign = v128.or(v128.xor(error, f32x4.abs(error)), constant(Constant.one));
    return v128.bitselect(sign, error, v128.or(f32x4.lt(error, f32x4.splat(0)), f32x4.gt(error, f32x4.splat(0))));
  }
}

/** With c = min(|error|, delta): c (|error| − c / 2), whose derivative is the error clipped to ±delta. */
@final
@unmanaged
class Huber {
  @inline value(p: v128, t: v128, delta: v128): v128 {
    const size = f32x4.abs(f32x4.sub(p, t));
    const near = f32x4.pmin(size, delta);
    return f32x4.mul(near, f32x4.sub(size, f32x4.mul(near, constant(Constant.half))));
  }
  @inline grad(p: v128, t: v128, delta: v128): v128 {
    return f32x4.pmin(f32x4.pmax(f32x4.sub(p, t), f32x4.neg(delta)), delta);
  }
}

/** −t log p − (1 − t) log(1 − p) on p clipped as Keras does; the derivative is 0 where clipped. */
@final
@unmanaged
class BinaryCrossEntropy {
  @inline value(p: v128, t: v128, delta: v128): v128 {
    const one = constant(Constant.one);
    const q = clipped(p);
    return f32x4.neg(f32x4.add(f32x4.mul(t, log(q)), f32x4.mul(f32x4.sub(one, t), log(f32x4.sub(one, q)))));
  }
  @inline grad(p: v128, t: v128, delta: v128): v128 {
    const slope = f32x4.div(f32x4.sub(p, t), f32x4.mul(p, f32x4.sub(constant(Constant.one), p)));
    return v128.and(slope, isOpen(p));
  }
}

/** max(x, 0) − x t + log(1 + e^−|x|); the derivative is sigmoid(x) − t. */
@final
@unmanaged
class BinaryCrossEntropyLogits {
  @inline value(x: v128, t: v128, delta: v128): v128 {
    const softplus = log1pOfFraction(exp(f32x4.neg(f32x4.abs(x))));
    return f32x4.add(f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(x, t)), softplus);
  }
  @inline grad(x: v128, t: v128, delta: v128): v128 { return f32x4.sub(sigmoid(x), t); }
}
