/** How the threads split one long array. */

/** Shares are cut at multiples of this many elements: whole vectors, whole cache lines. */
const CHUNK_BITS: i32 = 10;

/** Where the share of `thread` in [0, count) begins; it ends where that of thread + 1 begins. */
export function shareStart(count: i32, thread: i32, threads: i32): i32 {
  const chunks = (count + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS;
  return min(count, ((chunks * thread) / threads) << CHUNK_BITS);
}
