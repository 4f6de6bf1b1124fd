/**
 * Max pooling over whole 2 x 2 windows, what most networks have, without loops over the cells: the bits are those of pool2d.ts.
 * Comparisons with NaN would need two instructions more for each value: a row that holds one is left to the general loop instead.
 */
import { Activation, Pool2dOutput } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { pixelPtr } from "./tensor";

const EIGHT: i32 = 2 * LANES;

/**
 * `channels` from `channel` on of a row of windows. The last step of a pixel ends with its last channel, whatever the one before it has done
 * already; pixels with fewer channels than a step are written with the next ones, which then overwrite that. False if a NaN was met. Meanwhile the
 * rows from `ahead` on, read next, come into the cache line by line.
 */
export function maxOfSquares<Step>(record: Pool2dOutput, image: i32, outY: i32, channel: i32, channels: i32, ahead: usize): bool {
  const step = changetype<Step>(0);
  const input = record.input;
  const output = record.output;
  const pixelBytes = <usize>input.pixelStride << 2;
  const rowBytes = <usize>input.rowStride << 2;
  const advanced = max(channels - step.size(), 0);
  const fromStep = <usize>(input.pixelStride * record.strideX - advanced) << 2;
  const toStep = <usize>(output.pixelStride - advanced) << 2;
  const cellStep = output.channels - advanced;
  // Where windows share columns, a row holds less than 4 pixels for each.
  const aheadStep = <usize>(record.strideX > 1 ? channels - advanced : -advanced) << 4;
  const closed = closedUpTo(record);
  const runs = output.pixelStride == channels;
  let from = f32At(pixelPtr(input, image, outY * record.strideY - record.padTop, -record.padLeft), channel);
  let to = f32At(pixelPtr(output, image, outY, 0), channel);
  let argmax = record.argmax + (image * output.height + outY) * output.width * output.channels + channel;
  let sums = i32x4.splat(0);
  for (let outX = output.width; outX > 0; outX--) {
    const room = runs ? outX * channels : channels;
    for (let left = advanced; ; ) {
      step.fetch(ahead);
      const below = from + rowBytes;
      sums = step.max(from, from + pixelBytes, below, below + pixelBytes, to, argmax, closed, sums, room);
      if (left == 0) break;
      const next = min(left, step.size());
      left -= next;
      from += <usize>next << 2;
      to += <usize>next << 2;
      argmax += next;
      ahead += <usize>next << 4;
    }
    from += fromStep;
    to += toStep;
    argmax += cellStep;
    ahead += aheadStep;
  }
  return !v128.any_true(f32x4.ne(sums, sums));
}

/** A maximum not above this has no cell; NaN: all have one. */
// @ts-ignore: decorator
@inline
export function closedUpTo(record: Pool2dOutput): v128 {
  return f32x4.splat(record.activation == Activation.relu ? 0 : NaN);
}

/*
 * A Step is a number of channels: fetch() brings four pixels of them, max() writes the largest of four in the `room` floats that may be
 * written, and adds them all to `sums`, which are NaN after a NaN. Infinities of both signs make them so too: the general loop is right for these as well.
 */

@final
@unmanaged
export class FourChannels {
  // @ts-ignore: decorator
  @inline
  size(): i32 {
    return LANES;
  }

  // @ts-ignore: decorator
  @inline
  fetch(ahead: usize): void {
    load<i32>(ahead);
  }

  // @ts-ignore: decorator
  @inline
  max(from: usize, right: usize, below: usize, belowRight: usize, to: usize, argmax: usize, closed: v128, sums: v128, room: i32): v128 {
    const a = v128.load(from);
    const b = v128.load(right);
    const c = v128.load(below);
    const d = v128.load(belowRight);
    storeUpTo(to, largestOf(a, b, c, d), room);
    return f32x4.add(sums, sumOf(a, b, c, d));
  }
}

@final
@unmanaged
export class EightChannels {
  // @ts-ignore: decorator
  @inline
  size(): i32 {
    return EIGHT;
  }

  // @ts-ignore: decorator
  @inline
  fetch(ahead: usize): void {
    load<i32>(ahead);
    load<i32>(ahead, 64);
  }

  // @ts-ignore: decorator
  @inline
  max(from: usize, right: usize, below: usize, belowRight: usize, to: usize, argmax: usize, closed: v128, sums: v128, room: i32): v128 {
    const quad = changetype<FourChannels>(0);
    const first = quad.max(from, right, below, belowRight, to, argmax, closed, sums, room);
    return quad.max(from + 16, right + 16, below + 16, belowRight + 16, to + 16, argmax, closed, first, room - LANES);
  }
}

// @ts-ignore: decorator
@inline
export function sumOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

// @ts-ignore: decorator
@inline
export function largestOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
}
