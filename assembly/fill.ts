import { Fill } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { shareStart } from "./share";

/** output [count] ← value. */
export function fill(record: Fill, thread: i32, threads: i32): void {
  const first = shareStart(record.count, thread, threads);
  const end = shareStart(record.count, thread + 1, threads);
  if (reinterpret<i32>(record.value) == 0) {
    memory.fill(f32At(record.output, first), 0, <usize>(end - first) << 2);
    return;
  }
  const value = f32x4.splat(record.value);
  for (let i = first; i < end; i += LANES) storeUpTo(f32At(record.output, i), value, end - i);
}

/** Below this many elements the call behind memory.fill costs more than the stores it saves. */
const SHORT_RUN: i32 = 256;

/** run [count] ← 0. */
export function zeroRun(run: usize, count: i32): void {
  if (count >= SHORT_RUN) {
    memory.fill(run, 0, <usize>count << 2);
    return;
  }
  const zero = i32x4.splat(0);
  for (let i = 0; i < count; i += LANES) storeUpTo(f32At(run, i), zero, count - i);
}
