import { AffineOutput, RunHeader, RUN_HEADER, Write } from "./records";
import { f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { pixelPtr } from "./tensor";
import { firstOf } from "./share";

/** output [batch, height, width, channels] ← or += input · scale [channels] + offset [channels]. */
export function affineOutput(record: AffineOutput, write: Write, thread: i32, threads: i32): void {
  const input = record.input;
  const output = record.output;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  const end = firstOf(rows, thread + 1, threads);
  for (let row = firstOf(rows, thread, threads); row < end; row++) {
    const image = row / output.height;
    const y = row - image * output.height;
    let from = pixelPtr(input, image, y, 0);
    let to = pixelPtr(output, image, y, 0);
    for (let x = 0; x < output.width; x++) {
      affinePixel(record, write, from, to);
      from = f32At(from, input.pixelStride);
      to = f32At(to, output.pixelStride);
    }
  }
}

// @ts-ignore: decorator
@inline
function affinePixel(record: AffineOutput, write: Write, from: usize, to: usize): void {
  const channels = record.output.channels;
  const scale = record.scale;
  const offset = record.offset;
  for (let channel = 0; channel < channels; channel += LANES) {
    const x = v128.load(f32At(from, channel), 0);
    const factor = v128.load(f32At(scale, channel), 0);
    // Without an offset nothing may be added: −0 + 0 is 0.
    let value = offset == 0 ? f32x4.mul(x, factor) : multiplyAdd(x, factor, v128.load(f32At(offset, channel), 0));
    if (write == Write.add) value = f32x4.add(v128.load(f32At(to, channel), 0), value);
    storeUpTo(f32At(to, channel), value, channels - channel);
  }
}
