import { DropoutOutput, RunHeader, RUN_HEADER, Write } from "./records";
import { f32At, storeUpTo } from "./lanes";
import { eachRun } from "./runs";
import { threefryAtLeast } from "./threefry";

/**
 * output [batch, height, width, channels] ← or += input / (1 − rate) where kept, 0 elsewhere.
 * Element e of the logical tensor is kept where word e & 1 of threefry(key (seed, step), counter (stream, e >>> 1)), its upper
 * 24 bits read as a fraction, is at least rate.
 */
export function dropoutOutput(record: DropoutOutput, thread: i32, threads: i32): void {
  eachRun<DropoutRun>(changetype<usize>(record), record.input, record.input, record.output, thread, threads);
}

@final
@unmanaged
class DropoutRun {
  run(record: usize, from: usize, _from: usize, to: usize, element: i32, count: i32): void {
    const fields = changetype<DropoutOutput>(record);
    const header = changetype<RunHeader>(RUN_HEADER);
    // rate · 2²⁴ is exact, and fraction ≥ rate ⇔ word >>> 8 ≥ ⌈rate · 2²⁴⌉.
    const threshold = <i32>ceil<f32>(fields.rate * 16777216);
    const scale = f32x4.splat(<f32>1 / (<f32>1 - fields.rate));
    const add = fields.write == Write.add;
    let i = 0;
    // A run may begin with the second word of a counter: one element alone puts the rest in step.
    if ((element & 1) != 0 && count > 0) {
      const keep = threefryAtLeast(header.seed, header.step, fields.stream, element >>> 1, threshold);
      writeFour(i32x4.extend_low_i16x8_s(v128.shuffle<i16>(keep, keep, 1, 2, 3, 4, 5, 6, 7, 0)), scale, from, to, 1, add);
      i = 1;
    }
    for (; i < count; i += 8) {
      const keep = threefryAtLeast(header.seed, header.step, fields.stream, (element + i) >>> 1, threshold);
      writeFour(i32x4.extend_low_i16x8_s(keep), scale, f32At(from, i), f32At(to, i), count - i, add);
      if (count - i > 4) writeFour(i32x4.extend_high_i16x8_s(keep), scale, f32At(from, i + 4), f32At(to, i + 4), count - i - 4, add);
    }
  }
}

/** to[0 .. min(left, 4)) ← or += from · scale where keep is all ones. */
// @ts-ignore: decorator
@inline
function writeFour(keep: v128, scale: v128, from: usize, to: usize, left: i32, add: bool): void {
  let value = v128.and(f32x4.mul(v128.load(from), scale), keep);
  if (add) value = f32x4.add(v128.load(to), value);
  storeUpTo(to, value, left);
}
