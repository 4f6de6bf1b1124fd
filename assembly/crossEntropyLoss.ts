/**
 * Cross-entropy of a pixel's classes and its gradient. A sample belongs to one thread; channels are summed in four lanes, then
 * `sumLanes`, pixels in f64 in reading order: no bit depends on the batch or the threads.
 */
import { CrossEntropy, CrossEntropyLoss, RunHeader, RUN_HEADER } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo, sumLanes } from "./lanes";
import { log } from "./math";
import { ownLanes } from "./runs";
import { exponentials, maximum } from "./softmax";

/**
 * losses [batch] ← sampleWeight · mean over pixels of −Σ target · log p;
 * predictionGrad [batch, height, width, channels] (0: none) ← its derivative × lossScale.
 * target: class numbers [batch, height, width] for the sparse kinds, else [batch, height, width, channels].
 * A target that is no class of the prediction makes the sample's loss NaN. predictionGrad may be prediction.
 */
export function crossEntropyLoss(record: CrossEntropyLoss, thread: i32, threads: i32): void {
  const header = changetype<RunHeader>(RUN_HEADER);
  const prediction = record.prediction;
  const pixels = prediction.height * prediction.width;
  for (let sample = thread; sample < header.batch; sample += threads) {
    const weight: f32 = record.sampleWeight != 0 ? load<f32>(f32At(record.sampleWeight, sample)) : 1;
    const total = sampleLoss(record, sample, (header.lossScale * weight) / <f32>pixels);
    store<f32>(f32At(record.losses, sample), weight * <f32>(total / <f64>pixels));
  }
}

/** Sum over the pixels of one sample. `factor` multiplies the gradients. */
function sampleLoss(record: CrossEntropyLoss, sample: i32, factor: f32): f64 {
  const prediction = record.prediction;
  const grad = record.predictionGrad;
  const channels = prediction.channels;
  const sparse = record.kind == CrossEntropy.sparseLogits || record.kind == CrossEntropy.sparse;
  const logits = record.kind == CrossEntropy.sparseLogits || record.kind == CrossEntropy.categoricalLogits;
  const targetStep = sparse ? 1 : channels;
  let target = f32At(record.target, sample * prediction.height * prediction.width * targetStep);
  let total: f64 = 0;
  for (let y = 0; y < prediction.height; y++) {
    let from = f32At(prediction.base, sample * prediction.imageStride + y * prediction.rowStride);
    let to: usize = 0;
    if (changetype<usize>(grad) != 0) to = f32At(grad.base, sample * grad.imageStride + y * grad.rowStride);
    for (let x = 0; x < prediction.width; x++) {
      if (logits) total += sparse ? sparseLogits(from, to, target, channels, factor) : categoricalLogits(from, to, target, channels, factor);
      else total += sparse ? sparseProbabilities(from, to, target, channels, factor) : categoricalProbabilities(from, to, target, channels, factor);
      from = f32At(from, prediction.pixelStride);
      if (to != 0) to = f32At(to, grad.pixelStride);
      target = f32At(target, targetStep);
    }
  }
  return total;
}

// @ts-ignore: decorator
@inline
function scalarLog(x: f32): f32 {
  return f32x4.extract_lane(log(f32x4.splat(x)), 0);
}

/** The class number at `target`, or −1 if it is none. */
// @ts-ignore: decorator
@inline
function classAt(target: usize, channels: i32): i32 {
  const value = load<f32>(target);
  const index = <i32>value;
  return <f32>index == value && <u32>index < <u32>channels ? index : -1;
}

/** loss = log Σ e^(x − max) + max − x[class]; gradient = softmax − one-hot. */
function sparseLogits(from: usize, to: usize, target: usize, channels: i32, factor: f32): f32 {
  const index = classAt(target, channels);
  const max = maximum(from, channels);
  const chosen = index < 0 ? f32.NaN : load<f32>(f32At(from, index));
  const sum = exponentials(from, to, channels, max);
  if (to != 0) {
    scaleBy(factor / sum, to, channels);
    if (index >= 0) store<f32>(f32At(to, index), load<f32>(f32At(to, index)) - factor);
  }
  return scalarLog(sum) + (max - chosen);
}

/** loss = Σ target · (log Σ e^(x − max) + max − x); gradient = softmax · Σ target − target. */
function categoricalLogits(from: usize, to: usize, target: usize, channels: i32, factor: f32): f32 {
  const max = maximum(from, channels);
  const shift = f32x4.splat(max);
  let targets = f32x4.splat(0);
  let products = f32x4.splat(0);
  for (let i = 0; i < channels; i += LANES) {
    const t = ownLanes(channels - i, v128.load(f32At(target, i)));
    targets = f32x4.add(targets, t);
    // A target of 0 takes nothing, even from a logit of −Infinity; 0 · Infinity would be NaN.
    const taken = v128.and(f32x4.mul(t, f32x4.sub(shift, v128.load(f32At(from, i)))), f32x4.ne(t, f32x4.splat(0)));
    products = f32x4.add(products, taken);
  }
  const mass = sumLanes(targets);
  const sum = exponentials(from, to, channels, max);
  if (to != 0) {
    const scale = f32x4.splat((factor * mass) / sum);
    for (let i = 0; i < channels; i += LANES) {
      const taken = f32x4.mul(f32x4.splat(factor), v128.load(f32At(target, i)));
      storeUpTo(f32At(to, i), f32x4.sub(f32x4.mul(v128.load(f32At(to, i)), scale), taken), channels - i);
    }
  }
  return mass * scalarLog(sum) + sumLanes(products);
}

/** q = p / Σ p, clipped; loss = −log q[class]; gradient = (1 − one-hot / q[class]) / Σ p, 0 where q[class] is clipped. */
function sparseProbabilities(from: usize, to: usize, target: usize, channels: i32, factor: f32): f32 {
  const sum = sumOf(from, channels);
  const index = classAt(target, channels);
  const q = f32x4.splat(index < 0 ? f32.NaN : load<f32>(f32At(from, index)) / sum);
  if (to != 0) {
    const open = f32x4.extract_lane(v128.and(constant(Constant.one), isOpen(q)), 0);
    const level = (factor * open) / sum;
    for (let i = 0; i < channels; i += LANES) storeUpTo(f32At(to, i), f32x4.splat(level), channels - i);
    // Clipped: nothing to add, and q may be 0.
    if (index >= 0 && open != 0) store<f32>(f32At(to, index), level - level / f32x4.extract_lane(q, 0));
  }
  return -f32x4.extract_lane(log(clipped(q)), 0);
}

/** loss = −Σ target · log q; gradient = (Σ target over unclipped classes − target / q where unclipped) / Σ p. */
function categoricalProbabilities(from: usize, to: usize, target: usize, channels: i32, factor: f32): f32 {
  const sum = sumOf(from, channels);
  const sums = f32x4.splat(sum);
  let products = f32x4.splat(0);
  let opens = f32x4.splat(0);
  for (let i = 0; i < channels; i += LANES) {
    const q = f32x4.div(v128.load(f32At(from, i)), sums);
    const t = v128.load(f32At(target, i));
    products = f32x4.add(products, ownLanes(channels - i, f32x4.mul(t, log(clipped(q)))));
    opens = f32x4.add(opens, ownLanes(channels - i, v128.and(t, isOpen(q))));
  }
  if (to != 0) {
    const level = f32x4.splat(sumLanes(opens));
    const scale = f32x4.splat(factor / sum);
    for (let i = 0; i < channels; i += LANES) {
      const q = f32x4.div(v128.load(f32At(from, i)), sums);
      const own = v128.and(f32x4.div(v128.load(f32At(target, i)), q), isOpen(q));
      storeUpTo(f32At(to, i), f32x4.mul(f32x4.sub(level, own), scale), channels - i);
    }
  }
  return -sumLanes(products);
}

/** Keras' backend epsilon: probabilities are kept in [1e-7, 1 − 1e-7]. NaN stays. */
// @ts-ignore: decorator
@inline
export function clipped(p: v128): v128 {
  return f32x4.pmin(f32x4.pmax(p, constant(Constant.probabilityLow)), constant(Constant.probabilityHigh));
}

/** All ones where `clipped` changes nothing; NaN counts as unclipped, so that it reaches the gradient. */
// @ts-ignore: decorator
@inline
export function isOpen(p: v128): v128 {
  return v128.not(v128.or(f32x4.lt(p, constant(Constant.probabilityLow)), f32x4.gt(p, constant(Constant.probabilityHigh))));
}

function sumOf(from: usize, count: i32): f32 {
  let sum = f32x4.splat(0);
  for (let i = 0; i < count; i += LANES) sum = f32x4.add(sum, ownLanes(count - i, v128.load(f32At(from, i))));
  return sumLanes(sum);
}

function scaleBy(factor: f32, to: usize, count: i32): void {
  for (let i = 0; i < count; i += LANES) storeUpTo(f32At(to, i), f32x4.mul(v128.load(f32At(to, i)), f32x4.splat(factor)), count - i);
}
