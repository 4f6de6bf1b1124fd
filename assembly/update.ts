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
function clipped(gradient: usize, factor: v128, limit: v128): v128 {
  return f32x4.pmax(f32x4.pmin(f32x4.mul(v128.load(gradient), factor), limit), f32x4.neg(limit));
}

/** Weights of 4 elements after decoupled decay. */
// @ts-ignore: decorator
@inline
function decayed(weightPtr: usize, decay: v128): v128 {
  const weight = v128.load(weightPtr);
  return f32x4.sub(weight, f32x4.mul(weight, decay));
}

/*
 * In the loops a vector is whole; the last one of an array may not be, and has a turn of its own. Pointers, not fields of the record: what is
 * stored might be the record, so the compiler would load a field again for every vector.
 */

/** velocity ← momentum · velocity − rate · g; weight += velocity, or with nesterov momentum · velocity − rate · g. */
export function sgdUpdate(record: SgdUpdate, thread: i32, threads: i32): void {
  const learningRate = changetype<RunHeader>(RUN_HEADER).learningRate;
  const factor = f32x4.splat(gradientFactor(record));
  const limit = clipLimit(record);
  const decay = f32x4.splat(record.weightDecay * learningRate);
  const rate = f32x4.splat(-learningRate);
  const momentum = f32x4.splat(record.momentum);
  const nesterov = record.nesterov;
  const first = shareStart(record.count, thread, threads);
  const end = f32At(record.gradient, shareStart(record.count, thread + 1, threads));
  let gradient = f32At(record.gradient, first);
  let weight = f32At(record.weight, first);
  // Without momentum its steps of 0 keep the address 0.
  const velocityStep: usize = record.velocity == 0 ? 0 : 16;
  let velocity = velocityStep == 0 ? 0 : f32At(record.velocity, first);
  for (; gradient + 16 <= end; gradient += 16, weight += 16, velocity += velocityStep) {
    sgdStep(gradient, weight, velocity, factor, limit, decay, rate, momentum, nesterov, LANES);
  }
  if (gradient < end) sgdStep(gradient, weight, velocity, factor, limit, decay, rate, momentum, nesterov, <i32>(end - gradient) >> 2);
}

// @ts-ignore: decorator
@inline
function sgdStep(
  gradient: usize, weight: usize, velocity: usize,
  factor: v128, limit: v128, decay: v128, rate: v128, momentum: v128, nesterov: i32, left: i32,
): void {
  let step = f32x4.mul(clipped(gradient, factor, limit), rate);
  if (velocity != 0) {
    const next = multiplyAdd(v128.load(velocity), momentum, step);
    storeUpTo(velocity, next, left);
    step = nesterov != 0 ? multiplyAdd(next, momentum, step) : next;
  }
  storeUpTo(weight, f32x4.add(decayed(weight, decay), step), left);
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
  const first = shareStart(record.count, thread, threads);
  const end = f32At(record.gradient, shareStart(record.count, thread + 1, threads));
  let gradient = f32At(record.gradient, first);
  let weight = f32At(record.weight, first);
  let square = f32At(record.square, first);
  const velocityStep: usize = record.velocity == 0 ? 0 : 16;
  let velocity = velocityStep == 0 ? 0 : f32At(record.velocity, first);
  for (; gradient + 16 <= end; gradient += 16, weight += 16, square += 16, velocity += velocityStep) {
    rmspropStep(gradient, weight, square, velocity, factor, limit, decay, rate, rho, take, momentum, epsilon, LANES);
  }
  if (gradient < end) rmspropStep(gradient, weight, square, velocity, factor, limit, decay, rate, rho, take, momentum, epsilon, <i32>(end - gradient) >> 2);
}

// @ts-ignore: decorator
@inline
function rmspropStep(
  gradient: usize, weight: usize, squarePtr: usize, velocity: usize,
  factor: v128, limit: v128, decay: v128, rate: v128, rho: v128, take: v128, momentum: v128, epsilon: v128, left: i32,
): void {
  const g = clipped(gradient, factor, limit);
  const square = multiplyAdd(f32x4.mul(g, g), take, f32x4.mul(v128.load(squarePtr), rho));
  storeUpTo(squarePtr, square, left);
  let step = f32x4.div(f32x4.mul(g, rate), f32x4.sqrt(f32x4.add(square, epsilon)));
  if (velocity != 0) {
    step = multiplyAdd(v128.load(velocity), momentum, step);
    storeUpTo(velocity, step, left);
  }
  storeUpTo(weight, f32x4.sub(decayed(weight, decay), step), left);
}

/** first += (g − first)(1 − beta1); second += (g² − second)(1 − beta2); weight −= correctedRate · first / (√second + epsilon). */
export function adamUpdate(record: AdamUpdate, thread: i32, threads: i32): void {
  if (record.clipValue == 0 && gradientFactor(record) == 1) adamSteps<AsItIs>(record, thread, threads);
  else adamSteps<Clipped>(record, thread, threads);
}

/** What g is made of. Adam's loop waits for arithmetic: 11 % less time without the three instructions that would change nothing. */
@final
@unmanaged
class AsItIs {
  // @ts-ignore: decorator
  @inline
  of(gradient: usize, factor: v128, limit: v128): v128 {
    return v128.load(gradient);
  }
}

@final
@unmanaged
class Clipped {
  // @ts-ignore: decorator
  @inline
  of(gradient: usize, factor: v128, limit: v128): v128 {
    return clipped(gradient, factor, limit);
  }
}

function adamSteps<Gradient>(record: AdamUpdate, thread: i32, threads: i32): void {
  const g = changetype<Gradient>(0);
  const run = changetype<RunHeader>(RUN_HEADER);
  const factor = f32x4.splat(gradientFactor(record));
  const limit = clipLimit(record);
  const decay = f32x4.splat(record.weightDecay * run.learningRate);
  const rate = f32x4.splat(run.correctedRate);
  const firstTake = f32x4.splat(1 - record.beta1);
  const secondTake = f32x4.splat(1 - record.beta2);
  const epsilon = f32x4.splat(record.epsilon);
  const start = shareStart(record.count, thread, threads);
  const end = f32At(record.gradient, shareStart(record.count, thread + 1, threads));
  let gradient = f32At(record.gradient, start);
  let first = f32At(record.first, start);
  let second = f32At(record.second, start);
  let weight = f32At(record.weight, start);
  for (; gradient + 16 <= end; gradient += 16, first += 16, second += 16, weight += 16) {
    adamStep(g.of(gradient, factor, limit), first, second, weight, decay, rate, firstTake, secondTake, epsilon, LANES);
  }
  if (gradient < end) adamStep(g.of(gradient, factor, limit), first, second, weight, decay, rate, firstTake, secondTake, epsilon, <i32>(end - gradient) >> 2);
}

// @ts-ignore: decorator
@inline
function adamStep(
  g: v128, firstPtr: usize, secondPtr: usize, weight: usize,
  decay: v128, rate: v128, firstTake: v128, secondTake: v128, epsilon: v128, left: i32,
): void {
  let first = v128.load(firstPtr);
  first = multiplyAdd(f32x4.sub(g, first), firstTake, first);
  storeUpTo(firstPtr, first, left);
  let second = v128.load(secondPtr);
  second = multiplyAdd(f32x4.sub(f32x4.mul(g, g), second), secondTake, second);
  storeUpTo(secondPtr, second, left);
  const step = f32x4.div(f32x4.mul(first, rate), f32x4.add(f32x4.sqrt(second), epsilon));
  storeUpTo(weight, f32x4.sub(decayed(weight, decay), step), left);
}
