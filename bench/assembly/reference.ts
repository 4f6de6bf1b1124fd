/**
 * What this machine can do at most, as far as WebAssembly lets it: loops with no work beside the one that is measured.
 * Compiled twice: multiply and add apart, and fused.
 */
import { multiplyAdd } from "../../assembly/lanes";

/**
 * Thirteen chains: enough to hide the latency of both operations, and with the two operands all of V8's 15 registers. Operands [a, b] come from
 * `operands`, the 13 ends go to `ends`. Apart: c ← c · a + b, because V8 would compute a · b of c + a · b once for all chains.
 */
export function chains(operands: usize, ends: usize, steps: i32): void {
  const a = v128.load(operands);
  const b = v128.load(operands, 16);
  let c0 = b;
  let c1 = b;
  let c2 = b;
  let c3 = b;
  let c4 = b;
  let c5 = b;
  let c6 = b;
  let c7 = b;
  let c8 = b;
  let c9 = b;
  let c10 = b;
  let c11 = b;
  let c12 = b;
  do {
    c0 = link(c0, a, b);
    c1 = link(c1, a, b);
    c2 = link(c2, a, b);
    c3 = link(c3, a, b);
    c4 = link(c4, a, b);
    c5 = link(c5, a, b);
    c6 = link(c6, a, b);
    c7 = link(c7, a, b);
    c8 = link(c8, a, b);
    c9 = link(c9, a, b);
    c10 = link(c10, a, b);
    c11 = link(c11, a, b);
    c12 = link(c12, a, b);
  } while (--steps);
  v128.store(ends, c0);
  v128.store(ends, c1, 16);
  v128.store(ends, c2, 32);
  v128.store(ends, c3, 48);
  v128.store(ends, c4, 64);
  v128.store(ends, c5, 80);
  v128.store(ends, c6, 96);
  v128.store(ends, c7, 112);
  v128.store(ends, c8, 128);
  v128.store(ends, c9, 144);
  v128.store(ends, c10, 160);
  v128.store(ends, c11, 176);
  v128.store(ends, c12, 192);
}

// @ts-ignore: decorator
@inline
function link(c: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(c, a), b);
}

/**
 * sums [4, 8] ← a [4, steps] · b [steps, 8]: the micro-kernel of a matrix product, hot in the first-level cache. A multiple of 4 steps.
 * Loops as in assembly/matmul.ts: one step a turn where fused, four fenced ones where not.
 */
export function tile4x8(aPtr: usize, bPtr: usize, sums: usize, steps: i32): void {
  const aStride = <usize>steps << 2;
  let a0 = aPtr;
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let c00 = i32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let b0: v128, b1: v128, a: v128;
  let k = steps;
  if (ASC_FEATURE_RELAXED_SIMD) {
    do {
      b0 = v128.load(bPtr);
      b1 = v128.load(bPtr, 16);
      a = v128.load32_splat(a0);
      c00 = multiplyAdd(a, b0, c00);
      c01 = multiplyAdd(a, b1, c01);
      a = v128.load32_splat(a1);
      c10 = multiplyAdd(a, b0, c10);
      c11 = multiplyAdd(a, b1, c11);
      a = v128.load32_splat(a2);
      c20 = multiplyAdd(a, b0, c20);
      c21 = multiplyAdd(a, b1, c21);
      a = v128.load32_splat(a3);
      c30 = multiplyAdd(a, b0, c30);
      c31 = multiplyAdd(a, b1, c31);
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      bPtr += 32;
    } while (--k);
  } else {
    while (true) {
      b0 = v128.load(bPtr);
      b1 = v128.load(bPtr, 16);
      a = v128.load32_splat(a0);
      c00 = multiplyAdd(a, b0, c00);
      c01 = multiplyAdd(a, b1, c01);
      a = v128.load32_splat(a1);
      c10 = multiplyAdd(a, b0, c10);
      c11 = multiplyAdd(a, b1, c11);
      a = v128.load32_splat(a2);
      c20 = multiplyAdd(a, b0, c20);
      c21 = multiplyAdd(a, b1, c21);
      a = v128.load32_splat(a3);
      c30 = multiplyAdd(a, b0, c30);
      c31 = multiplyAdd(a, b1, c31);
      if (k == 1) break;
      b0 = v128.load(bPtr, 32);
      b1 = v128.load(bPtr, 48);
      a = v128.load32_splat(a0, 4);
      c00 = multiplyAdd(a, b0, c00);
      c01 = multiplyAdd(a, b1, c01);
      a = v128.load32_splat(a1, 4);
      c10 = multiplyAdd(a, b0, c10);
      c11 = multiplyAdd(a, b1, c11);
      a = v128.load32_splat(a2, 4);
      c20 = multiplyAdd(a, b0, c20);
      c21 = multiplyAdd(a, b1, c21);
      a = v128.load32_splat(a3, 4);
      c30 = multiplyAdd(a, b0, c30);
      c31 = multiplyAdd(a, b1, c31);
      if (k == 2) break;
      b0 = v128.load(bPtr, 64);
      b1 = v128.load(bPtr, 80);
      a = v128.load32_splat(a0, 8);
      c00 = multiplyAdd(a, b0, c00);
      c01 = multiplyAdd(a, b1, c01);
      a = v128.load32_splat(a1, 8);
      c10 = multiplyAdd(a, b0, c10);
      c11 = multiplyAdd(a, b1, c11);
      a = v128.load32_splat(a2, 8);
      c20 = multiplyAdd(a, b0, c20);
      c21 = multiplyAdd(a, b1, c21);
      a = v128.load32_splat(a3, 8);
      c30 = multiplyAdd(a, b0, c30);
      c31 = multiplyAdd(a, b1, c31);
      if (k == 3) break;
      b0 = v128.load(bPtr, 96);
      b1 = v128.load(bPtr, 112);
      a = v128.load32_splat(a0, 12);
      c00 = multiplyAdd(a, b0, c00);
      c01 = multiplyAdd(a, b1, c01);
      a = v128.load32_splat(a1, 12);
      c10 = multiplyAdd(a, b0, c10);
      c11 = multiplyAdd(a, b1, c11);
      a = v128.load32_splat(a2, 12);
      c20 = multiplyAdd(a, b0, c20);
      c21 = multiplyAdd(a, b1, c21);
      a = v128.load32_splat(a3, 12);
      c30 = multiplyAdd(a, b0, c30);
      c31 = multiplyAdd(a, b1, c31);
      k -= 4;
      if (k == 0) break;
      a0 += 16;
      a1 += 16;
      a2 += 16;
      a3 += 16;
      bPtr += 128;
    }
  }
  v128.store(sums, c00);
  v128.store(sums, c01, 16);
  v128.store(sums, c10, 32);
  v128.store(sums, c11, 48);
  v128.store(sums, c20, 64);
  v128.store(sums, c21, 80);
  v128.store(sums, c30, 96);
  v128.store(sums, c31, 112);
}

/** `chains`, `times` times: a call from JavaScript is not free. */
export function repeatChains(operands: usize, ends: usize, steps: i32, times: i32): void {
  for (; times > 0; times--) chains(operands, ends, steps);
}

export function repeatTile4x8(aPtr: usize, bPtr: usize, sums: usize, steps: i32, times: i32): void {
  for (; times > 0; times--) tile4x8(aPtr, bPtr, sums, steps);
}

/** to ← from. Bytes here and below: a multiple of 64. */
export function copyStream(from: usize, to: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 64, to += 64) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
  }
}

/** The same, a vector a turn: which of the two is faster changes with engine and processor. */
export function copyVectors(from: usize, to: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 16, to += 16) v128.store(to, v128.load(from));
}

/** Reads; the result is there so that the loads are not left out. */
export function readStream(from: usize, bytes: usize): i32 {
  let any = i32x4.splat(0);
  for (const end = from + bytes; from < end; from += 64) {
    any = v128.or(any, v128.or(v128.or(v128.load(from), v128.load(from, 16)), v128.or(v128.load(from, 32), v128.load(from, 48))));
  }
  return v128.any_true(any) ? 1 : 0;
}

/** at ← relu(at): the one loop here with arithmetic, an instruction for each load and store. */
export function inPlaceStream(at: usize, bytes: usize): void {
  const zero = i32x4.splat(0);
  for (const end = at + bytes; at < end; at += 64) {
    v128.store(at, f32x4.pmax(v128.load(at), zero));
    v128.store(at, f32x4.pmax(v128.load(at, 16), zero), 16);
    v128.store(at, f32x4.pmax(v128.load(at, 32), zero), 32);
    v128.store(at, f32x4.pmax(v128.load(at, 48), zero), 48);
  }
}

/** to ← a or b, bit by bit: two streams read, one written. */
export function joinStream(a: usize, b: usize, to: usize, bytes: usize): void {
  for (const end = a + bytes; a < end; a += 32, b += 32, to += 32) {
    v128.store(to, v128.or(v128.load(a), v128.load(b)));
    v128.store(to, v128.or(v128.load(a, 16), v128.load(b, 16)), 16);
  }
}

/**
 * What max pooling with 2 x 2 windows reads and writes: two rows side by side, joined in a quarter as much, and a byte for each of its
 * floats. `pairs` of rows of `rowBytes`, a multiple of 64. The lines `reach` bytes further on are asked for meanwhile: which reach is faster, 0 or
 * the next pair, changes with the processor.
 */
export function quarterStream(from: usize, to: usize, cells: usize, pairs: i32, rowBytes: usize, reach: usize): void {
  for (; pairs > 0; pairs--) {
    let below = from + rowBytes;
    const ahead = pairs > 1 ? reach : 0;
    for (const end = below; from < end; from += 64, below += 64, to += 32, cells += 8) {
      load<i32>(from + ahead);
      load<i32>(below + ahead);
      const first = v128.or(v128.or(v128.load(from), v128.load(from, 16)), v128.or(v128.load(below), v128.load(below, 16)));
      v128.store(to, first);
      v128.store(to, v128.or(v128.or(v128.load(from, 32), v128.load(from, 48)), v128.or(v128.load(below, 32), v128.load(below, 48))), 16);
      v128.store_lane<u64>(cells, first, 0);
    }
    from = below;
  }
}

/** The other way round: what its gradient reads and writes. */
export function spreadStream(from: usize, cells: usize, to: usize, pairs: i32, rowBytes: usize): void {
  for (; pairs > 0; pairs--) {
    let below = to + rowBytes;
    for (const end = below; to < end; to += 64, below += 64, from += 32, cells += 8) {
      const first = v128.or(v128.load(from), v128.load64_zero(cells));
      const second = v128.load(from, 16);
      v128.store(to, first);
      v128.store(to, first, 16);
      v128.store(to, second, 32);
      v128.store(to, second, 48);
      v128.store(below, first);
      v128.store(below, first, 16);
      v128.store(below, second, 32);
      v128.store(below, second, 48);
    }
    to = below;
  }
}

/** Gradient, first, second and weight read, the last three written, unchanged where `mask` is 0: Adam's streams. */
export function adamStream(gradient: usize, first: usize, second: usize, weight: usize, bytes: usize, mask: i32): void {
  const bits = i32x4.splat(mask);
  for (const end = gradient + bytes; gradient < end; gradient += 16, first += 16, second += 16, weight += 16) {
    const g = v128.and(v128.load(gradient), bits);
    v128.store(first, v128.or(v128.load(first), g));
    v128.store(second, v128.or(v128.load(second), g));
    v128.store(weight, v128.or(v128.load(weight), g));
  }
}
