/** What evaluation makes of batch normalization: running statistics, and their folding into a scale and offset or into weights. */
import { FoldStatistics, FoldWeights, RunningStatistics } from "./records";
import { f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";

/** runningMean, runningVariance [count] ← running · momentum + batch · (1 − momentum). */
export function runningStatistics(record: RunningStatistics, thread: i32, threads: i32): void {
  if (thread != 0) return;
  mix(record.runningMean, record.mean, record.count, record.momentum);
  mix(record.runningVariance, record.variance, record.count, record.momentum);
}

function mix(running: usize, batch: usize, count: i32, momentum: f32): void {
  const keep = f32x4.splat(momentum);
  const take = f32x4.splat(1 - momentum);
  for (let i = 0; i < count; i += LANES) {
    const kept = f32x4.mul(v128.load(f32At(running, i), 0), keep);
    storeUpTo(f32At(running, i), multiplyAdd(v128.load(f32At(batch, i), 0), take, kept), count - i);
  }
}

/** scale [count] ← gamma / √(variance + epsilon); offset [count] ← beta − mean · scale. */
export function foldStatistics(record: FoldStatistics, thread: i32, threads: i32): void {
  if (thread != 0) return;
  const epsilon = f32x4.splat(record.epsilon);
  for (let i = 0; i < record.count; i += LANES) {
    const gamma = record.gamma == 0 ? f32x4.splat(1) : v128.load(f32At(record.gamma, i), 0);
    const beta = record.beta == 0 ? f32x4.splat(0) : v128.load(f32At(record.beta, i), 0);
    const scale = f32x4.div(gamma, f32x4.sqrt(f32x4.add(v128.load(f32At(record.variance, i), 0), epsilon)));
    const offset = f32x4.sub(beta, f32x4.mul(v128.load(f32At(record.mean, i), 0), scale));
    storeUpTo(f32At(record.scale, i), scale, record.count - i);
    storeUpTo(f32At(record.offset, i), offset, record.count - i);
  }
}

/** foldedWeight [rows, columns] ← weight · scale [columns]; foldedBias [columns] ← bias · scale + offset. */
export function foldWeights(record: FoldWeights, thread: i32, threads: i32): void {
  const columns = record.columns;
  for (let row = thread; row < record.rows; row += threads) {
    const from = f32At(record.weight, row * columns);
    const to = f32At(record.foldedWeight, row * columns);
    for (let column = 0; column < columns; column += LANES) {
      const folded = f32x4.mul(v128.load(f32At(from, column), 0), v128.load(f32At(record.scale, column), 0));
      storeUpTo(f32At(to, column), folded, columns - column);
    }
  }
  if (thread != 0) return;
  for (let column = 0; column < columns; column += LANES) {
    let bias = v128.load(f32At(record.offset, column), 0);
    if (record.bias != 0) bias = multiplyAdd(v128.load(f32At(record.bias, column), 0), v128.load(f32At(record.scale, column), 0), bias);
    storeUpTo(f32At(record.foldedBias, column), bias, columns - column);
  }
}
