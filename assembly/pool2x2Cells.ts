/**
 * The steps of pool2x2.ts that write the cell of each maximum too, a byte. Cells are counted in masks, −1 for each: V8 builds an integer constant
 * anew at every use.
 */
import { LANES, storeUpTo } from "./lanes";
import { largestOf, sumOf } from "./pool2x2";

/** The first `count` of 4 bytes; all of them when count is 4 or more. */
// @ts-ignore: decorator
@inline
export function storeBytes(to: usize, bytes: v128, count: i32): void {
  if (count >= LANES) return v128.store_lane<u32>(to, bytes, 0, 0);
  store<u8>(to, i8x16.extract_lane_u(bytes, 0));
  if (count > 1) store<u8>(to, i8x16.extract_lane_u(bytes, 1), 1);
  if (count > 2) store<u8>(to, i8x16.extract_lane_u(bytes, 2), 2);
}

/** The cell of the first largest value, −1 where that is not above `closed`. */
// @ts-ignore: decorator
@inline
function cellOf(a: v128, b: v128, c: v128, d: v128, closed: v128): v128 {
  const isBelow = f32x4.lt(f32x4.pmax(a, b), f32x4.pmax(c, d));
  const cellBelow = i32x4.add(i32x4.add(isBelow, isBelow), v128.and(isBelow, f32x4.lt(c, d)));
  return v128.or(i32x4.abs(i32x4.min_s(f32x4.lt(a, b), cellBelow)), f32x4.le(largestOf(a, b, c, d), closed));
}

@final
@unmanaged
export class FourChannelsAndCells {
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
    const cell = cellOf(a, b, c, d, closed);
    storeUpTo(to, largestOf(a, b, c, d), room);
    storeBytes(argmax, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(cell, cell), cell), room);
    return f32x4.add(sums, sumOf(a, b, c, d));
  }
}

@final
@unmanaged
export class EightChannelsAndCells {
  // @ts-ignore: decorator
  @inline
  size(): i32 {
    return 2 * LANES;
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
    let a = v128.load(from);
    let b = v128.load(right);
    let c = v128.load(below);
    let d = v128.load(belowRight);
    sums = f32x4.add(sums, sumOf(a, b, c, d));
    v128.store(to, largestOf(a, b, c, d));
    const cell = cellOf(a, b, c, d, closed);
    // Never taken: keeps older schedulers from loading both quads first.
    if (room < 0) return cell;
    a = v128.load(from, 16);
    b = v128.load(right, 16);
    c = v128.load(below, 16);
    d = v128.load(belowRight, 16);
    sums = f32x4.add(sums, sumOf(a, b, c, d));
    storeUpTo(to + 16, largestOf(a, b, c, d), room - LANES);
    const words = i16x8.narrow_i32x4_s(cell, cellOf(a, b, c, d, closed));
    const bytes = i8x16.narrow_i16x8_s(words, words);
    if (room >= 2 * LANES) v128.store_lane<u64>(argmax, bytes, 0);
    else {
      v128.store_lane<u32>(argmax, bytes, 0);
      storeBytes(argmax + LANES, i64x2.shr_u(bytes, 32), room - LANES);
    }
    return sums;
  }
}
