import { Pool2dInputGrad, Pooling, RunHeader, RUN_HEADER, Write } from "./records";
import { clearPixels } from "./clearHalo";
import { f32At, LANES, storeUpTo } from "./lanes";
import { zeroRun } from "./fill";
import { touchPages } from "./pages";
import { scatterSquares, spreadSquares } from "./pool2x2Grad";
import { pixelPtr } from "./tensor";

/** Written pages are touched so many pairs of rows before: 8 % more than with two. */
const PAIRS_AHEAD: usize = 4;

/**
 * inputGrad [batch, height, width, channels] ← or += the adjoint of pool2dOutput. A gather: each row of the input asks the windows
 * that reach it, in order, so rows split over threads even where windows overlap. Windows of 2 x 2 cells side by side are written
 * from the windows' side instead: each gradient is read once. A unit of work is two rows.
 */
export function pool2dInputGrad(record: Pool2dInputGrad, thread: i32, threads: i32): void {
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const batch = changetype<RunHeader>(RUN_HEADER).batch;
  const square = isSquare(record);
  const pairs = (inputGrad.height + 1) >> 1;
  const pairBytes = <usize>inputGrad.rowStride << 3;
  const lastRow = pixelPtr(inputGrad, batch - 1, inputGrad.height - 1, 0);
  for (let unit = thread; unit < batch * pairs; unit += threads) {
    const image = unit / pairs;
    const outY = unit - image * pairs;
    const y = outY << 1;
    const isPair = y + 1 < inputGrad.height;
    let columns = 0;
    if (square && isPair && outY < outputGrad.height) {
      const ahead = pixelPtr(inputGrad, image, y, 0) + PAIRS_AHEAD * <usize>threads * pairBytes;
      touchPages(ahead, min(ahead + pairBytes, lastRow));
      columns = min(outputGrad.width, inputGrad.width >> 1);
      if (record.kind == Pooling.mean) spreadSquares(record, image, outY, columns);
      else scatterSquares(record, image, outY, columns);
    }
    writeRow(record, image, y, columns << 1);
    if (isPair) writeRow(record, image, y + 1, columns << 1);
  }
}

/** Whether windows of 2 x 2 cells lie side by side from the first cell on: pool2x2Grad.ts. */
function isSquare(record: Pool2dInputGrad): bool {
  const window = record.windowHeight == 2 && record.windowWidth == 2;
  const stride = record.strideY == 2 && record.strideX == 2;
  const hasByteCells = record.kind == Pooling.mean || record.argmaxBytes == 1;
  return window && stride && record.padTop == 0 && record.padLeft == 0 && record.write == Write.overwrite && hasByteCells;
}

/** The pixels of a row from `firstX` on. */
function writeRow(record: Pool2dInputGrad, image: i32, y: i32, firstX: i32): void {
  if (record.kind == Pooling.mean) gatherRow<MeanShare>(record, image, y, firstX);
  else if (record.argmaxBytes == 1) gatherRow<ByteCellShare>(record, image, y, firstX);
  else gatherRow<WordCellShare>(record, image, y, firstX);
}

/** Windows one after the other, in order for each pixel; what none has reached yet is overwritten. */
function gatherRow<Share>(record: Pool2dInputGrad, image: i32, y: i32, firstX: i32): void {
  const share = changetype<Share>(0);
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const channels = outputGrad.channels;
  const fromTop = y + record.padTop;
  const lastOutY = lastWindow(fromTop, record.strideY, outputGrad.height);
  let written = record.write == Write.add ? inputGrad.width : firstX;
  for (let outY = firstWindow(fromTop, record.windowHeight, record.strideY); outY <= lastOutY; outY++) {
    for (let outX = firstX / record.strideX; outX < outputGrad.width; outX++) {
      const left = outX * record.strideX - record.padLeft;
      const end = min(left + record.windowWidth, inputGrad.width);
      let x = max(left, 0);
      clearUpTo(record, image, y, written, x);
      const cells = share.cellsPtr(record.argmax, ((image * outputGrad.height + outY) * outputGrad.width + outX) * channels);
      const from = pixelPtr(outputGrad, image, outY, outX);
      let cell = (fromTop - outY * record.strideY) * record.windowWidth + x - left;
      let to = pixelPtr(inputGrad, image, y, x);
      for (; x < end; x++) {
        const key = share.key(record, outY, outX, cell++);
        if (x < written) addShare<Share>(from, cells, key, to, channels);
        else writeShare<Share>(from, cells, key, to, channels);
        to = f32At(to, inputGrad.pixelStride);
      }
      written = max(written, end);
    }
    clearUpTo(record, image, y, written, inputGrad.width);
    written = inputGrad.width;
  }
  clearUpTo(record, image, y, written, inputGrad.width);
}

/** What no window has reached, up to x. */
function clearUpTo(record: Pool2dInputGrad, image: i32, y: i32, written: i32, x: i32): void {
  if (written < x) clearPixels(record.inputGrad, pixelPtr(record.inputGrad, image, y, written), x - written);
}

function addShare<Share>(from: usize, cells: usize, key: v128, to: usize, channels: i32): void {
  const share = changetype<Share>(0);
  for (let channel = 0; channel < channels; channel += LANES) {
    const value = share.of(v128.load(f32At(from, channel)), share.cell(cells, channel), key);
    storeUpTo(f32At(to, channel), f32x4.add(v128.load(f32At(to, channel)), value), channels - channel);
  }
}

function writeShare<Share>(from: usize, cells: usize, key: v128, to: usize, channels: i32): void {
  const share = changetype<Share>(0);
  for (let channel = 0; channel < channels; channel += LANES) {
    storeUpTo(f32At(to, channel), share.of(v128.load(f32At(from, channel)), share.cell(cells, channel), key), channels - channel);
  }
}

/** First window along one axis that reaches a cell `position` cells behind the start of window 0. */
// @ts-ignore: decorator
@inline
function firstWindow(position: i32, window: i32, stride: i32): i32 {
  return position < window ? 0 : (position - window) / stride + 1;
}

/** Last window that begins at or before the cell; −1: none. */
// @ts-ignore: decorator
@inline
function lastWindow(position: i32, stride: i32, windows: i32): i32 {
  return position < 0 ? -1 : min(position / stride, windows - 1);
}

/** How many cells of a window lie inside the image, along one axis. */
// @ts-ignore: decorator
@inline
function cellsInside(windowStart: i32, window: i32, size: i32): i32 {
  return min(windowStart + window, size) - max(windowStart, 0);
}

/*
 * A Share tells which part of a window's gradient one of its cells gets: key() once per window and cell, of() for 4 channels whose
 * maximum lies in `cell`.
 */

@final
@unmanaged
class MeanShare {
  // @ts-ignore: decorator
  @inline
  key(record: Pool2dInputGrad, outY: i32, outX: i32, cell: i32): v128 {
    const rows = cellsInside(outY * record.strideY - record.padTop, record.windowHeight, record.inputGrad.height);
    const columns = cellsInside(outX * record.strideX - record.padLeft, record.windowWidth, record.inputGrad.width);
    return f32x4.splat(<f32>(rows * columns));
  }

  // @ts-ignore: decorator
  @inline
  cellsPtr(argmax: usize, index: i32): usize {
    return 0;
  }

  // @ts-ignore: decorator
  @inline
  cell(cells: usize, channel: i32): v128 {
    return i32x4.splat(0);
  }

  // @ts-ignore: decorator
  @inline
  of(gradient: v128, cell: v128, key: v128): v128 {
    return f32x4.div(gradient, key);
  }
}

@final
@unmanaged
class ByteCellShare {
  // @ts-ignore: decorator
  @inline
  key(record: Pool2dInputGrad, outY: i32, outX: i32, cell: i32): v128 {
    return i32x4.splat(cell);
  }

  // @ts-ignore: decorator
  @inline
  cellsPtr(argmax: usize, index: i32): usize {
    return argmax + index;
  }

  // @ts-ignore: decorator
  @inline
  cell(cells: usize, channel: i32): v128 {
    return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(cells + channel, 0)));
  }

  // @ts-ignore: decorator
  @inline
  of(gradient: v128, cell: v128, key: v128): v128 {
    return v128.and(gradient, i32x4.eq(cell, key));
  }
}

@final
@unmanaged
class WordCellShare {
  // @ts-ignore: decorator
  @inline
  key(record: Pool2dInputGrad, outY: i32, outX: i32, cell: i32): v128 {
    return i32x4.splat(cell);
  }

  // @ts-ignore: decorator
  @inline
  cellsPtr(argmax: usize, index: i32): usize {
    return f32At(argmax, index);
  }

  // @ts-ignore: decorator
  @inline
  cell(cells: usize, channel: i32): v128 {
    return v128.load(f32At(cells, channel));
  }

  // @ts-ignore: decorator
  @inline
  of(gradient: v128, cell: v128, key: v128): v128 {
    return v128.and(gradient, i32x4.eq(cell, key));
  }
}
