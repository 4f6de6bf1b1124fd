/** Sums over pixels that keep channels apart: the bias gradient, and the weight gradient of a depthwise convolution. */
import { LANES, f32At, multiplyAdd, storeUpTo } from "../lanes";
import { Conv2dWeightGrad } from "../records";
import { TABLE_BYTES } from "../rowView";
import { OFFSETS, TABLES, storeOffsets } from "./gradientChunk";

/** biasGrad [outChannels] ← or += Σ over a chunk of pixels of outputGrad. */
export function biasGrad(record: Conv2dWeightGrad, scratch: usize, count: i32, add: bool, thread: i32, threads: i32): void {
  const channels = record.outputGrad.channels;
  for (let channel = thread * 2 * LANES; channel < channels; channel += threads * 2 * LANES) {
    const offset = <usize>channel << 2;
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let table = scratch + TABLES;
    for (const end = table + (<usize>count << 2); table < end; table += sizeof<usize>()) {
      const from = load<usize>(table, TABLE_BYTES) + offset;
      sum0 = f32x4.add(sum0, v128.load(from));
      sum1 = f32x4.add(sum1, v128.load(from, 16));
    }
    const to = record.biasGrad + offset;
    storeChannels(to, sum0, channels - channel, add);
    storeChannels(to + 16, sum1, channels - channel - LANES, add);
  }
}

/**
 * weightGrad [tap][channel] ← or += Σ over a chunk of pixels of input · outputGrad; `tables` holds the pixels' pointers in
 * both. 3 taps × 8 channels at a time: 6 sums and 6 values of the input fit the registers, and of these the next pixel reads only two anew.
 */
export function depthwiseWeightGrad(record: Conv2dWeightGrad, scratch: usize, count: i32, add: bool, thread: i32, threads: i32): void {
  const channels = record.input.channels;
  const taps = record.windowHeight * record.windowWidth;
  for (let channel = thread * 2 * LANES; channel < channels; channel += threads * 2 * LANES) {
    for (let tap = 0; tap < taps; tap += 3) {
      storeOffsets(scratch, record, channel, tap, min(3, taps - tap), 1);
      addTaps(record, scratch, count, tap, min(3, taps - tap), channel, add);
    }
  }
}

function addTaps(record: Conv2dWeightGrad, scratch: usize, count: i32, tap: i32, taps: i32, channel: i32, add: bool): void {
  const offset0 = load<usize>(scratch, OFFSETS);
  const offset1 = load<usize>(scratch, OFFSETS + 4);
  const offset2 = load<usize>(scratch, OFFSETS + 8);
  const gradOffset = <usize>channel << 2;
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0);
  let s21 = f32x4.splat(0);
  let a00: v128, a01: v128, a10: v128, a11: v128;
  let a20 = f32x4.splat(0);
  let a21 = a20;
  a10 = a11 = a20;
  const tapStep = offset1 - offset0;
  const step = offset2 - offset1 == tapStep ? tapStep : 0;
  // Where the next pixel's window begins if it is this one's neighbour: two of its three values have been read.
  let neighbour: usize = 0;
  let table = scratch + TABLES;
  for (const end = table + (<usize>count << 2); table < end; table += sizeof<usize>()) {
    const input = load<usize>(table);
    if (input == neighbour) {
      a00 = a10;
      a01 = a11;
      a10 = a20;
      a11 = a21;
    } else {
      a00 = v128.load(input + offset0);
      a01 = v128.load(input + offset0, 16);
      a10 = v128.load(input + offset1);
      a11 = v128.load(input + offset1, 16);
    }
    a20 = v128.load(input + offset2);
    a21 = v128.load(input + offset2, 16);
    neighbour = input + step;
    const outputGrad = load<usize>(table, TABLE_BYTES) + gradOffset;
    const grad0 = v128.load(outputGrad);
    s00 = multiplyAdd(a00, grad0, s00);
    s10 = multiplyAdd(a10, grad0, s10);
    s20 = multiplyAdd(a20, grad0, s20);
    const grad1 = v128.load(outputGrad, 16);
    s01 = multiplyAdd(a01, grad1, s01);
    s11 = multiplyAdd(a11, grad1, s11);
    s21 = multiplyAdd(a21, grad1, s21);
  }
  const channels = record.input.channels;
  const to = f32At(record.weightGrad, tap * channels + channel);
  storeTap(to, s00, s01, channels - channel, add);
  if (taps > 1) storeTap(f32At(to, channels), s10, s11, channels - channel, add);
  if (taps > 2) storeTap(f32At(to, 2 * channels), s20, s21, channels - channel, add);
}

function storeTap(to: usize, sum0: v128, sum1: v128, channels: i32, add: bool): void {
  storeChannels(to, sum0, channels, add);
  storeChannels(to + 16, sum1, channels - LANES, add);
}

/** to ← or += the first `count` lanes (none when it is not positive). */
function storeChannels(to: usize, sum: v128, count: i32, add: bool): void {
  if (count > 0) storeUpTo(to, add ? f32x4.add(v128.load(to), sum) : sum, count);
}
