/** The input gradient of pooling over 2 x 2 windows side by side, from the windows' side: each gradient is read once. The bits are pool2dGrad.ts's. */
import { Pool2dInputGrad } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { hasWholeRows, pixelPtr } from "./tensor";

const EIGHT: i32 = 2 * LANES;

/**
 * The four pixels of each of the first `columns` windows in a row. A pixel's last step ends with its last channel, whatever the one before it has
 * done already; pixels of fewer channels are written with the next ones, which then overwrite that.
 */
export function scatterSquares(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const channels = record.inputGrad.channels;
  if (channels > LANES) scatterRow<EightChannels>(record, image, outY, columns);
  else scatterRow<FourChannels>(record, image, outY, columns);
}

function scatterRow<Step>(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const step = changetype<Step>(0);
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const channels = outputGrad.channels;
  const count = max(channels & -step.size(), step.size());
  const back = <usize>(count + step.size() - channels) << 2;
  const fromStep = <usize>(outputGrad.pixelStride - count) << 2;
  const pixelBytes = <usize>inputGrad.pixelStride << 2;
  const rowBytes = <usize>inputGrad.rowStride << 2;
  const toStep = <usize>(2 * inputGrad.pixelStride - count) << 2;
  const cellStep = channels - count;
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
  if (channels < step.size()) {
    const covered = (step.size() + channels - 1) / channels;
    pixels = hasWholeRows(inputGrad) ? min(max((inputGrad.width + 1 - covered) >> 1, 0), columns) : 0;
  }
  for (let outX = 0; outX < pixels; outX++) {
    for (const end = f32At(from, count); from < end; from += step.size() << 2) {
      step.scatter(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      to += step.size() << 2;
      cells += step.size();
    }
    if (cellStep > 0) {
      step.scatter(from - back, cells - (back >> 2), to - back, pixelBytes, to - back + rowBytes, key0, key1, key2, key3);
    }
    from += fromStep;
    to += toStep;
    cells += cellStep;
  }
  for (let outX = pixels; outX < columns; outX++) {
    step.scatterUpTo(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3, channels);
    from = f32At(from, outputGrad.pixelStride);
    to += pixelBytes << 1;
    cells += channels;
  }
}

/* A Step is a number of channels: scatter() writes the four pixels of a window with them, scatterUpTo() with the first `count` of them. */

@final
@unmanaged
class EightChannels {
  // @ts-ignore: decorator
  @inline
  size(): i32 {
    return EIGHT;
  }

  // @ts-ignore: decorator
  @inline
  scatter(from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128): void {
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
  scatterUpTo(
    from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128, count: i32,
  ): void {
    const four = changetype<FourChannels>(0);
    four.scatter(from, cells, to, pixelBytes, below, key0, key1, key2, key3);
    four.scatterUpTo(from + 16, cells + LANES, to + 16, pixelBytes, below + 16, key0, key1, key2, key3, count - LANES);
  }
}

@final
@unmanaged
class FourChannels {
  // @ts-ignore: decorator
  @inline
  size(): i32 {
    return LANES;
  }

  // @ts-ignore: decorator
  @inline
  scatter(from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128): void {
    const gradient = v128.load(from);
    const cell = cellsOf(cells);
    v128.store(to, v128.and(gradient, i32x4.eq(cell, key0)));
    v128.store(to + pixelBytes, v128.and(gradient, i32x4.eq(cell, key1)));
    v128.store(below, v128.and(gradient, i32x4.eq(cell, key2)));
    v128.store(below + pixelBytes, v128.and(gradient, i32x4.eq(cell, key3)));
  }

  // @ts-ignore: decorator
  @inline
  scatterUpTo(
    from: usize, cells: usize, to: usize, pixelBytes: usize, below: usize, key0: v128, key1: v128, key2: v128, key3: v128, count: i32,
  ): void {
    const gradient = v128.load(from);
    const cell = cellsOf(cells);
    storeUpTo(to, v128.and(gradient, i32x4.eq(cell, key0)), count);
    storeUpTo(to + pixelBytes, v128.and(gradient, i32x4.eq(cell, key1)), count);
    storeUpTo(below, v128.and(gradient, i32x4.eq(cell, key2)), count);
    storeUpTo(below + pixelBytes, v128.and(gradient, i32x4.eq(cell, key3)), count);
  }
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
