import { Pool2dOutput, Pooling } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { closedUpTo, maxOfSquares } from "./pool2x2";
import { EightChannelsAndCells, FourChannelsAndCells, storeBytes } from "./pool2x2Cells";
import { pool2dValues, poolRows } from "./poolRows";

/**
 * output [batch, outHeight, outWidth, channels] ← max or mean over each window, clipped to the image. argmax (0: not wanted): the cell of
 * the maximum, of several equal ones the first; none where `activation`, applied before, lets no gradient through there.
 */
export function pool2dOutput(record: Pool2dOutput, thread: i32, threads: i32): void {
  if (record.kind == Pooling.mean || record.argmax == 0) pool2dValues(record, thread, threads);
  else poolRows<MaxAndCell>(record, thread, threads);
}

/** See poolRows.ts for what the class does. A cell is a byte or a word. */
@final
@unmanaged
class MaxAndCell {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    const pixelBytes = <usize>record.input.pixelStride << 2;
    const rowBytes = <usize>record.input.rowStride << 2;
    const skippedCells = record.windowWidth - columns;
    const closed = closedUpTo(record);
    const isByte = record.argmaxBytes == 1;
    const none = i32x4.splat(isByte ? 255 : -1);
    for (let channel = 0; channel < channels; channel += LANES) {
      let rowPtr = f32At(from, channel);
      let largest = v128.load(rowPtr, 0);
      let largestCell = i32x4.splat(firstCell);
      let cell = firstCell;
      for (let row = 0; row < rows; row++) {
        let at = rowPtr;
        for (let column = 0; column < columns; column++) {
          const x = v128.load(at, 0);
          largestCell = v128.bitselect(i32x4.splat(cell), largestCell, f32x4.lt(largest, x));
          largest = larger(largest, x);
          at += pixelBytes;
          cell++;
        }
        rowPtr += rowBytes;
        cell += skippedCells;
      }
      const left = channels - channel;
      storeUpTo(f32At(to, channel), largest, left);
      largestCell = v128.bitselect(none, largestCell, f32x4.le(largest, closed));
      if (isByte) storeBytes(record.argmax + cells + channel, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(largestCell, largestCell), largestCell), left);
      else storeUpTo(f32At(record.argmax, cells + channel), largestCell, left);
    }
  }

  // @ts-ignore: decorator
  @inline
  squares(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): bool {
    if (record.argmaxBytes != 1) return false;
    if (channels > LANES) return maxOfSquares<EightChannelsAndCells>(record, image, outY, channel, channels, ahead);
    return maxOfSquares<FourChannelsAndCells>(record, image, outY, channel, channels, ahead);
  }
}

/** The larger one, NaN if either is. pmax keeps its first operand where a comparison with NaN fails. */
// @ts-ignore: decorator
@inline
function larger(largest: v128, x: v128): v128 {
  return v128.or(f32x4.pmax(largest, x), f32x4.ne(x, x));
}
