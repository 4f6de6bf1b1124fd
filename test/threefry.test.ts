import { expect, test } from "vitest";
import { threefry2x32 } from "../src/threefry.ts";

/** Random123's kat_vectors, lines "threefry 2 32 20": key, counter, result. */
test.each([
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
])("threefry2x32 of key %i %i, counter %i %i", (key0, key1, counter0, counter1, word0, word1) => {
  const words = new Uint32Array(2);
  threefry2x32(key0, key1, counter0, counter1, words);
  expect([...words]).toEqual([word0, word1]);
  threefry2x32(key0 | 0, key1 | 0, counter0 | 0, counter1 | 0, words);
  expect([...words]).toEqual([word0, word1]);
});
