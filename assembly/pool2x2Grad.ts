/** The input gradient of pooling over 2 x 2 windows side by side, from the windows' side: each gradient is read once. The bits are pool2dGrad.ts's. */
import { Pool2dInputGrad } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { hasWholeRows, pixelPtr } from "./tensor";

const EIGHT: i32 = 2 * LANES;

/** The four pixels of each of the first `columns` windows in a row: as many channels as possible by eights, then the last ones, overlapping those before. */
export function scatterSquares(record: Pool2dInputGrad, image: i32, outY: i32, columns: i32): void {
  const inputGrad = record.inputGrad;
  const channels = inputGrad.channels;
  const whole = channels & -EIGHT;
  const rest = channels - whole;
  if (whole != 0) scatterRow<EightChannels>(record, image, outY, 0, whole, columns);
  if (rest == 0) return;
  const size = rest > LANES ? EIGHT : LANES;
  // Pixels of fewer channels are written with the next ones, which then overwrite that, if they lie behind them and in the row.
  let pixels = columns;
  if (channels < size) pixels = hasWholeRows(inputGrad) ? max((inputGrad.width + 1 - (size + channels - 1) / channels) >> 1, 0) : 0;
  const first = max(channels - size, 0);
  if (size == EIGHT) scatterRow<EightChannels>(record, image, outY, first, size, pixels);
  else scatterRow<FourChannels>(record, image, outY, first, size, pixels);
  if (pixels < columns) scatterNarrow(record, image, outY, pixels, columns);
}

/** `count` channels from `first` on, a multiple of the step. */
function scatterRow<Step>(record: Pool2dInputGrad, image: i32, outY: i32, first: i32, count: i32, columns: i32): void {
  const step = changetype<Step>(0);
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const fromStep = <usize>(outputGrad.pixelStride - count) << 2;
  const pixelBytes = <usize>inputGrad.pixelStride << 2;
  const rowBytes = <usize>inputGrad.rowStride << 2;
  const toStep = <usize>(2 * inputGrad.pixelStride - count) << 2;
  const cellStep = outputGrad.channels - count;
  // From the record: V8 builds literal vectors anew at every use.
  const second = record.windowWidth;
  const key0 = i32x4.splat(second - 2);
  const key1 = i32x4.splat(second - 1);
  const key2 = i32x4.splat(second);
  const key3 = i32x4.splat(second + 1);
  let cells = record.argmax + (image * outputGrad.height + outY) * outputGrad.width * outputGrad.channels + first;
  let from = f32At(pixelPtr(outputGrad, image, outY, 0), first);
  let to = f32At(pixelPtr(inputGrad, image, outY << 1, 0), first);
  for (let outX = 0; outX < columns; outX++) {
    for (const end = f32At(from, count); from < end; from += step.size() << 2) {
      step.scatter(from, cells, to, pixelBytes, to + rowBytes, key0, key1, key2, key3);
      to += step.size() << 2;
      cells += step.size();
    }
    from += fromStep;
    to += toStep;
    cells += cellStep;
  }
}

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
}

// @ts-ignore: decorator
@inline
function cellsOf(bytes: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes)));
}

/** The windows from `firstX` on, and nothing behind their pixels. */
function scatterNarrow(record: Pool2dInputGrad, image: i32, outY: i32, firstX: i32, columns: i32): void {
  const channels = record.inputGrad.channels;
  const pixelBytes = <usize>record.inputGrad.pixelStride << 2;
  const rowBytes = <usize>record.inputGrad.rowStride << 2;
  let cells = record.argmax + ((image * record.outputGrad.height + outY) * record.outputGrad.width + firstX) * channels;
  let from = pixelPtr(record.outputGrad, image, outY, firstX);
  let to = pixelPtr(record.inputGrad, image, outY << 1, firstX << 1);
  for (let outX = firstX; outX < columns; outX++) {
    for (let channel = 0; channel < channels; channel += LANES) {
      const gradient = v128.load(f32At(from, channel));
      const cell = cellsOf(cells + channel);
      const at = f32At(to, channel);
      storeUpTo(at, v128.and(gradient, i32x4.eq(cell, i32x4.splat(0))), channels - channel);
      storeUpTo(at + pixelBytes, v128.and(gradient, i32x4.eq(cell, i32x4.splat(1))), channels - channel);
      storeUpTo(at + rowBytes, v128.and(gradient, i32x4.eq(cell, i32x4.splat(2))), channels - channel);
      storeUpTo(at + rowBytes + pixelBytes, v128.and(gradient, i32x4.eq(cell, i32x4.splat(3))), channels - channel);
    }
    from = f32At(from, record.outputGrad.pixelStride);
    to += pixelBytes << 1;
    cells += channels;
  }
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
