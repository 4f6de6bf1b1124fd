/**
 * The six linear maps of F(4x4, 3x3), one line at a time, 4 channels in the lanes; a 2-D map is two passes of lines.
 * y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A for a 6 x 6 patch d, a 3 x 3 window g and 4 x 4 outputs y; the gradients are its adjoints.
 * Points 0, ±√½, ±√2, ∞ (as in ncnn): about a third of the error of 0, ±1, ±2, ∞ for about the same work.
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
 * Each function loads at `from`, from + fromStep … and stores at `to`, to + toStep … (bytes).
 */
import { Constant, constant, multiplyAdd, multiplySubtract } from "../lanes";

/** Bᵀ: 6 → 6, of the input. */
// @ts-ignore: decorator
@inline
export function inputLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from);
  from += fromStep;
  const d1 = v128.load(from);
  from += fromStep;
  const d2 = v128.load(from);
  from += fromStep;
  const d3 = v128.load(from);
  from += fromStep;
  const d4 = v128.load(from);
  from += fromStep;
  const d5 = v128.load(from);
  v128.store(to, multiplySubtract(constant(Constant.twoAndHalf), d2, f32x4.add(d0, d4)));
  to += toStep;
  let even = multiplySubtract(constant(Constant.two), d2, d4);
  let odd = multiplySubtract(constant(Constant.two), d1, d3);
  v128.store(to, multiplyAdd(constant(Constant.squareRootOfHalf), odd, even));
  to += toStep;
  v128.store(to, multiplySubtract(constant(Constant.squareRootOfHalf), odd, even));
  to += toStep;
  even = multiplySubtract(constant(Constant.half), d2, d4);
  odd = multiplySubtract(constant(Constant.half), d1, d3);
  v128.store(to, multiplyAdd(constant(Constant.rootOf2), odd, even));
  to += toStep;
  v128.store(to, multiplySubtract(constant(Constant.rootOf2), odd, even));
  to += toStep;
  v128.store(to, multiplySubtract(constant(Constant.twoAndHalf), d3, f32x4.add(d1, d5)));
}

/** Aᵀ: 6 → 4, of the products; the first of two passes. */
// @ts-ignore: decorator
@inline
export function outputLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from);
  from += fromStep;
  const m1 = v128.load(from);
  from += fromStep;
  const m2 = v128.load(from);
  from += fromStep;
  const m3 = v128.load(from);
  from += fromStep;
  const m4 = v128.load(from);
  from += fromStep;
  const m5 = v128.load(from);
  const sumA = f32x4.add(m1, m2);
  const sumB = f32x4.add(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, sumA), sumB));
  to += toStep;
  const differenceA = f32x4.sub(m1, m2);
  const differenceB = f32x4.sub(m3, m4);
  v128.store(to, output1(differenceA, differenceB));
  to += toStep;
  v128.store(to, output2(sumA, sumB));
  to += toStep;
  v128.store(to, output3(differenceA, differenceB, m5));
}

// @ts-ignore: decorator
@inline
export function output1(differenceA: v128, differenceB: v128): v128 {
  return f32x4.mul(constant(Constant.squareRootOfHalf), multiplyAdd(constant(Constant.two), differenceB, differenceA));
}

// @ts-ignore: decorator
@inline
export function output2(sumA: v128, sumB: v128): v128 {
  return multiplyAdd(constant(Constant.two), sumB, f32x4.mul(constant(Constant.half), sumA));
}

// @ts-ignore: decorator
@inline
export function output3(differenceA: v128, differenceB: v128, last: v128): v128 {
  return multiplyAdd(constant(Constant.quarterOfRootOf2), multiplyAdd(constant(Constant.eight), differenceB, differenceA), last);
}

/** A: 4 → 6, of the output's gradient. */
// @ts-ignore: decorator
@inline
export function outputGradLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const y0 = v128.load(from);
  from += fromStep;
  const y1 = v128.load(from);
  from += fromStep;
  const y2 = v128.load(from);
  from += fromStep;
  const y3 = v128.load(from);
  v128.store(to, y0);
  to += toStep;
  let even = multiplyAdd(constant(Constant.half), y2, y0);
  let odd = multiplyAdd(constant(Constant.half), y3, y1);
  v128.store(to, multiplyAdd(constant(Constant.squareRootOfHalf), odd, even));
  to += toStep;
  v128.store(to, multiplySubtract(constant(Constant.squareRootOfHalf), odd, even));
  to += toStep;
  even = multiplyAdd(constant(Constant.two), y2, y0);
  odd = multiplyAdd(constant(Constant.two), y3, y1);
  v128.store(to, multiplyAdd(constant(Constant.rootOf2), odd, even));
  to += toStep;
  v128.store(to, multiplySubtract(constant(Constant.rootOf2), odd, even));
  to += toStep;
  v128.store(to, y3);
}

/** G: 3 → 6, of the window. Never fused: strict and relaxed kernels share what it makes. */
// @ts-ignore: decorator
@inline
export function weightLine(g0: v128, g1: v128, g2: v128, to: usize, toStep: usize): void {
  v128.store(to, g0);
  to += toStep;
  let even = f32x4.neg(f32x4.mul(constant(Constant.third), f32x4.add(f32x4.add(g0, g0), g2)));
  let odd = f32x4.mul(constant(Constant.thirdOfRootOf2), g1);
  v128.store(to, f32x4.sub(even, odd));
  to += toStep;
  v128.store(to, f32x4.add(even, odd));
  to += toStep;
  even = f32x4.mul(constant(Constant.sixth), f32x4.add(g0, f32x4.add(g2, g2)));
  odd = f32x4.mul(constant(Constant.sixthOfRootOf2), g1);
  v128.store(to, f32x4.add(even, odd));
  to += toStep;
  v128.store(to, f32x4.sub(even, odd));
  to += toStep;
  v128.store(to, g2);
}

/** Gᵀ: 6 → 3, of the products' sums. */
// @ts-ignore: decorator
@inline
export function weightGradLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const u0 = v128.load(from);
  from += fromStep;
  const u1 = v128.load(from);
  from += fromStep;
  const u2 = v128.load(from);
  from += fromStep;
  const u3 = v128.load(from);
  from += fromStep;
  const u4 = v128.load(from);
  from += fromStep;
  const u5 = v128.load(from);
  const sumA = f32x4.add(u1, u2);
  const sumB = f32x4.add(u3, u4);
  const twiceA = f32x4.add(sumA, sumA);
  v128.store(to, multiplySubtract(constant(Constant.third), multiplySubtract(constant(Constant.half), sumB, twiceA), u0));
  to += toStep;
  const differenceA = f32x4.sub(u1, u2);
  const differenceB = f32x4.sub(u3, u4);
  v128.store(to, f32x4.mul(constant(Constant.sixthOfRootOf2), multiplySubtract(constant(Constant.two), differenceA, differenceB)));
  to += toStep;
  v128.store(to, multiplyAdd(constant(Constant.third), f32x4.sub(sumB, sumA), u5));
}
