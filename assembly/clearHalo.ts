import { ClearHalo, RunHeader, RUN_HEADER, Tensor } from "./records";
import { f32At } from "./lanes";
import { zeroRun } from "./fill";
import { hasWholeRows, pixelPtr } from "./tensor";
import { firstOf } from "./share";

/** The halo of every image of output [batch, height, width, channels] ← 0; of a channel slice only its own channels. */
export function clearHalo(record: ClearHalo, thread: i32, threads: i32): void {
  const output = record.output;
  const wholeWidth = output.haloLeft + output.width + output.haloRight;
  const rowsPerImage = output.haloTop + output.height + output.haloBottom;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * rowsPerImage;
  const end = firstOf(rows, thread + 1, threads);
  for (let row = firstOf(rows, thread, threads); row < end; row++) {
    const image = row / rowsPerImage;
    const y = row - image * rowsPerImage - output.haloTop;
    if (y < 0 || y >= output.height) {
      clearPixels(output, pixelPtr(output, image, y, -output.haloLeft), wholeWidth);
    } else {
      clearPixels(output, pixelPtr(output, image, y, -output.haloLeft), output.haloLeft);
      clearPixels(output, pixelPtr(output, image, y, output.width), output.haloRight);
    }
  }
}

/** `pixels` of a row, from address `at` on, ← 0. */
export function clearPixels(output: Tensor, at: usize, pixels: i32): void {
  if (hasWholeRows(output)) return zeroRun(at, pixels * output.channels);
  for (let i = 0; i < pixels; i++) {
    zeroRun(at, output.channels);
    at = f32At(at, output.pixelStride);
  }
}
