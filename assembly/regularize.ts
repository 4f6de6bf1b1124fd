import { Regularize, RunHeader, RUN_HEADER, SumSquares, Write } from "./records";
import { f32At, LANES, multiplyAdd, storeUpTo, sumLanes } from "./lanes";
import { shareStart } from "./share";

/** Elements summed in float32 before their sum goes into a float64 total. */
const CHUNK: i32 = 1024;

/** gradient [count] (0: none) += (l1 · sign(weight) + 2 · l2 · weight) · regularizationScale; penalty [1] ← l1 · Σ|w| + l2 · Σw². */
export function regularize(record: Regularize, thread: i32, threads: i32): void {
  if (record.gradient != 0) addPenaltyGrad(record, thread, threads);
  // One thread, one order: the penalty is a single sum.
  if (thread != 0) return;
  let penalty: f64 = 0;
  if (record.l1 != 0) penalty += <f64>record.l1 * sumOf<Magnitude>(record.weight, record.count, 1);
  if (record.l2 != 0) penalty += <f64>record.l2 * sumOf<Square>(record.weight, record.count, 1);
  store<f32>(record.penalty, <f32>penalty);
}

function addPenaltyGrad(record: Regularize, thread: i32, threads: i32): void {
  const runScale = changetype<RunHeader>(RUN_HEADER).regularizationScale;
  const l1 = f32x4.splat(record.l1 * runScale);
  const l2 = f32x4.splat(2 * record.l2 * runScale);
  const zero = i32x4.splat(0);
  const end = shareStart(record.count, thread + 1, threads);
  for (let i = shareStart(record.count, thread, threads); i < end; i += LANES) {
    const weight = v128.load(f32At(record.weight, i), 0);
    const up = v128.and(f32x4.gt(weight, zero), l1);
    const down = v128.and(f32x4.lt(weight, zero), l1);
    const slope = multiplyAdd(weight, l2, f32x4.sub(up, down));
    const at = f32At(record.gradient, i);
    storeUpTo(at, f32x4.add(v128.load(at, 0), slope), end - i);
  }
}

/** sum [1] ← or += Σ (gradient · gradientScale)². */
export function sumSquares(record: SumSquares, thread: i32, threads: i32): void {
  if (thread != 0) return;
  const sum = <f32>sumOf<Square>(record.gradient, record.count, changetype<RunHeader>(RUN_HEADER).gradientScale);
  store<f32>(record.sum, record.write == Write.add ? load<f32>(record.sum) + sum : sum);
}

@final
@unmanaged
class Square {
  // @ts-ignore: decorator
  @inline
  add(sum: v128, x: v128): v128 {
    return multiplyAdd(x, x, sum);
  }
}

@final
@unmanaged
class Magnitude {
  // @ts-ignore: decorator
  @inline
  add(sum: v128, x: v128): v128 {
    return f32x4.add(sum, f32x4.abs(x));
  }
}

/** Σ term(values · factor) in a fixed tree: four vectors of partial sums over CHUNK elements, chunks in order in float64. */
function sumOf<Term>(values: usize, count: i32, factor: f32): f64 {
  let total: f64 = 0;
  for (let chunk = 0; chunk < count; chunk += CHUNK) {
    total += <f64>chunkSum<Term>(f32At(values, chunk), min(CHUNK, count - chunk), f32x4.splat(factor));
  }
  return total;
}

function chunkSum<Term>(values: usize, count: i32, factor: v128): f32 {
  const term = changetype<Term>(0);
  let sum0 = i32x4.splat(0);
  let sum1 = i32x4.splat(0);
  let sum2 = i32x4.splat(0);
  let sum3 = i32x4.splat(0);
  let i = 0;
  for (; i <= count - 4 * LANES; i += 4 * LANES) {
    const at = f32At(values, i);
    sum0 = term.add(sum0, f32x4.mul(v128.load(at, 0), factor));
    sum1 = term.add(sum1, f32x4.mul(v128.load(at, 16), factor));
    sum2 = term.add(sum2, f32x4.mul(v128.load(at, 32), factor));
    sum3 = term.add(sum3, f32x4.mul(v128.load(at, 48), factor));
  }
  for (; i < count; i++) sum0 = term.add(sum0, f32x4.mul(v128.load32_zero(f32At(values, i), 0), factor));
  return sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
}
