/** Optimizer steps, one pass over weight, gradient and slots. Formulas: Keras 3. */
import { AdamUpdate, RmspropUpdate, RunHeader, RUN_HEADER, SgdUpdate, Update } from "./records";
import { f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { shareStart } from "./share";

/** gradientScale, times clipNorm / √normSquares[0] where that is below 1. A NaN norm stays NaN. */
function gradientFactor(record: Update): f32 {
  const scale = changetype<RunHeader>(RUN_HEADER).gradientScale;
  if (record.clipNorm == 0) return scale;
  return scale * min<f32>(1, record.clipNorm / sqrt<f32>(load<f32>(record.normSquares)));
}

// @ts-ignore: decorator
@inline
function clipLimit(record: Update): v128 {
  return f32x4.splat(record.clipValue == 0 ? <f32>Infinity : record.clipValue);
}

/** g of 4 elements. pmin and pmax return their first operand where it is NaN. */
// @ts-ignore: decorator
@inline
function clipped(record: Update, i: i32, factor: v128, limit: v128): v128 {
  const g = f32x4.mul(v128.load(f32At(record.gradient, i), 0), factor);
  return f32x4.pmax(f32x4.pmin(g, limit), f32x4.neg(limit));
}

/** Weights of 4 elements after decoupled decay. */
// @ts-ignore: decorator
@inline
function decayed(record: Update, i: i32, decay: v128): v128 {
  const weight = v128.load(f32At(record.weight, i), 0);
  return f32x4.sub(weight, f32x4.mul(weight, decay));
}

/** velocity ← momentum · velocity − rate · g; weight += velocity, or with nesterov momentum · velocity − rate · g. */
export function sgdUpdate(record: SgdUpdate, thread: i32, threads: i32): void {
  const learningRate = changetype<RunHeader>(RUN_HEADER).learningRate;
  const factor = f32x4.splat(gradientFactor(record));
  const limit = clipLimit(record);
  const decay = f32x4.splat(record.weightDecay * learningRate);
  const rate = f32x4.splat(-learningRate);
  const momentum = f32x4.splat(record.momentum);
  const end = shareStart(record.count, thread + 1, threads);
  for (let i = shareStart(record.count, thread, threads); i < end; i += LANES) {
    let step = f32x4.mul(clipped(record, i, factor, limit), rate);
    if (record.velocity != 0) {
      const velocity = multiplyAdd(v128.load(f32At(record.velocity, i), 0), momentum, step);
      storeUpTo(f32At(record.velocity, i), velocity, end - i);
      step = record.nesterov != 0 ? multiplyAdd(velocity, momentum, step) : velocity;
    }
    storeUpTo(f32At(record.weight, i), f32x4.add(decayed(record, i, decay), step), end - i);
  }
}

/** square ← rho · square + (1 − rho) · g²; step = rate · g / √(square + epsilon); velocity ← momentum · velocity + step. */
export function rmspropUpdate(record: RmspropUpdate, thread: i32, threads: i32): void {
  const learningRate = changetype<RunHeader>(RUN_HEADER).learningRate;
  const factor = f32x4.splat(gradientFactor(record));
  const limit = clipLimit(record);
  const decay = f32x4.splat(record.weightDecay * learningRate);
  const rate = f32x4.splat(learningRate);
  const rho = f32x4.splat(record.rho);
  const take = f32x4.splat(1 - record.rho);
  const momentum = f32x4.splat(record.momentum);
  const epsilon = f32x4.splat(record.epsilon);
  const end = shareStart(record.count, thread + 1, threads);
  for (let i = shareStart(record.count, thread, threads); i < end; i += LANES) {
    const g = clipped(record, i, factor, limit);
    const kept = f32x4.mul(v128.load(f32At(record.square, i), 0), rho);
    const square = multiplyAdd(f32x4.mul(g, g), take, kept);
    storeUpTo(f32At(record.square, i), square, end - i);
    let step = f32x4.div(f32x4.mul(g, rate), f32x4.sqrt(f32x4.add(square, epsilon)));
    if (record.velocity != 0) {
      step = multiplyAdd(v128.load(f32At(record.velocity, i), 0), momentum, step);
      storeUpTo(f32At(record.velocity, i), step, end - i);
    }
    storeUpTo(f32At(record.weight, i), f32x4.sub(decayed(record, i, decay), step), end - i);
  }
}

/** first += (g − first)(1 − beta1); second += (g² − second)(1 − beta2); weight −= correctedRate · first / (√second + epsilon). */
export function adamUpdate(record: AdamUpdate, thread: i32, threads: i32): void {
  const run = changetype<RunHeader>(RUN_HEADER);
  const factor = f32x4.splat(gradientFactor(record));
  const limit = clipLimit(record);
  const decay = f32x4.splat(record.weightDecay * run.learningRate);
  const rate = f32x4.splat(run.correctedRate);
  const firstTake = f32x4.splat(1 - record.beta1);
  const secondTake = f32x4.splat(1 - record.beta2);
  const epsilon = f32x4.splat(record.epsilon);
  const end = shareStart(record.count, thread + 1, threads);
  for (let i = shareStart(record.count, thread, threads); i < end; i += LANES) {
    const g = clipped(record, i, factor, limit);
    let first = v128.load(f32At(record.first, i), 0);
    first = multiplyAdd(f32x4.sub(g, first), firstTake, first);
    storeUpTo(f32At(record.first, i), first, end - i);
    let second = v128.load(f32At(record.second, i), 0);
    second = multiplyAdd(f32x4.sub(f32x4.mul(g, g), second), secondTake, second);
    storeUpTo(f32At(record.second, i), second, end - i);
    const step = f32x4.div(f32x4.mul(first, rate), f32x4.add(f32x4.sqrt(second), epsilon));
    storeUpTo(f32At(record.weight, i), f32x4.sub(decayed(record, i, decay), step), end - i);
  }
}
