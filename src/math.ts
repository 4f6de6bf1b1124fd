/**
 * Functions in double precision with the same bits on every engine: the language leaves Math.exp and its like to the engine, but
 * + − × ÷, Math.sqrt, Math.floor and Math.abs are exact or correctly rounded everywhere.
 *
 * Methods: argument reduction by Cody & Waite, "Software Manual for the Elementary Functions" (1980); logarithms through
 * atanh as in fdlibm; erfc by the trapezoidal rule.
 * Coefficients: Remez exchange in 60 digits, or those of the Taylor series where that is short enough.
 * Errors against Math.* and against series are asserted in test/math.test.ts: within 1e-15 of the value (4.5e-16 seen against 50 digits).
 */

/** ln 2 and π/2 in parts: the upper ones have 32 and 33 bits, so that small integers times them are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_MIDDLE = 6.077100506303966e-11;
const HALF_PI_BELOW_HIGH = 6.077100506506192e-11;
const HALF_PI_BELOW_MIDDLE = 2.0222662487959506e-21;

const bits = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

/** 2ⁿ for −1022 ≤ n ≤ 1023. */
function powerOf2(n: number): number {
  bits.setInt32(0, (n + 1023) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}

/** e^r − 1 for r in [−ln 2 / 2, ln 2 / 2], plus `rest`, the part of the argument that r has lost. */
function expm1Near0(r: number, rest: number): number {
  let p = 2.0925399528913808e-9;
  p = 2.5110156512409036e-8 + r * p;
  p = 2.755723966410449e-7 + r * p;
  p = 2.7557241234378797e-6 + r * p;
  p = 2.4801587364172286e-5 + r * p;
  p = 1.984126988881539e-4 + r * p;
  p = 1.3888888888865017e-3 + r * p;
  p = 8.333333333320689e-3 + r * p;
  p = 4.1666666666666706e-2 + r * p;
  p = 0.16666666666666677 + r * p;
  p = 0.5 + r * p;
  return r + (r * r * p + rest);
}

/** e^x; 0 below −745.2, Infinity above 709.8. */
export function exp(x: number): number {
  if (!(x < 710)) return Number.isNaN(x) ? x : Infinity;
  if (x < -746) return 0;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = high - low;
  const value = 1 + expm1Near0(r, high - r - low);
  const half = n >> 1;
  return value * powerOf2(half) * powerOf2(n - half);
}

/** e^x − 1, accurate near 0. */
export function expm1(x: number): number {
  if (Math.abs(x) < 1e-17) return x;
  if (!(x > -40 && x < 40)) return exp(x) - 1;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - n * LN2_HIGH;
  const low = n * LN2_LOW;
  const r = high - low;
  const power = powerOf2(n);
  return power * expm1Near0(r, high - r - low) + (power - 1);
}

/** Exponent k of x = 2ᵏ · m, m in [√½, √2), for finite positive x. */
function exponentOf(x: number): number {
  const scaled = x < 2.2250738585072014e-308 ? x * 18014398509481984 : x;
  bits.setFloat64(0, scaled);
  const k = ((bits.getInt32(0) - 0x3fe6a09e) >> 20) - (scaled === x ? 0 : 54);
  return k;
}

/** Natural logarithm. */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : Number.NaN;
  const k = exponentOf(x);
  const f = dividedByPower(x, k) - 1;
  const s = f / (2 + f);
  const z = s * s;
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + z * (2 / 3 + z * atanhTail(z))) + k * LN2_LOW) - f);
}

/** x / 2ᵏ in two exact steps: 2⁻ᵏ alone may not be a normal number. */
function dividedByPower(x: number, k: number): number {
  const half = k >> 1;
  return x * powerOf2(-half) * powerOf2(half - k);
}

/** (2 atanh(s) − 2s − ⅔ s³) / s⁵ as a function of z = s² ≤ 0.0295. */
function atanhTail(z: number): number {
  let p = 0.1322572719722497;
  p = 0.13253410913832364 + z * p;
  p = 0.1538691855892139 + z * p;
  p = 0.18181780363261887 + z * p;
  p = 0.2222222257562815 + z * p;
  p = 0.2857142856967208 + z * p;
  return 0.40000000000003894 + z * p;
}

/** log(1 + x) for 0 ≤ x ≤ 1: 2 atanh(x / (2 + x)), of which 9⁻¹⁸ and less is left out. */
export function log1p(x: number): number {
  const s = x / (2 + x);
  let sum = 0;
  for (let n = 35; n > 0; n -= 2) sum = sum * s * s + 1 / n;
  return x * (2 / (2 + x)) * sum;
}

export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size < 1e-9) return x;
  if (size > 22) return x > 0 ? 1 : -1;
  const y = expm1(-2 * size);
  const value = -y / (y + 2);
  return x < 0 ? -value : value;
}

/** sin and cos, of |x| up to 1.6e6; beyond, the absolute error grows to about |x| · 1e-16, and values above 1e15 mean nothing. */
export function sin(x: number): number {
  return Math.abs(x) < 1e-8 ? x : circular(x, 0);
}

export function cos(x: number): number {
  return circular(x, 1);
}

/** sin(x + quarterTurns · π/2). */
function circular(x: number, quarterTurns: number): number {
  const n = Math.floor(x * 0.6366197723675814 + 0.5);
  let r = x - n * HALF_PI_HIGH;
  let w = n * HALF_PI_BELOW_HIGH;
  let y = r - w;
  // Cancellation of more than 2⁻¹⁶: the next part of π/2 is needed.
  if (Math.abs(y) < Math.abs(x) * 1.5e-5) {
    const before = r;
    const middle = n * HALF_PI_MIDDLE;
    r = before - middle;
    w = n * HALF_PI_BELOW_MIDDLE - (before - r - middle);
    y = r - w;
  }
  const rest = r - y - w;
  const quadrant = (n + quarterTurns) & 3;
  const value = (quadrant & 1) === 0 ? sinNear0(y, rest) : cosNear0(y, rest);
  return quadrant < 2 ? value : -value;
}

/** Taylor series on [−π/4, π/4]: the first term left out is below 2⁻⁵⁴. */
function sinNear0(y: number, rest: number): number {
  const z = y * y;
  let p = -7.647163731819816e-13;
  p = 1.6059043836821613e-10 + z * p;
  p = -2.505210838544172e-8 + z * p;
  p = 2.7557319223985893e-6 + z * p;
  p = -1.984126984126984e-4 + z * p;
  p = 8.333333333333333e-3 + z * p;
  return y + (rest * (1 - 0.5 * z) + y * z * (-0.16666666666666666 + z * p));
}

function cosNear0(y: number, rest: number): number {
  const z = y * y;
  let p = 4.779477332387385e-14;
  p = -1.1470745597729725e-11 + z * p;
  p = 2.08767569878681e-9 + z * p;
  p = -2.755731922398589e-7 + z * p;
  p = 2.48015873015873e-5 + z * p;
  p = -1.388888888888889e-3 + z * p;
  p = 4.1666666666666664e-2 + z * p;
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + (z * z * p - y * rest));
}

/** erf(x) for 0 ≤ x < 1: terms of one sign, so nothing cancels. */
function erfNear0(x: number): number {
  let term = 2 * x * Math.sqrt(1 / Math.PI) * exp(-x * x);
  let sum = 0;
  for (let n = 3; term > 1e-17; n += 2) {
    sum += term;
    term *= (2 * x * x) / n;
  }
  return sum;
}

/** e^(−n²/4), n = 0, 1, … */
const GAUSSIANS = /* @__PURE__ */ Array.from({ length: 14 }, (_, n) => exp((-n * n) / 4));

/**
 * 1 − erf(x), without the cancellation for large x: the trapezoidal rule with step ½ for (x/π) e^(−x²) ∫ e^(−t²) / (t² + x²) dt, whose error is
 * e^(−4π²) once the residue is taken off (Hunter & Regan, Math. Comp. 26, 1972). x² is split so that its rounding does not reach the exponential.
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 0.75) return 1 - erfNear0(x);
  if (x > 28) return 0;
  let sum = 0;
  for (let n = 13; n > 0; n--) sum += GAUSSIANS[n] / ((n * n) / 4 + x * x);
  const high = Math.fround(x);
  const gaussian = exp(-high * high) * exp((high - x) * (high + x));
  const residue = x < 6 ? 2 / expm1(4 * Math.PI * x) : 0;
  return ((x * gaussian) / Math.PI) * (0.5 / (x * x) + sum) - residue;
}
