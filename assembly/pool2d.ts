import { Activation, Pool2dOutput, Pooling, RunHeader, RUN_HEADER, Tensor } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { sumWindow } from "./pixelSum";
import { larger, maxAndCells } from "./pool2x2";
import { pixelPtr } from "./tensor";

/** Channels per unit of work: a global pooling has one output row per image, so rows alone would leave threads idle. */
const SLAB: i32 = 64;
/** With so many rows for each thread they are enough, and a row is read in one stream. */
const MANY_ROWS: i32 = 8;

/**
 * output [batch, outHeight, outWidth, channels] ← max or mean over each window, clipped to the image. argmax (0: not wanted): the cell of
 * the maximum, of several equal ones the first; none where `activation`, applied before, lets no gradient through there.
 */
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
  const rowCount = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  const slab = rowCount >= MANY_ROWS * threads ? output.channels : SLAB;
  const slabs = (output.channels + slab - 1) / slab;
  const inside = record.padLeft <= 0 && (output.width - 1) * record.strideX + 2 - record.padLeft <= input.width;
  const square = record.windowHeight == 2 && record.windowWidth == 2 && inside;
  for (let unit = thread; unit < rowCount * slabs; unit += threads) {
    const row = unit / slabs;
    const channel = (unit - row * slabs) * slab;
    const channels = min(slab, output.channels - channel);
    const image = row / output.height;
    const outY = row - image * output.height;
    const windowTop = outY * record.strideY - record.padTop;
    const top = max(windowTop, 0);
    const rows = min(windowTop + record.windowHeight, input.height) - top;
    let to = f32At(pixelPtr(output, image, outY, 0), channel);
    let cells = row * output.width * output.channels + channel;
    if (square && rows == 2) {
      const next = min(unit + threads, rowCount * slabs - 1) / slabs;
      const nextImage = next / output.height;
      const nextTop = max((next - nextImage * output.height) * record.strideY - record.padTop, 0);
      poolSquares<Op>(record, image, outY, channel, channels, pixelPtr(input, nextImage, nextTop, 0));
      continue;
    }
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

/** A row of whole 2 x 2 windows, `channels` of them from `channel` on. `ahead`: the rows that this thread reads next. */
function poolSquares<Op>(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): void {
  const op = changetype<Op>(0);
  let from = f32At(pixelPtr(record.input, image, outY * record.strideY - record.padTop, -record.padLeft), channel);
  let to = f32At(pixelPtr(record.output, image, outY, 0), channel);
  let cells = (image * record.output.height + outY) * record.output.width * record.output.channels + channel;
  const pixelBytes = <usize>record.input.pixelStride << 2;
  const rowBytes = <usize>record.input.rowStride << 2;
  const fromStep = pixelBytes * record.strideX;
  const toStep = <usize>record.output.pixelStride << 2;
  const cellStep = record.output.channels;
  const width = record.output.width;
  for (let outX = 0; outX < width; outX++) {
    op.square(record, from, pixelBytes, rowBytes, to, channels, cells, ahead);
    ahead += pixelBytes << 2;
    from += fromStep;
    to += toStep;
    cells += cellStep;
  }
}

/*
 * Each pool(record, from, to, rows, columns, channels, cells, firstCell) reduces rows × columns pixels from `from` on to one
 * pixel at `to`. firstCell numbers the first of them in the unclipped window; `cells` indexes the pixel in argmax.
 * square(record, from, pixelBytes, rowBytes, to, channels, cells): the same for a whole window of 2 x 2 cells.
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

  /** The last sum is sumWindow's: it makes 0 of −0. */
  // @ts-ignore: decorator
  @inline
  square(record: Pool2dOutput, from: usize, pixelBytes: usize, rowBytes: usize, to: usize, channels: i32, cells: i32, ahead: usize): void {
    const quarter = constant(Constant.quarter);
    const zero = i32x4.splat(0);
    for (let channel = 0; channel < channels; channel += LANES) {
      const at = f32At(from, channel);
      const above = f32x4.add(v128.load(at), v128.load(at + pixelBytes));
      const below = f32x4.add(v128.load(at + rowBytes), v128.load(at + rowBytes + pixelBytes));
      const sum = f32x4.add(f32x4.add(above, below), zero);
      storeUpTo(f32At(to, channel), f32x4.mul(sum, quarter), channels - channel);
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

  // @ts-ignore: decorator
  @inline
  square(record: Pool2dOutput, from: usize, pixelBytes: usize, rowBytes: usize, to: usize, channels: i32, cells: i32, ahead: usize): void {
    for (let channel = 0; channel < channels; channel += LANES) {
      const at = f32At(from, channel);
      const above = larger(v128.load(at), v128.load(at + pixelBytes));
      const below = larger(v128.load(at + rowBytes), v128.load(at + rowBytes + pixelBytes));
      storeUpTo(f32At(to, channel), larger(above, below), channels - channel);
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

  // @ts-ignore: decorator
  @inline
  square(record: Pool2dOutput, from: usize, pixelBytes: usize, rowBytes: usize, to: usize, channels: i32, cells: i32, ahead: usize): void {
    const whole = channels & ~15;
    maxAndCells(from, from + rowBytes, pixelBytes, to, record.argmax + cells, whole, closedUpTo(record), ahead);
    if (whole == channels) return;
    poolWithCells<ByteCells>(record, f32At(from, whole), f32At(to, whole), 2, 2, channels - whole, record.argmax + cells + whole, 0);
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
  square(record: Pool2dOutput, from: usize, pixelBytes: usize, rowBytes: usize, to: usize, channels: i32, cells: i32, ahead: usize): void {
    poolWithCells<WordCells>(record, from, to, 2, 2, channels, f32At(record.argmax, cells), 0);
  }
}

/** A maximum not above this has no cell; NaN: all have one. */
// @ts-ignore: decorator
@inline
function closedUpTo(record: Pool2dOutput): v128 {
  return f32x4.splat(record.activation == Activation.relu ? 0 : NaN);
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
  none(): v128 {
    return i32x4.splat(-1);
  }

  // @ts-ignore: decorator
  @inline
  store(argmax: usize, channel: i32, cell: v128, count: i32): void {
    storeUpTo(f32At(argmax, channel), cell, count);
  }
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
