import { Copy, RunHeader, RUN_HEADER, Write } from "./records";
import { f32At, LANES } from "./lanes";
import { firstOf } from "./share";

/** output [batch, height, width, channels] ← or += input: `write`, which inference never adds with. */
export function copy(record: Copy, write: Write, thread: i32, threads: i32): void {
  const input = record.input;
  const output = record.output;
  const whole = input.pixelStride == input.channels && output.pixelStride == output.channels;
  const run = whole ? output.width * output.channels : output.channels;
  const runs = whole ? 1 : output.width;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  const end = firstOf(rows, thread + 1, threads);
  for (let row = firstOf(rows, thread, threads); row < end; row++) {
    const image = row / output.height;
    const y = row - image * output.height;
    let from = f32At(input.base, image * input.imageStride + y * input.rowStride);
    let to = f32At(output.base, image * output.imageStride + y * output.rowStride);
    for (let i = 0; i < runs; i++) {
      if (write == Write.add) addRun(from, to, run);
      else memory.copy(to, from, <usize>run << 2);
      from = f32At(from, input.pixelStride);
      to = f32At(to, output.pixelStride);
    }
  }
}

function addRun(from: usize, to: usize, count: i32): void {
  const vectorEnd = count & ~(LANES - 1);
  let i = 0;
  for (; i < vectorEnd; i += LANES) {
    v128.store(f32At(to, i), f32x4.add(v128.load(f32At(to, i)), v128.load(f32At(from, i))));
  }
  for (; i < count; i++) store<f32>(f32At(to, i), load<f32>(f32At(to, i)) + load<f32>(f32At(from, i)));
}
