/**
 * Random numbers as a function of (seed, stream, index): the same on every machine, in any order, on any thread.
 * Threefry-2x32-20 turns a counter into two words; nothing is carried from one number to the next.
 */
import { cos, log, sin } from "./math.ts";
import { checkNumber } from "./options.ts";
import { threefry2x32 } from "./threefry.ts";

type Floats = Float32Array | Float64Array;

/** Second counter word ("host"): keeps these numbers apart from the dropout masks, which the kernels draw under the same seed. */
const DOMAIN = 0x686f7374;
const TWO_PI = 2 * Math.PI;

/** Limits of a seed. */
export const SEEDS = { whole: true, atLeast: -(2 ** 31), below: 2 ** 32 } as const;

/** The stream of a name (a layer's, say): FNV-1a, 32 bits, over UTF-8. */
export function streamOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Fills an array with uniform numbers in [0, 1), multiples of 2⁻²⁴.
 * seed and stream are whole numbers of 32 bits; number i does not depend on how many are drawn.
 */
export function uniform<T extends Floats>(seed: number, stream: number, values: T): T {
  drawPairs(values, keyed(seed, stream), (words, index) => {
    values[index] = (words[0]! >>> 8) * 2 ** -24;
    if (index + 1 < values.length) values[index + 1] = (words[1]! >>> 8) * 2 ** -24;
  });
  return values;
}

/** The same with normal numbers of mean 0 and standard deviation 1, |z| < 6.7. Box and Muller 1958. */
export function normal<T extends Floats>(seed: number, stream: number, values: T): T {
  drawPairs(values, keyed(seed, stream), (words, index) => writeNormalPair(values, index, words));
  return values;
}

/** Normal numbers with |z| ≤ 2, drawn again otherwise; their standard deviation is 0.8796256610342398. */
export function truncatedNormal<T extends Floats>(seed: number, stream: number, values: T): T {
  const draw = keyed(seed, stream);
  const again = new Float64Array(1);
  drawPairs(values, draw, (words, index) => writeNormalPair(values, index, words));
  for (let index = 0; index < values.length; index++) {
    for (let attempt = 1; Math.abs(values[index]!) > 2; attempt++) {
      writeNormalPair(again, 0, draw(index, attempt));
      values[index] = again[0]!;
    }
  }
  return values;
}

/** A uniformly chosen order of 0 … count − 1. Fisher and Yates; indexes by rejection, so no order is likelier than another. */
export function permutation(count: number, seed: number, stream: number): Uint32Array {
  checkNumber("permutation", "count", count, { whole: true, atLeast: 0, atMost: 0xffffffff });
  const draw = keyed(seed, stream);
  const order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  for (let last = count - 1; last > 0; last--) {
    const chosen = wholeBelow(last + 1, last, draw);
    const value = order[last]!;
    order[last] = order[chosen]!;
    order[chosen] = value;
  }
  return order;
}

/** The two words at (index, attempt). The array is the same every time. */
type Draw = (index: number, attempt: number) => Uint32Array;

function keyed(seed: number, stream: number): Draw {
  checkNumber("random", "seed", seed, SEEDS);
  checkNumber("random", "stream", stream, SEEDS);
  const words = new Uint32Array(2);
  return (index, attempt) => {
    threefry2x32(seed | 0, stream | 0, index, (DOMAIN + attempt) | 0, words);
    return words;
  };
}

function drawPairs(values: Floats, draw: Draw, write: (words: Uint32Array, index: number) => void): void {
  for (let index = 0; index < values.length; index += 2) write(draw(index >>> 1, 0), index);
}

function writeNormalPair(values: Floats, index: number, words: Uint32Array): void {
  // Half a step up: the logarithm never sees 0.
  const radius = Math.sqrt(-2 * log((words[0]! + 0.5) * 2 ** -32));
  const angle = words[1]! * (TWO_PI * 2 ** -32);
  values[index] = radius * cos(angle);
  if (index + 1 < values.length) values[index + 1] = radius * sin(angle);
}

/** A whole number below `count`, uniformly: words beyond the last full multiple of `count` are drawn again. */
function wholeBelow(count: number, index: number, draw: Draw): number {
  const limit = 2 ** 32 - (2 ** 32 % count);
  for (let attempt = 0; ; attempt++) {
    const [first, second] = draw(index, attempt) as unknown as [number, number];
    if (first < limit) return first % count;
    if (second < limit) return second % count;
  }
}
