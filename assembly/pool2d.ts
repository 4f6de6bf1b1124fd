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
  else if (record.argmaxBytes == 1) poolRows<MaxAndByteCell>(record, thread, threads);
  else poolRows<MaxAndWordCell>(record, thread, threads);
}

/* See poolRows.ts for what the classes do. */

@final
@unmanaged
class MaxAndByteCell {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    poolWithCells<ByteCells>(record, from, to, rows, columns, channels, record.argmax + cells, firstCell);
  }

  // @ts-ignore: decorator
  @inline
  squares(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): bool {
    if (channels > LANES) return maxOfSquares<EightChannelsAndCells>(record, image, outY, channel, channels, ahead);
    return maxOfSquares<FourChannelsAndCells>(record, image, outY, channel, channels, ahead);
  }
}

@final
@unmanaged
class MaxAndWordCell {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    poolWithCells<WordCells>(record, from, to, rows, columns, channels, f32At(record.argmax, cells), firstCell);
  }

  // @ts-ignore: decorator
  @inline
  squares(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): bool {
    return false;
  }
}

@final
@unmanaged
class ByteCells {
  // @ts-ignore: decorator
  @inline
  none(): v128 {
    return i32x4.splat(255);
  }

  // @ts-ignore: decorator
  @inline
  store(argmax: usize, channel: i32, cell: v128, count: i32): void {
    storeBytes(argmax + channel, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(cell, cell), cell), count);
  }
}

@final
@unmanaged
class WordCells {
  // @ts-ignore: decorator
  @inline
  none(): v128 {
    return i32x4.splat(-1);
  }

  // @ts-ignore: decorator
  @inline
  store(argmax: usize, channel: i32, cell: v128, count: i32): void {
    storeUpTo(f32At(argmax, channel), cell, count);
  }
}

/** The larger one, NaN if either is. pmax keeps its first operand where a comparison with NaN fails. */
// @ts-ignore: decorator
@inline
function larger(largest: v128, x: v128): v128 {
  return v128.or(f32x4.pmax(largest, x), f32x4.ne(x, x));
}

function poolWithCells<Cells>(
  record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, argmax: usize, firstCell: i32,
): void {
  const cells = changetype<Cells>(0);
  const pixelBytes = <usize>record.input.pixelStride << 2;
  const rowBytes = <usize>record.input.rowStride << 2;
  const skippedCells = record.windowWidth - columns;
  const closed = closedUpTo(record);
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
    storeUpTo(f32At(to, channel), largest, channels - channel);
    largestCell = v128.bitselect(cells.none(), largestCell, f32x4.le(largest, closed));
    cells.store(argmax, channel, largestCell, channels - channel);
  }
}
