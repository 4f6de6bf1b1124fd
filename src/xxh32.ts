/**
 * The checksum of model files. Finds for certain every change within one aligned 32-bit word, and others but one in 2³².
 * Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, XXH32 with seed 0. assembly/xxh32.ts is the same, ten times as fast.
 */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;
const STRIPE = 16;

/** An unsigned 32-bit number. */
export function xxh32(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { length } = bytes;
  const stripes = length - (length % STRIPE);
  let hash = stripes > 0 ? stripesOf(words, stripes) : PRIME_5;
  hash = (hash + length) | 0;
  let at = stripes;
  for (; at + 4 <= length; at += 4) hash = Math.imul(rotate(hash + Math.imul(words.getInt32(at, true), PRIME_3), 17), PRIME_4);
  for (; at < length; at++) hash = Math.imul(rotate(hash + Math.imul(bytes[at]!, PRIME_5), 11), PRIME_1);
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Of the first `length` bytes, a multiple of STRIPE: four lanes, joined to one word. */
function stripesOf(words: DataView, length: number): number {
  let lane0 = (PRIME_1 + PRIME_2) | 0;
  let lane1 = PRIME_2 | 0;
  let lane2 = 0;
  let lane3 = -PRIME_1 | 0;
  for (let at = 0; at < length; at += STRIPE) {
    lane0 = Math.imul(rotate(lane0 + Math.imul(words.getInt32(at, true), PRIME_2), 13), PRIME_1);
    lane1 = Math.imul(rotate(lane1 + Math.imul(words.getInt32(at + 4, true), PRIME_2), 13), PRIME_1);
    lane2 = Math.imul(rotate(lane2 + Math.imul(words.getInt32(at + 8, true), PRIME_2), 13), PRIME_1);
    lane3 = Math.imul(rotate(lane3 + Math.imul(words.getInt32(at + 12, true), PRIME_2), 13), PRIME_1);
  }
  return rotate(lane0, 1) + rotate(lane1, 7) + rotate(lane2, 12) + rotate(lane3, 18);
}

/** Of `word` modulo 2³². */
function rotate(word: number, distance: number): number {
  return (word << distance) | (word >>> (32 - distance));
}
