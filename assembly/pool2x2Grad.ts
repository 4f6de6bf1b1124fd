/** The input gradient of pooling over 2 x 2 windows side by side, from the windows' side: each gradient is read once. The bits are pool2dGrad.ts's. */
import { Pool2dInputGrad } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { hasWholeRows, pixelPtr } from "./tensor";

const EIGHT: i32 = 2 * LANES;

/**
 * The four pixels of each of the first `columns` windows in a row. Steps of eight channels end with a pixel's last one; before them comes one
 * of four or eight, whatever those write once more. Pixels of fewer channels than that are written with the next ones, which then overwrite that.
 */
export function scatterSquares(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const channels = outputGrad.channels;
  const first = ((channels - 1) & (EIGHT - 1)) + 1;
  const isShort = first <= LANES;
  const fromGap = <usize>(outputGrad.pixelStride - channels) << 2;
  const pixelBytes = <usize>inputGrad.pixelStride << 2;
  const rowBytes = <usize>inputGrad.rowStride << 2;
  const toGap = <usize>(2 * inputGrad.pixelStride - channels) << 2;
  // From the record: V8 builds literal vectors anew at every use.
  const second = record.windowWidth;
  const key0 = i32x4.splat(second - 2);
  const key1 = i32x4.splat(second - 1);
  const key2 = i32x4.splat(second);
  const key3 = i32x4.splat(second + 1);
  let cells = record.argmax + (image * outputGrad.height + outY) * outputGrad.width * channels;
  let from = pixelPtr(outputGrad, image, outY, 0);
  let to = pixelPtr(inputGrad, image, outY << 1, 0);
  // Windows whose pixels may be written with what lies behind them.
  let pixels = columns;
  const written = isShort ? LANES : EIGHT;
  if (channels < written) {
    const covered = (written + channels - 1) / channels;
    pixels = hasWholeRows(inputGrad) ? min(max((inputGrad.width + 1 - covered) >> 1, 0), columns) : 0;
  }
  for (let outX = 0; outX < pixels; outX++) {
    const end = f32At(from, channels);
    if (isShort) scatterFour(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
    else scatterEight(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
    from = f32At(from, first);
    to = f32At(to, first);
    cells += first;
    for (; from < end; from += EIGHT << 2) {
      scatterEight(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      to += EIGHT << 2;
      cells += EIGHT;
    }
    from += fromGap;
    to += toGap;
  }
  for (let outX = pixels; outX < columns; outX++) {
    for (let channel = 0; channel < channels; channel += LANES) {
      const gradient = v128.load(f32At(from, channel));
      const cell = cellsOf(cells + channel);
      const at = f32At(to, channel);
      storeUpTo(at, v128.and(gradient, i32x4.eq(cell, key0)), channels - channel);
      storeUpTo(at + pixelBytes, v128.and(gradient, i32x4.eq(cell, key1)), channels - channel);
      storeUpTo(at + rowBytes, v128.and(gradient, i32x4.eq(cell, key2)), channels - channel);
      storeUpTo(at + rowBytes + pixelBytes, v128.and(gradient, i32x4.eq(cell, key3)), channels - channel);
    }
    from = f32At(from, outputGrad.pixelStride);
    to += pixelBytes << 1;
    cells += channels;
  }
}

// @ts-ignore: decorator
@inline
function scatterEight(from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128): void {
  const words = v128.load8x8_u(cells);
  const gradient0 = v128.load(from);
  const gradient1 = v128.load(from, 16);
  const cell0 = i32x4.extend_low_i16x8_u(words);
  const cell1 = i32x4.extend_high_i16x8_u(words);
  v128.store(to, v128.and(gradient0, i32x4.eq(cell0, key0)));
  v128.store(to, v128.and(gradient1, i32x4.eq(cell1, key0)), 16);
  v128.store(to + pixelBytes, v128.and(gradient0, i32x4.eq(cell0, key1)));
  v128.store(to + pixelBytes, v128.and(gradient1, i32x4.eq(cell1, key1)), 16);
  v128.store(below, v128.and(gradient0, i32x4.eq(cell0, key2)));
  v128.store(below, v128.and(gradient1, i32x4.eq(cell1, key2)), 16);
  v128.store(below + pixelBytes, v128.and(gradient0, i32x4.eq(cell0, key3)));
  v128.store(below + pixelBytes, v128.and(gradient1, i32x4.eq(cell1, key3)), 16);
}

// @ts-ignore: decorator
@inline
function scatterFour(from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128): void {
  const gradient = v128.load(from);
  const cell = cellsOf(cells);
  v128.store(to, v128.and(gradient, i32x4.eq(cell, key0)));
  v128.store(to + pixelBytes, v128.and(gradient, i32x4.eq(cell, key1)));
  v128.store(below, v128.and(gradient, i32x4.eq(cell, key2)));
  v128.store(below + pixelBytes, v128.and(gradient, i32x4.eq(cell, key3)));
}

// @ts-ignore: decorator
@inline
function cellsOf(bytes: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes)));
}

/** Mean pooling: a quarter to each of the four pixels. */
export function spreadSquares(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const inputGrad = record.inputGrad;
  const channels = inputGrad.channels;
  const pixelBytes = <usize>inputGrad.pixelStride << 2;
  const rowBytes = <usize>inputGrad.rowStride << 2;
  const quarter = constant(Constant.quarter);
  let from = pixelPtr(record.outputGrad, image, outY, 0);
  let to = pixelPtr(inputGrad, image, outY << 1, 0);
  for (let outX = 0; outX < columns; outX++) {
    for (let channel = 0; channel < channels; channel += LANES) {
      const share = f32x4.mul(v128.load(f32At(from, channel)), quarter);
      const at = f32At(to, channel);
      storeUpTo(at, share, channels - channel);
      storeUpTo(at + pixelBytes, share, channels - channel);
      storeUpTo(at + rowBytes, share, channels - channel);
      storeUpTo(at + rowBytes + pixelBytes, share, channels - channel);
    }
    from = f32At(from, record.outputGrad.pixelStride);
    to += pixelBytes << 1;
  }
}
