/** The input gradient of pooling over 2 x 2 windows side by side, from the windows' side: each gradient is read once. The bits are pool2dGrad.ts's. */
import { Pool2dInputGrad } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { hasWholeRows, pixelPtr } from "./tensor";

const EIGHT: i32 = 2 * LANES;
/** Of a cache line. Written whole, out of cache: 0.87 to 0.93 of the speed of a loop without arithmetic; by halves 0.72 to 0.76. */
const SIXTEEN: i32 = 4 * LANES;

/**
 * The four pixels of each of the first `columns` windows in a row. Steps of sixteen channels end with a pixel's last one; the first is of four,
 * eight or sixteen, of which some may be written once more. Pixels of fewer channels than that are written with the next ones, which then overwrite that.
 */
export function scatterSquares(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const channels = outputGrad.channels;
  const rest = channels & (SIXTEEN - 1);
  const isShort = rest > 0 && rest <= LANES;
  const isEight = rest > LANES && rest <= EIGHT;
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
  const written = isShort ? LANES : isEight ? EIGHT : SIXTEEN;
  if (channels < written) {
    const covered = (written + channels - 1) / channels;
    pixels = hasWholeRows(inputGrad) ? min(max((inputGrad.width + 1 - covered) >> 1, 0), columns) : 0;
  }
  for (let outX = 0; outX < pixels; outX++) {
    const end = f32At(from, channels);
    let step = rest > EIGHT ? rest : SIXTEEN;
    if (isShort || isEight) {
      if (isShort) scatterFour(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      else scatterEight(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      from = f32At(from, rest);
      to = f32At(to, rest);
      cells += rest;
    }
    for (; from < end; step = SIXTEEN) {
      scatterSixteen(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      from = f32At(from, step);
      to = f32At(to, step);
      cells += step;
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
function scatterSixteen(from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128): void {
  const words0 = v128.load8x8_u(cells);
  const words1 = v128.load8x8_u(cells, 8);
  const cell0 = i32x4.extend_low_i16x8_u(words0);
  const cell1 = i32x4.extend_high_i16x8_u(words0);
  const cell2 = i32x4.extend_low_i16x8_u(words1);
  const cell3 = i32x4.extend_high_i16x8_u(words1);
  scatterLine(from, to, cell0, cell1, cell2, cell3, key0);
  scatterLine(from, to + pixelBytes, cell0, cell1, cell2, cell3, key1);
  scatterLine(from, below, cell0, cell1, cell2, cell3, key2);
  scatterLine(from, below + pixelBytes, cell0, cell1, cell2, cell3, key3);
}

// @ts-ignore: decorator
@inline
function scatterLine(from: usize, to: usize, cell0: v128, cell1: v128, cell2: v128, cell3: v128, key: v128): void {
  v128.store(to, v128.and(v128.load(from), i32x4.eq(cell0, key)));
  v128.store(to, v128.and(v128.load(from, 16), i32x4.eq(cell1, key)), 16);
  v128.store(to, v128.and(v128.load(from, 32), i32x4.eq(cell2, key)), 32);
  v128.store(to, v128.and(v128.load(from, 48), i32x4.eq(cell3, key)), 48);
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
