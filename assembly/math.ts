/**
 * Functions of four lanes. NaN in, NaN out. Coefficients: Remez exchange in 60 digits, rounded to f32; largest error of the
 * polynomial alone in brackets. Errors of the functions (against float64, all rounding included) are asserted in the kernels' tests.
 */
import { constant, Constant, multiplyAdd } from "./lanes";

/**
 * round(x / ln 2) + 1.5 · 2²³: the integer stands in the low bits, ready for a shift into the exponent field.
 * Method of this and `reduced`: Cody & Waite, as in XNNPACK's rr2 kernels.
 */
// @ts-ignore: decorator
@inline
function biasedExponent(x: v128): v128 {
  return multiplyAdd(x, constant(Constant.log2E), constant(Constant.roundingBias));
}

/** x − n ln 2 in [−ln 2 / 2, ln 2 / 2]; the upper part of ln 2 has 17 bits, so n · that is exact. */
// @ts-ignore: decorator
@inline
function reduced(x: v128, biased: v128): v128 {
  const n = f32x4.sub(biased, constant(Constant.roundingBias));
  return multiplyAdd(n, constant(Constant.minusLn2Low), multiplyAdd(n, constant(Constant.minusLn2High), x));
}

/** exp(t) − 1 for t in [−ln 2 / 2, ln 2 / 2] [1.4e-8]. */
// @ts-ignore: decorator
@inline
function expm1Near0(t: v128): v128 {
  let p = multiplyAdd(t, constant(Constant.expm1C6), constant(Constant.expm1C5));
  p = multiplyAdd(t, p, constant(Constant.expm1C4));
  p = multiplyAdd(t, p, constant(Constant.expm1C3));
  p = multiplyAdd(t, p, constant(Constant.expm1C2));
  return multiplyAdd(f32x4.mul(t, t), p, t);
}

/** 2ⁿ for −126 ≤ n ≤ 127. */
// @ts-ignore: decorator
@inline
function powerOf2(n: v128): v128 {
  return i32x4.add(i32x4.shl(n, 23), constant(Constant.one));
}

/** e^x. Two factors of 2^(n/2) reach denormal results with one rounding, and saturate to 0 and Infinity by themselves. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, constant(Constant.expLow)), constant(Constant.expHigh));
  const biased = biasedExponent(clamped);
  const value = f32x4.add(constant(Constant.one), expm1Near0(reduced(clamped, biased)));
  const n = i32x4.sub(biased, constant(Constant.roundingBias));
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(value, powerOf2(half)), powerOf2(i32x4.sub(n, half)));
}

/** e^x − 1 for x ≤ 0, with full relative accuracy near 0. Below −17.33 it is −1. */
// @ts-ignore: decorator
@inline
export function expm1OfNegative(x: v128): v128 {
  const clamped = f32x4.pmax(x, constant(Constant.expm1Low));
  const biased = biasedExponent(clamped);
  const power = powerOf2(i32x4.sub(biased, constant(Constant.roundingBias)));
  return multiplyAdd(power, expm1Near0(reduced(clamped, biased)), f32x4.sub(power, constant(Constant.one)));
}

/** 2 atanh(s) = log((1 + s) / (1 − s)) for s² ≤ 1/9, plus `rest` before the last rounding [7e-9]. */
// @ts-ignore: decorator
@inline
function twiceAtanh(s: v128, rest: v128): v128 {
  const z = f32x4.mul(s, s);
  let p = multiplyAdd(z, constant(Constant.atanhC9), constant(Constant.atanhC7));
  p = multiplyAdd(z, p, constant(Constant.atanhC5));
  p = multiplyAdd(z, p, constant(Constant.atanhC3));
  return f32x4.add(f32x4.add(s, s), multiplyAdd(f32x4.mul(s, z), p, rest));
}

/** log(1 + x) for x in [0, 1], with full relative accuracy near 0. */
// @ts-ignore: decorator
@inline
export function log1pOfFraction(x: v128): v128 {
  return twiceAtanh(f32x4.div(x, f32x4.add(x, constant(Constant.two))), f32x4.splat(0));
}

/** log(x) for normal positive x; Infinity and NaN stay what they are. x = 2ᵏ · m with m in [√½, √2). */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const k = i32x4.shr_s(i32x4.sub(x, constant(Constant.squareRootOfHalf)), 23);
  const f = f32x4.sub(i32x4.sub(x, i32x4.shl(k, 23)), constant(Constant.one));
  const minusK = f32x4.convert_i32x4_s(i32x4.neg(k));
  const ofMantissa = twiceAtanh(f32x4.div(f, f32x4.add(f, constant(Constant.two))), f32x4.mul(minusK, constant(Constant.minusLn2Low)));
  return v128.bitselect(multiplyAdd(minusK, constant(Constant.minusLn2High), ofMantissa), x, f32x4.lt(x, constant(Constant.infinity)));
}

/** 1 / (1 + e^−x), from e^−|x| ≤ 1: no overflow, and small values keep their relative accuracy. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const one = constant(Constant.one);
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(e, one));
}

/** tanh(x) = −y / (y + 2) with y = e^(−2|x|) − 1, and the sign of x. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const y = expm1OfNegative(f32x4.neg(f32x4.add(magnitude, magnitude)));
  const result = f32x4.div(f32x4.neg(y), f32x4.add(y, constant(Constant.two)));
  return v128.or(f32x4.abs(result), v128.xor(x, magnitude));
}

/** e^(−x²/2), what `normalCdf` and its derivative share. */
// @ts-ignore: decorator
@inline
export function gaussian(x: v128): v128 {
  return exp(f32x4.neg(f32x4.mul(f32x4.mul(x, x), constant(Constant.half))));
}

/**
 * Φ(x) = (1 + erf(x / √2)) / 2 from e = gaussian(x). The lower tail is e · t P(t), t = 1 / (1 + 0.27 |x|): the form of
 * Abramowitz & Stegun 7.1.26, with 9 terms fitted to relative accuracy on |x| ≤ 14.5 [2.4e-8], below which e is 0.
 */
// @ts-ignore: decorator
@inline
export function normalCdf(x: v128, e: v128): v128 {
  const one = constant(Constant.one);
  const t = f32x4.div(one, multiplyAdd(f32x4.abs(x), constant(Constant.tailStretch), one));
  let p = multiplyAdd(t, constant(Constant.tailC8), constant(Constant.tailC7));
  p = multiplyAdd(t, p, constant(Constant.tailC6));
  p = multiplyAdd(t, p, constant(Constant.tailC5));
  p = multiplyAdd(t, p, constant(Constant.tailC4));
  p = multiplyAdd(t, p, constant(Constant.tailC3));
  p = multiplyAdd(t, p, constant(Constant.tailC2));
  p = multiplyAdd(t, p, constant(Constant.tailC1));
  p = multiplyAdd(t, p, constant(Constant.tailC0));
  const tail = f32x4.mul(f32x4.mul(p, t), e);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}
