import { PixelSum, RunHeader, RUN_HEADER, Tensor, Write } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { pixelPtr } from "./tensor";

/** output [batch, 1, 1, channels] ← or += Σ over the pixels of each image. */
export function pixelSum(record: PixelSum, thread: i32, threads: i32): void {
  const input = record.input;
  const channels = input.channels;
  const groups = (channels + LANES - 1) / LANES;
  const units = changetype<RunHeader>(RUN_HEADER).batch * groups;
  for (let unit = thread; unit < units; unit += threads) {
    const image = unit / groups;
    const channel = (unit - image * groups) * LANES;
    const to = f32At(pixelPtr(record.output, image, 0, 0), channel);
    const sum = sumWindow(input, f32At(pixelPtr(input, image, 0, 0), channel), input.height, input.width);
    storeUpTo(to, record.write == Write.add ? f32x4.add(v128.load(to, 0), sum) : sum, channels - channel);
  }
}

/**
 * Σ of 4 channels over rows × columns pixels from `from` on. Each row is summed by itself, its even and its odd pixels apart:
 * the error grows with height + width / 2, not with height · width, and two additions are in flight.
 */
// @ts-ignore: decorator
@inline
export function sumWindow(input: Tensor, from: usize, rows: i32, columns: i32): v128 {
  const pixelBytes = <usize>input.pixelStride << 2;
  const rowBytes = <usize>input.rowStride << 2;
  let sum = i32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    let at = from;
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    let column = 1;
    for (; column < columns; column += 2) {
      even = f32x4.add(even, v128.load(at, 0));
      odd = f32x4.add(odd, v128.load(at + pixelBytes, 0));
      at += pixelBytes << 1;
    }
    if (column == columns) even = f32x4.add(even, v128.load(at, 0));
    sum = f32x4.add(sum, f32x4.add(even, odd));
    from += rowBytes;
  }
  return sum;
}
