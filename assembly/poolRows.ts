/** Pooling row by row, and what it writes without the cells of the maxima: all that inference needs. */
import { Pool2dOutput, Pooling, RunHeader, RUN_HEADER, Tensor } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { touchPages } from "./pages";
import { LINE, meanOfLine } from "./pixelSum";
import { EightChannels, FourChannels, maxOfSquares } from "./pool2x2";
import { pixelPtr } from "./tensor";

/** Channels per unit of work: a global pooling has one output row per image, so rows alone would leave threads idle. */
const SLAB: i32 = 64;
/** With so many rows for each thread they are enough, and a row is read in one stream. */
const MANY_ROWS: i32 = 8;

/** pool2dOutput without argmax. */
export function pool2dValues(record: Pool2dOutput, thread: i32, threads: i32): void {
  poolRows<Values>(record, thread, threads);
}

export function poolRows<Op>(record: Pool2dOutput, thread: i32, threads: i32): void {
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
    if (square && rows == 2) {
      const ahead = rowAhead(record, min(unit + threads, rowCount * slabs - 1) / slabs, threads);
      if (op.squares(record, image, outY, channel, channels, ahead)) continue;
    }
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

/** The two rows of input that row of windows `row` begins with, this thread's next one. Pages of the one behind that are touched. */
function rowAhead(record: Pool2dOutput, row: i32, threads: i32): usize {
  const input = record.input;
  const image = row / record.output.height;
  const top = (row - image * record.output.height) * record.strideY - record.padTop;
  const ahead = pixelPtr(input, image, min(max(top, 0), input.height - 2), 0);
  const pairBytes = <usize>input.rowStride << 3;
  const behind = ahead + <usize>threads * pairBytes;
  const lastRow = pixelPtr(input, changetype<RunHeader>(RUN_HEADER).batch - 1, input.height - 1, 0);
  touchPages(behind, min(behind + pairBytes, lastRow));
  return ahead;
}

/*
 * Each pool(record, from, to, rows, columns, channels, cells, firstCell) reduces rows × columns pixels from `from` on to one
 * pixel at `to`. firstCell numbers the first of them in the unclipped window; `cells` indexes the pixel in argmax.
 * squares(record, image, outY, channel, channels, ahead) does the same for a row of whole windows of 2 x 2 cells, or returns false; `ahead` is
 * where this thread reads next.
 */

@final
@unmanaged
class Values {
  // @ts-ignore: decorator
  @inline
  pool(record: Pool2dOutput, from: usize, to: usize, rows: i32, columns: i32, channels: i32, cells: i32, firstCell: i32): void {
    if (record.kind == Pooling.mean) {
      const count = <f32>(rows * columns);
      for (let channel = 0; channel < channels; channel += LINE) {
        meanOfLine(record.input, f32At(from, channel), rows, columns, count, f32At(to, channel), channels - channel, false);
      }
      return;
    }
    for (let channel = 0; channel < channels; channel += 2 * LANES) {
      maxOfWindow(record.input, f32At(from, channel), rows, columns, f32At(to, channel), channels - channel);
    }
  }

  // @ts-ignore: decorator
  @inline
  squares(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): bool {
    if (record.kind == Pooling.mean) {
      meanOfSquares(record, image, outY, channel, channels);
      return true;
    }
    if (channels > LANES) return maxOfSquares<EightChannels>(record, image, outY, channel, channels, ahead);
    return maxOfSquares<FourChannels>(record, image, outY, channel, channels, ahead);
  }
}

/** The last sum is meanOfLine's: it makes 0 of −0. */
function meanOfSquares(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32): void {
  const pixelBytes = <usize>record.input.pixelStride << 2;
  const rowBytes = <usize>record.input.rowStride << 2;
  const fromStep = pixelBytes * record.strideX;
  const toStep = <usize>record.output.pixelStride << 2;
  const quarter = constant(Constant.quarter);
  const zero = i32x4.splat(0);
  let from = f32At(pixelPtr(record.input, image, outY * record.strideY - record.padTop, -record.padLeft), channel);
  let to = f32At(pixelPtr(record.output, image, outY, 0), channel);
  for (let outX = 0; outX < record.output.width; outX++) {
    for (let i = 0; i < channels; i += LANES) {
      const at = f32At(from, i);
      const above = f32x4.add(v128.load(at), v128.load(at + pixelBytes));
      const below = f32x4.add(v128.load(at + rowBytes), v128.load(at + rowBytes + pixelBytes));
      const sum = f32x4.add(f32x4.add(above, below), zero);
      storeUpTo(f32At(to, i), f32x4.mul(sum, quarter), channels - i);
    }
    from += fromStep;
    to += toStep;
  }
}

/** Of 8 channels. pmax(m, x) keeps m where x is NaN; `unordered` remembers those lanes, all ones, which is a NaN itself. */
// @ts-ignore: decorator
@inline
function maxOfWindow(input: Tensor, from: usize, rows: i32, columns: i32, to: usize, channels: i32): void {
  const pixelBytes = <usize>input.pixelStride << 2;
  const rowBytes = <usize>input.rowStride << 2;
  let largest = v128.load(from);
  let largestBehind = v128.load(from, 16);
  let unordered = i32x4.splat(0);
  let unorderedBehind = unordered;
  for (let row = 0; row < rows; row++) {
    let at = from;
    for (let column = 0; column < columns; column++) {
      const x = v128.load(at);
      const behind = v128.load(at, 16);
      largest = f32x4.pmax(largest, x);
      largestBehind = f32x4.pmax(largestBehind, behind);
      unordered = v128.or(unordered, f32x4.ne(x, x));
      unorderedBehind = v128.or(unorderedBehind, f32x4.ne(behind, behind));
      at += pixelBytes;
    }
    from += rowBytes;
  }
  storeUpTo(to, v128.or(largest, unordered), channels);
  if (channels > LANES) storeUpTo(to + 16, v128.or(largestBehind, unorderedBehind), channels - LANES);
}
