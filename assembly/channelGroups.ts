/** What both directions of batch normalization share: sums and coefficients by groups of 4 channels. */
import { Tensor } from "./records";
import { f32At, LANES } from "./lanes";
import { pixelPtr } from "./tensor";

/** Immediate offsets into what 4 channels have: two float64 sums; two float32 sums of the latest pixels, and what was subtracted from those. */
export enum Group {
  firstLow = 0,
  firstHigh = 16,
  secondLow = 32,
  secondHigh = 48,
  sum = 64,
  products = 80,
  shift = 96,
  bytes = 112,
}

/** Immediate offsets into the coefficients that 4 channels have later: closer together, from the same place on. */
export enum Coefficients {
  mean = 0,
  slope = 16,
  offset = 32,
  factor = 48,
  bytes = 64,
}

/** So many pixels at most have float32 sums, which are then combined: that costs as much as summing about 8. */
export const SUMMED_PIXELS = 128;

/** Of several maps together, from which on a pass finds nothing of the one before in a third-level cache. */
const FAR_BYTES: f64 = 25e6;

/** Whether `maps` tensors like this one come from memory in every pass. */
export function isFar(tensor: Tensor, maps: i32, batch: i32): bool {
  return <f64>tensor.imageStride * 4 * batch * maps > FAR_BYTES;
}

/**
 * So many pixels of a row, some 2 kB, come into the cache at once, line by line as the processor foresees them; then their channels are
 * summed, 8 after 8. Out of cache, of 16 to 512 channels, 1.1 to 1.8 ms for 38 MB; up to 4 without, or with the next row's lines instead.
 * From far away 512 bytes, whose sums are few enough to wait for the lines behind: of 64 channels 0.93 → 0.67 ns a vector, where near 0.69 → 0.93.
 */
export function summedAtOnce(channels: i32, far: bool): i32 {
  return max(2, min(8, (far && channels <= 64 ? 128 : 512) / channels));
}

/**
 * So many pixels share a load of their channels' coefficients. Where channels are many they lie too far apart for the processor to foresee
 * lines of which others are written: of 128 channels 8 ms for 38 MB, 4.6 pixel by pixel; of 64 channels 3.6, and 4.3. From far away again
 * 512 bytes: of 64 channels 1.19 → 0.86 ns a vector, where near 0.42 → 0.64.
 */
export function writtenAtOnce(channels: i32, far: bool): i32 {
  return channels > 64 ? 1 : far ? min(4, 128 / channels) : 4;
}

/** First channel of a thread's share, which has its own groups; it ends where that of thread + 1 begins. */
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
