/** What both directions of batch normalization share: sums and coefficients by groups of 4 channels, and the row that comes next. */
import { Tensor } from "./records";
import { f32At, LANES } from "./lanes";
import { pixelPtr } from "./tensor";

/** Immediate offsets into the 64 bytes of 4 channels. */
export enum Group {
  firstLow = 0,
  firstHigh = 16,
  secondLow = 32,
  secondHigh = 48,
  bytes = 64,
}

// @ts-ignore: decorator
@inline
export function groupPtr(groups: usize, channel: i32): usize {
  return groups + (channel / LANES) * Group.bytes;
}

/** First channel of a thread's share; it ends where that of thread + 1 begins. */
export function firstChannel(channels: i32, thread: i32, threads: i32): i32 {
  const groups = (channels + LANES - 1) / LANES;
  return min(channels, ((groups * thread) / threads) * LANES);
}

/** The row behind this one; of the last one itself. */
// @ts-ignore: decorator
@inline
export function rowAhead(tensor: Tensor, image: i32, y: i32, batch: i32): usize {
  if (y + 1 < tensor.height) y++;
  else if (image + 1 < batch) {
    y = 0;
    image++;
  }
  return pixelPtr(tensor, image, y, 0);
}

/** Four channels of a parameter, or what stands for an absent one. */
// @ts-ignore: decorator
@inline
export function channelsOr(parameter: usize, channel: i32, absent: v128): v128 {
  return parameter == 0 ? absent : v128.load(f32At(parameter, channel), 0);
}

// @ts-ignore: decorator
@inline
export function highHalf(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 2, 3, 2, 3);
}

// @ts-ignore: decorator
@inline
export function demote(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}
