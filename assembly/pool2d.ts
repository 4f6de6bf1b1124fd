import { Pool2dOutput, Pooling, RunHeader, RUN_HEADER, Tensor } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { sumWindow } from "./pixelSum";
import { pixelPtr } from "./tensor";

/** Channels per unit of work: a global pooling has one output row per image, so rows alone would leave threads idle. */
const SLAB: i32 = 64;

/** output [batch, outHeight, outWidth, channels] ← max or mean over each window, clipped to the image. */
export function pool2dOutput(record: Pool2dOutput, thread: i32, threads: i32): void {
  if (record.kind == Pooling.mean) poolRows<Mean>(record, thread, threads);
  else if (record.argmax == 0) poolRows<Max>(record, thread, threads);
  else if (record.argmaxBytes == 1) poolRows<MaxAndByteCell>(record, thread, threads);
  else poolRows<MaxAndWordCell>(record, thread, threads);
}

function poolRows<Op>(record: Pool2dOutput, thread: i32, threads: i32): void {
  const op = changetype<Op>(0);
  const input = record.input;
  const output = record.output;
  const slabs = (output.channels + SLAB - 1) / SLAB;
  const units = changetype<RunHeader>(RUN_HEADER).batch * output.height * slabs;
  for (let unit = thread; unit < units; unit += threads) {
    const row = unit / slabs;
    const channel = (unit - row * slabs) * SLAB;
    const channels = min(SLAB, output.channels - channel);
    const image = row / output.height;
    const outY = row - image * output.height;
    const windowTop = outY * record.strideY - record.padTop;
    const top = max(windowTop, 0);
    const rows = min(windowTop + record.windowHeight, input.height) - top;
    let to = f32At(pixelPtr(output, image, outY, 0), channel);
    let cells = row * output.width * output.channels + channel;
    for (let outX = 0; outX < output.width; outX++) {
      const windowLeft = outX * record.strideX - record.padLeft;
      const left = max(windowLeft, 0);
      const columns = min(windowLeft + record.windowWidth, input.width) - left;
      const firstCell = (top - windowTop) * record.windowWidth + left - windowLeft;
      op.pool(record, f32At(pixelPtr(input, image, top, left), channel), to, rows, columns, channels, cells, firstCell);
      to = f32At(to, output.pixelStride);
      cells += output.channels;
    }
  }
}

/*
 * Each pool(record, from, to, rows, columns, channels, cells, firstCell) reduces rows × columns pixels from `from` on to one
 * pixel at `to`. firstCell numbers the first of them in the unclipped window; `cells` indexes the pixel in argmax.
 */

@final
@unmanaged
class Mean {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    const count = f32x4.splat(<f32>(rows * columns));
    for (let channel = 0; channel < channels; channel += LANES) {
      const sum = sumWindow(record.input, f32At(from, channel), rows, columns);
      storeUpTo(f32At(to, channel), f32x4.div(sum, count), channels - channel);
    }
  }
}

@final
@unmanaged
class Max {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    for (let channel = 0; channel < channels; channel += LANES) {
      const largest = maxOfWindow(record.input, f32At(from, channel), rows, columns);
      storeUpTo(f32At(to, channel), largest, channels - channel);
    }
  }
}

/** pmax(m, x) keeps m where x is NaN; `unordered` remembers those lanes, all ones, which is a NaN itself. */
// @ts-ignore: decorator
@inline
function maxOfWindow(input: Tensor, from: usize, rows: i32, columns: i32): v128 {
  const pixelBytes = <usize>input.pixelStride << 2;
  const rowBytes = <usize>input.rowStride << 2;
  let largest = v128.load(from, 0);
  let unordered = i32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    let at = from;
    for (let column = 0; column < columns; column++) {
      const x = v128.load(at, 0);
      largest = f32x4.pmax(largest, x);
      unordered = v128.or(unordered, f32x4.ne(x, x));
      at += pixelBytes;
    }
    from += rowBytes;
  }
  return v128.or(largest, unordered);
}

@final
@unmanaged
class MaxAndByteCell {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    poolWithCells<ByteCells>(record, from, to, rows, columns, channels, record.argmax + cells, firstCell);
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
}

@final
@unmanaged
class ByteCells {
  // @ts-ignore: decorator
  @inline
  store(argmax: usize, channel: i32, cell: v128, count: i32): void {
    const at = argmax + channel;
    const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(cell, cell), cell);
    if (count >= LANES) return v128.store_lane<u32>(at, bytes, 0, 0);
    store<u8>(at, i8x16.extract_lane_u(bytes, 0));
    if (count > 1) store<u8>(at, i8x16.extract_lane_u(bytes, 1), 1);
    if (count > 2) store<u8>(at, i8x16.extract_lane_u(bytes, 2), 2);
  }
}

@final
@unmanaged
class WordCells {
  // @ts-ignore: decorator
  @inline
  store(argmax: usize, channel: i32, cell: v128, count: i32): void {
    storeUpTo(f32At(argmax, channel), cell, count);
  }
}

/** Lanes where x takes the place of the largest so far: x is larger or NaN, and no NaN was met before. */
// @ts-ignore: decorator
@inline
function takes(x: v128, largest: v128): v128 {
  return v128.andnot(f32x4.eq(largest, largest), f32x4.le(x, largest));
}

function poolWithCells<Cells>(
  record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, argmax: usize, firstCell: i32,
): void {
  if (rows == 2 && columns == 2) return poolFour<Cells>(record, from, to, channels, argmax, firstCell);
  const pixelBytes = <usize>record.input.pixelStride << 2;
  const rowBytes = <usize>record.input.rowStride << 2;
  const skippedCells = record.windowWidth - columns;
  for (let channel = 0; channel < channels; channel += LANES) {
    let rowPtr = f32At(from, channel);
    let largest = v128.load(rowPtr, 0);
    let largestCell = i32x4.splat(firstCell);
    let cell = firstCell;
    for (let row = 0; row < rows; row++) {
      let at = rowPtr;
      for (let column = 0; column < columns; column++) {
        const x = v128.load(at, 0);
        const taken = takes(x, largest);
        largest = v128.bitselect(x, largest, taken);
        largestCell = v128.bitselect(i32x4.splat(cell), largestCell, taken);
        at += pixelBytes;
        cell++;
      }
      rowPtr += rowBytes;
      cell += skippedCells;
    }
    storeUpTo(f32At(to, channel), largest, channels - channel);
    changetype<Cells>(0).store(argmax, channel, largestCell, channels - channel);
  }
}

/** The 2 × 2 window of most networks, without the loops over its cells. */
function poolFour<Cells>(record: Pool2dOutput, from: usize, to: usize, channels: i32, argmax: usize, firstCell: i32): void {
  const pixelBytes = <usize>record.input.pixelStride << 2;
  const below = from + (<usize>record.input.rowStride << 2);
  const cell0 = i32x4.splat(firstCell);
  const cell1 = i32x4.splat(firstCell + 1);
  const cell2 = i32x4.splat(firstCell + record.windowWidth);
  const cell3 = i32x4.splat(firstCell + record.windowWidth + 1);
  for (let channel = 0; channel < channels; channel += LANES) {
    let largest = v128.load(f32At(from, channel), 0);
    let x = v128.load(f32At(from + pixelBytes, channel), 0);
    let taken = takes(x, largest);
    largest = v128.bitselect(x, largest, taken);
    let cell = v128.bitselect(cell1, cell0, taken);
    x = v128.load(f32At(below, channel), 0);
    taken = takes(x, largest);
    largest = v128.bitselect(x, largest, taken);
    cell = v128.bitselect(cell2, cell, taken);
    x = v128.load(f32At(below + pixelBytes, channel), 0);
    taken = takes(x, largest);
    largest = v128.bitselect(x, largest, taken);
    cell = v128.bitselect(cell3, cell, taken);
    storeUpTo(f32At(to, channel), largest, channels - channel);
    changetype<Cells>(0).store(argmax, channel, cell, channels - channel);
  }
}
