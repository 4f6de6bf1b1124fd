import { Pool2dInputGrad, Pooling, RunHeader, RUN_HEADER, Write } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { zeroRun } from "./fill";
import { pixelPtr } from "./tensor";

/**
 * inputGrad [batch, height, width, channels] ← or += the adjoint of pool2dOutput. A gather: each input pixel asks the windows
 * that cover it, in order, so rows split over threads even where windows overlap.
 */
export function pool2dInputGrad(record: Pool2dInputGrad, thread: i32, threads: i32): void {
  if (record.kind == Pooling.mean) gatherRows<MeanShare>(record, thread, threads);
  else if (record.argmaxBytes == 1) gatherRows<ByteCellShare>(record, thread, threads);
  else gatherRows<WordCellShare>(record, thread, threads);
}

function gatherRows<Share>(record: Pool2dInputGrad, thread: i32, threads: i32): void {
  const inputGrad = record.inputGrad;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * inputGrad.height;
  for (let row = thread; row < rows; row += threads) {
    const image = row / inputGrad.height;
    const y = row - image * inputGrad.height;
    let to = pixelPtr(inputGrad, image, y, 0);
    for (let x = 0; x < inputGrad.width; x++) {
      gatherPixel<Share>(record, to, image, y, x);
      to = f32At(to, inputGrad.pixelStride);
    }
  }
}

// @ts-ignore: decorator
@inline
function gatherPixel<Share>(record: Pool2dInputGrad, to: usize, image: i32, y: i32, x: i32): void {
  const share = changetype<Share>(0);
  const outputGrad = record.outputGrad;
  const channels = outputGrad.channels;
  const fromTop = y + record.padTop;
  const fromLeft = x + record.padLeft;
  const lastOutY = lastWindow(fromTop, record.strideY, outputGrad.height);
  const firstOutX = firstWindow(fromLeft, record.windowWidth, record.strideX);
  const lastOutX = lastWindow(fromLeft, record.strideX, outputGrad.width);
  let add = record.write == Write.add;
  for (let outY = firstWindow(fromTop, record.windowHeight, record.strideY); outY <= lastOutY; outY++) {
    for (let outX = firstOutX; outX <= lastOutX; outX++) {
      const key = share.key(record, outY, outX, (fromTop - outY * record.strideY) * record.windowWidth + fromLeft - outX * record.strideX);
      const cells = ((image * outputGrad.height + outY) * outputGrad.width + outX) * channels;
      const from = pixelPtr(outputGrad, image, outY, outX);
      for (let channel = 0; channel < channels; channel += LANES) {
        let value = share.of(record.argmax, cells + channel, v128.load(f32At(from, channel), 0), key);
        if (add) value = f32x4.add(v128.load(f32At(to, channel), 0), value);
        storeUpTo(f32At(to, channel), value, channels - channel);
      }
      add = true;
    }
  }
  if (!add) zeroRun(to, channels);
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
 * A Share tells which part of a window's gradient one of its cells gets: key() once per window and cell, of() for 4 channels.
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
  of(argmax: usize, cells: i32, gradient: v128, key: v128): v128 {
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
  of(argmax: usize, cells: i32, gradient: v128, key: v128): v128 {
    const four = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(argmax + cells, 0)));
    return v128.and(gradient, i32x4.eq(four, key));
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
  of(argmax: usize, cells: i32, gradient: v128, key: v128): v128 {
    return v128.and(gradient, i32x4.eq(v128.load(f32At(argmax, cells), 0), key));
  }
}
