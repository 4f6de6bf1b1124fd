/** What both directions of batch normalization share: sums and coefficients by groups of 4 channels. */
import { Tensor } from "./records";
import { f32At, LANES } from "./lanes";
import { pixelPtr } from "./tensor";

/** Immediate offsets: two float64 sums for each of 4 channels, or four float32 coefficients; and two float32 sums. */
export enum Group {
  firstLow = 0,
  firstHigh = 16,
  secondLow = 32,
  secondHigh = 48,
  sum = 64,
  squares = 80,
  bytes = 96,
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

/** Address of a row, counted over all images. */
// @ts-ignore: decorator
@inline
export function rowPtr(tensor: Tensor, row: i32): usize {
  return pixelPtr(tensor, row / tensor.height, row % tensor.height, 0);
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
