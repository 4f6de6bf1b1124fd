import { describe, expect, test } from "vitest";
import { cos, erfc, exp, expm1, log, log1p, sin, tanh } from "../src/math.ts";

/** What src/math.ts promises: within 1e-15 of the value, half of which is the engine's own Math. */
const DOUBLE_FUNCTION = 1e-15;

type Function1 = (x: number) => number;

/** Largest relative error over `count` points of [low, high]; NaN on one side alone counts as Infinity. */
function worst(actual: Function1, expected: Function1, [low, high]: [number, number], count = 100_003): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const x = low + ((high - low) * (i + 0.37)) / count;
    const a = actual(x);
    const e = expected(x);
    if (Object.is(a, e)) continue;
    const error = Math.abs(a - e) / Math.abs(e);
    largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
  }
  return largest;
}

/** 1 − 2 / √π · Σ (−1)ⁿ x^(2n + 1) / (n! (2n + 1)), for |x| ≤ 1. */
function erfcSeries(x: number): number {
  let power = x;
  let sum = x;
  for (let n = 1; n < 25; n++) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * sum;
}

/** The continued fraction of erfc from its 200th level upwards, for x ≥ 2. */
function erfcFraction(x: number): number {
  let level = x;
  for (let n = 200; n > 0; n--) level = x + n / 2 / level;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * level);
}

/** The references' own rounding: x² in Math.exp(−x²), of which half an ulp is x² · 1.1e-16. */
const SERIES = (x: number) => DOUBLE_FUNCTION + 2.3e-16 * x * x;

describe("double-precision functions", () => {
  test.each<[string, Function1, Function1, [number, number]]>([
    ["exp", exp, Math.exp, [-708, 709.7]],
    ["exp", exp, Math.exp, [-1, 1]],
    ["expm1", expm1, Math.expm1, [-45, 45]],
    ["expm1", expm1, Math.expm1, [-1e-3, 1e-3]],
    ["log", log, Math.log, [0, 1000]],
    ["log", log, Math.log, [0.5, 2]],
    ["log", log, Math.log, [0, 1e-300]],
    ["log1p", log1p, Math.log1p, [0, 1]],
    ["log1p", log1p, Math.log1p, [0, 1e-3]],
    ["tanh", tanh, Math.tanh, [-25, 25]],
    ["tanh", tanh, Math.tanh, [-1e-2, 1e-2]],
    ["sin", sin, Math.sin, [-10, 10]],
    ["cos", cos, Math.cos, [-10, 10]],
    ["sin", sin, Math.sin, [-1e6, 1e6]],
    ["cos", cos, Math.cos, [-1e6, 1e6]],
  ])("%s agrees with Math to 1e-15 in %o", (_, actual, expected, range) => {
    expect(worst(actual, expected, range)).toBeLessThan(DOUBLE_FUNCTION);
  });

  test("erfc agrees with its series and continued fraction", () => {
    for (let x = -0.8; x < 0.8; x += 0.00037) expect(Math.abs(erfc(x) - erfcSeries(x))).toBeLessThan(SERIES(x));
    for (let x = 2; x < 26; x += 0.00137) expect(Math.abs(erfc(x) / erfcFraction(x) - 1)).toBeLessThan(SERIES(x));
    for (let x = -6; x < 6; x += 0.00137) expect(Math.abs(erfc(-x) + erfc(x) - 2)).toBeLessThan(4.5e-16);
  });

  test("erfc has the published values", () => {
    // Abramowitz & Stegun, table 7.1; Wolfram: erfc(5), erfc(10).
    expect(Math.abs(1 - erfc(0.5) - 0.5204998778130465)).toBeLessThan(DOUBLE_FUNCTION);
    expect(Math.abs(erfc(1) / 0.15729920705028513 - 1)).toBeLessThan(DOUBLE_FUNCTION);
    expect(Math.abs(erfc(1.5) / 0.033894853524689274 - 1)).toBeLessThan(DOUBLE_FUNCTION);
    expect(Math.abs(erfc(5) / 1.5374597944280349e-12 - 1)).toBeLessThan(DOUBLE_FUNCTION);
    expect(Math.abs(erfc(10) / 2.088487583762545e-45 - 1)).toBeLessThan(DOUBLE_FUNCTION);
  });

  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  test.each<[string, Function1, Function1]>([
    ["exp", exp, Math.exp],
    ["expm1", expm1, Math.expm1],
    ["log", log, Math.log],
    ["tanh", tanh, Math.tanh],
    ["sin", sin, Math.sin],
    ["cos", cos, Math.cos],
  ])("%s does as Math with zeros, infinities, NaN and denormals", (_, actual, expected) => {
    for (const x of [0, -0, inf, -inf, nan, 5e-324, -5e-324, 1e-310, -1]) expect(actual(x), `at ${x}`).toBe(expected(x));
  });

  test("saturates", () => {
    expect([exp(-746), exp(-1e308), exp(710), expm1(-1e300), tanh(1e300), erfc(30), erfc(inf), erfc(-inf)]).toEqual([0, 0, inf, -1, 1, 0, 0, 2]);
    expect(exp(-745)).toBe(5e-324);
    expect([erfc(nan), erfc(-0), log1p(0), log1p(5e-324)]).toEqual([nan, 1, 0, 5e-324]);
  });
});
