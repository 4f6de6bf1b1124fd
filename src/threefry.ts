/**
 * Threefry-2x32-20: a counter-based generator, so that element i of a stream is known without its predecessors.
 * Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, and its library Random123.
 */

/** Skein's key schedule parity word, for 32 bits. */
const PARITY = 0x1bd11bda;

function rotate(word: number, distance: number): number {
  return (word << distance) | (word >>> (32 - distance));
}

/** out[0], out[1] ← the two words of the counter under the key. Arguments are taken modulo 2³². */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  let first = key1 | 0;
  let second = PARITY ^ key0 ^ key1;
  let third = key0 | 0;
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  // Four rounds and a key injection, five times; the two sets of distances take turns.
  for (let group = 1; group <= 5; group++) {
    const odd = (group & 1) === 1;
    x0 = (x0 + x1) | 0;
    x1 = rotate(x1, odd ? 13 : 17) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotate(x1, odd ? 15 : 29) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotate(x1, odd ? 26 : 16) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotate(x1, odd ? 6 : 24) ^ x0;
    x0 = (x0 + first) | 0;
    x1 = (x1 + second + group) | 0;
    const used = first;
    first = second;
    second = third;
    third = used;
  }
  out[0] = x0;
  out[1] = x1;
}
