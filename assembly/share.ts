/** How the threads split the units of an instruction, or one long array. */

/**
 * Where the share of `thread` in [0, count) begins; it ends where that of thread + 1 begins. Neighbours stay together: what a thread
 * wrote in one instruction it reads in the next, from its own cache.
 */
export function firstOf(count: i32, thread: i32, threads: i32): i32 {
  // Small layers would take longer to divide than to compute.
  if (threads == 1) return count * thread;
  return <i32>((<i64>count * thread) / threads);
}

/** Shares are cut at multiples of this many elements: whole vectors, whole cache lines. */
const CHUNK_BITS: i32 = 10;

/** Where the share of `thread` in [0, count) begins; it ends where that of thread + 1 begins. */
export function shareStart(count: i32, thread: i32, threads: i32): i32 {
  const chunks = (count + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS;
  return min(count, ((chunks * thread) / threads) << CHUNK_BITS);
}
