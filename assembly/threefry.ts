/**
 * Threefry-2x32-20, four counters at a time. Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11, and its library Random123. src/threefry.ts is the same generator for one counter.
 */
/** Skein's key schedule parity word, for 32 bits. */
const PARITY: i32 = 0x1bd11bda;

// @ts-ignore: decorator
@inline
function rotate(v: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(v, bits), i32x4.shr_u(v, 32 - bits));
}

/** One round's new second word; the first is x0 + x1. */
// @ts-ignore: decorator
@inline
function mix(sum: v128, x1: v128, bits: i32): v128 {
  return v128.xor(rotate(x1, bits), sum);
}

/**
 * The words of counters (counter0, counter1 + 0 .. 3) as 8 lanes of 16 bits, first and second word of each counter side by
 * side: −1 where the word's upper 24 bits are at least `threshold`, else 0.
 */
export function threefryAtLeast(key0: i32, key1: i32, counter0: i32, counter1: i32, threshold: i32): v128 {
  const key2 = PARITY ^ key0 ^ key1;
  let x0 = i32x4.splat(counter0 + key0);
  let x1 = i32x4.add(i32x4.splat(counter1 + key1), i32x4(0, 1, 2, 3));
  let first = key1;
  let second = key2;
  let third = key0;
  for (let group = 1; ; group += 2) {
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 13);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 15);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 26);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 6);
    x0 = i32x4.add(x0, i32x4.splat(first));
    x1 = i32x4.add(x1, i32x4.splat(second + group));
    if (group == 5) break;
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 17);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 29);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 16);
    x0 = i32x4.add(x0, x1);
    x1 = mix(x0, x1, 24);
    x0 = i32x4.add(x0, i32x4.splat(second));
    x1 = i32x4.add(x1, i32x4.splat(third + group + 1));
    const passed = first;
    first = third;
    third = second;
    second = passed;
  }
  const thresholds = i32x4.splat(threshold);
  const words0 = i32x4.ge_s(i32x4.shr_u(x0, 8), thresholds);
  const words1 = i32x4.ge_s(i32x4.shr_u(x1, 8), thresholds);
  const packed = i16x8.narrow_i32x4_s(words0, words1);
  return v128.shuffle<i16>(packed, packed, 0, 4, 1, 5, 2, 6, 3, 7);
}
