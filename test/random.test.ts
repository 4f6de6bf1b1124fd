import { describe, expect, test } from "vitest";
import { normal, permutation, streamOf, truncatedNormal, uniform } from "../src/random.ts";

// Recorded numbers come from a second implementation in Python, checked against the known answers of Random123.

function moments(values: ArrayLike<number>): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < values.length; index++) {
    sum += values[index]!;
    squares += values[index]! ** 2;
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(squares / values.length - mean ** 2) };
}

/** Five standard errors of a mean of this many numbers. */
const COUNT = 100_000;
const FIVE_SIGMA = 5 / Math.sqrt(COUNT);

describe("streamOf", () => {
  test.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
    ["é", 0x1e9de8c1],
  ])("hashes %j as FNV-1a does", (text, hash) => {
    expect(streamOf(text)).toBe(hash);
  });
});

describe("uniform", () => {
  test("draws the recorded numbers", () => {
    expect(Array.from(uniform(42, 7, new Float32Array(4)), (value) => value * 2 ** 24)).toEqual([3854391, 2142214, 2371252, 4342426]);
  });

  test("fills [0, 1) evenly", () => {
    const values = uniform(1, 2, new Float32Array(COUNT));
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const { mean, deviation } = moments(values);
    expect(Math.abs(mean - 0.5)).toBeLessThan(FIVE_SIGMA * Math.sqrt(1 / 12));
    expect(Math.abs(deviation - Math.sqrt(1 / 12))).toBeLessThan(FIVE_SIGMA);
    const bins = new Array<number>(16).fill(0);
    for (const value of values) bins[Math.floor(value * 16)]!++;
    const chiSquare = bins.reduce((sum, bin) => sum + (bin - COUNT / 16) ** 2 / (COUNT / 16), 0);
    expect(chiSquare).toBeLessThan(50);
  });
});

describe.each([
  ["uniform", uniform],
  ["normal", normal],
  ["truncatedNormal", truncatedNormal],
] as const)("%s", (_name, fill) => {
  const draw = (seed: number, stream: number, count: number) => fill(seed, stream, new Float32Array(count));

  test("is a function of seed, stream and index alone", () => {
    const values = draw(5, 6, 101);
    expect(draw(5, 6, 101)).toEqual(values);
    expect(draw(5, 6, 64)).toEqual(values.slice(0, 64));
    expect(draw(5, 6, 7)).toEqual(values.slice(0, 7));
    expect(draw(5, 7, 101)).not.toEqual(values);
    expect(draw(6, 6, 101)).not.toEqual(values);
    expect(Array.from(fill(5, 6, new Float64Array(101)), Math.fround)).toEqual(Array.from(values));
    expect(draw(-1, 0, 4)).toEqual(draw(2 ** 32 - 1, 0, 4));
    expect(draw(0, 0, 0)).toHaveLength(0);
  });

  test.each([
    [Number.NaN, 0, "random: seed is NaN, needs a whole number ≥ -2147483648 and < 4294967296"],
    [0.5, 0, "random: seed is 0.5, needs a whole number ≥ -2147483648 and < 4294967296"],
    [2 ** 32, 0, "random: seed is 4294967296, needs a whole number ≥ -2147483648 and < 4294967296"],
    [0, 1.5, "random: stream is 1.5, needs a whole number ≥ -2147483648 and < 4294967296"],
  ])("refuses seed %d, stream %d", (seed, stream, message) => {
    expect(() => draw(seed, stream, 1)).toThrow(new RangeError(message));
  });
});

describe("normal", () => {
  test("has mean 0, deviation 1 and normal tails", () => {
    const values = normal(3, 4, new Float32Array(COUNT));
    const { mean, deviation } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(FIVE_SIGMA);
    expect(Math.abs(deviation - 1)).toBeLessThan(FIVE_SIGMA);
    const outside = values.filter((value) => Math.abs(value) > 2).length / COUNT;
    expect(Math.abs(outside - 0.0455)).toBeLessThan(FIVE_SIGMA * 0.21);
  });

  test("does not correlate neighbours", () => {
    const values = normal(3, 5, new Float32Array(COUNT));
    let sum = 0;
    for (let index = 1; index < COUNT; index++) sum += values[index]! * values[index - 1]!;
    expect(Math.abs(sum / COUNT)).toBeLessThan(FIVE_SIGMA);
  });
});

test("truncatedNormal stays within two deviations and has Keras's deviation", () => {
  const values = truncatedNormal(8, 9, new Float32Array(COUNT));
  expect(values.every((value) => Math.abs(value) <= 2)).toBe(true);
  const { mean, deviation } = moments(values);
  expect(Math.abs(mean)).toBeLessThan(FIVE_SIGMA);
  expect(Math.abs(deviation - 0.87962566103423978)).toBeLessThan(FIVE_SIGMA);
});

describe("permutation", () => {
  test("draws the recorded order", () => {
    expect([...permutation(8, 42, 7)]).toEqual([0, 6, 4, 2, 5, 7, 1, 3]);
  });

  test.each([0, 1, 2, 17, 1000])("of %i holds every index once", (count) => {
    const order = permutation(count, 1, 2);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(permutation(count, 1, 2)).toEqual(order);
  });

  test("makes all six orders of three equally often", () => {
    const counts = new Map<string, number>();
    const draws = 12_000;
    for (let seed = 0; seed < draws; seed++) {
      const order = permutation(3, seed, 0).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - draws / 6)).toBeLessThan(5 * Math.sqrt((draws * 5) / 36));
  });

  test("refuses a count that is none", () => {
    expect(() => permutation(-1, 0, 0)).toThrow(new RangeError("permutation: count is -1, needs a whole number ≥ 0 and ≤ 4294967295"));
  });
});
