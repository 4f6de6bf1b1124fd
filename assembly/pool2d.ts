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
    const closed = closedUpTo(record);
    const none = i32x4.splat(record.argmaxBytes == 1 ? 255 : -1);
    const firstCells = i32x4.splat(firstCell);
    // From the window: V8 builds literal vectors anew at every use.
    const one = i32x4.splat(min(columns, 1));
    const skipped = i32x4.splat(record.windowWidth - columns);
    for (let channel = 0; channel < channels; channel += 2 * LANES) {
      let rowPtr = f32At(from, channel);
      let largest = v128.load(rowPtr);
      let largestBehind = v128.load(rowPtr, 16);
      let largestCell = firstCells;
      let largestCellBehind = firstCells;
      let cell = firstCells;
      for (let row = 0; row < rows; row++) {
        let at = rowPtr;
        for (let column = 0; column < columns; column++) {
          const x = v128.load(at);
          const behind = v128.load(at, 16);
          // Cells rise: the larger one is the later.
          largestCell = i32x4.max_s(largestCell, v128.and(cell, f32x4.lt(largest, x)));
          largestCellBehind = i32x4.max_s(largestCellBehind, v128.and(cell, f32x4.lt(largestBehind, behind)));
          largest = larger(largest, x);
          largestBehind = larger(largestBehind, behind);
          at += pixelBytes;
          cell = i32x4.add(cell, one);
        }
        rowPtr += rowBytes;
        cell = i32x4.add(cell, skipped);
      }
      const left = channels - channel;
      largestCell = v128.bitselect(none, largestCell, f32x4.le(largest, closed));
      storeFour(record, f32At(to, channel), cells + channel, largest, largestCell, left);
      if (left <= LANES) return;
      largestCellBehind = v128.bitselect(none, largestCellBehind, f32x4.le(largestBehind, closed));
      storeFour(record, f32At(to, channel + LANES), cells + channel + LANES, largestBehind, largestCellBehind, left - LANES);
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

function storeFour(record: Pool2dOutput, to: usize, cells: i32, largest: v128, cell: v128, left: i32): void {
  storeUpTo(to, largest, left);
  if (record.argmaxBytes == 1) storeBytes(record.argmax + cells, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(cell, cell), cell), left);
  else storeUpTo(f32At(record.argmax, cells), cell, left);
}

/** The larger one, NaN if either is. pmax keeps its first operand where a comparison with NaN fails. */
// @ts-ignore: decorator
@inline
function larger(largest: v128, x: v128): v128 {
  return v128.or(f32x4.pmax(largest, x), f32x4.ne(x, x));
}
