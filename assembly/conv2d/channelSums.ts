/** Sums over pixels that keep channels apart: the bias gradient, and the weight gradient of a depthwise convolution. */
import { LANES, f32At, multiplyAdd } from "../lanes";
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
    storeChannels(to, sum0, min(LANES, channels - channel), add);
    storeChannels(to + 16, sum1, min(LANES, channels - channel - LANES), add);
  }
}

/**
 * weightGrad [tap][channel] ← or += Σ over a chunk of pixels of input · outputGrad; `tables` holds the pixels' pointers in
 * both. 3 taps × 8 channels at a time: 6 sums and 8 loads fit the registers.
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
  let table = scratch + TABLES;
  for (const end = table + (<usize>count << 2); table < end; table += sizeof<usize>()) {
    const input = load<usize>(table);
    const outputGrad = load<usize>(table, TABLE_BYTES) + gradOffset;
    const input0 = input + offset0;
    const input1 = input + offset1;
    const input2 = input + offset2;
    const grad0 = v128.load(outputGrad);
    const grad1 = v128.load(outputGrad, 16);
    s00 = multiplyAdd(v128.load(input0), grad0, s00);
    s01 = multiplyAdd(v128.load(input0, 16), grad1, s01);
    s10 = multiplyAdd(v128.load(input1), grad0, s10);
    s11 = multiplyAdd(v128.load(input1, 16), grad1, s11);
    s20 = multiplyAdd(v128.load(input2), grad0, s20);
    s21 = multiplyAdd(v128.load(input2, 16), grad1, s21);
  }
  const channels = record.input.channels;
  const to = f32At(record.weightGrad, tap * channels + channel);
  storeTap(to, s00, s01, channels - channel, add);
  if (taps > 1) storeTap(f32At(to, channels), s10, s11, channels - channel, add);
  if (taps > 2) storeTap(f32At(to, 2 * channels), s20, s21, channels - channel, add);
}

function storeTap(to: usize, sum0: v128, sum1: v128, channels: i32, add: bool): void {
  storeChannels(to, sum0, min(LANES, channels), add);
  storeChannels(to + 16, sum1, min(LANES, channels - LANES), add);
}

/** to ← or += the first `count` lanes (none when it is not positive). */
function storeChannels(to: usize, sum: v128, count: i32, add: bool): void {
  if (count == LANES) {
    v128.store(to, add ? f32x4.add(v128.load(to), sum) : sum);
    return;
  }
  for (let lane = 0; lane < count; lane++) {
    const value = f32x4.extract_lane(sum, 0);
    store<f32>(f32At(to, lane), add ? load<f32>(f32At(to, lane)) + value : value);
    sum = v128.shuffle<f32>(sum, sum, 1, 2, 3, 0);
  }
}
