/**
 * How threads keep in step between instructions. Each has a counter of its own that only it writes, so a wait that was given up can
 * be taken up again, and the host can read who is late. Method: spin, then sleep (pthreadpool).
 */
import { PROGRESS, PROGRESS_BYTES, RunHeader, RUN_HEADER } from "./records";

/** Loads before a thread goes to sleep: about 50 µs, what a sleep and a wake-up cost. */
const SPINS: i32 = 20_000;
/** Nanoseconds without progress after which a thread gives up waiting: the host looks at its workers. */
const PATIENCE: i64 = 1_000_000_000;
/** Offset of Progress.sleepers. */
const SLEEPERS: usize = 4;

// @ts-ignore: decorator
@inline
function progressPtr(thread: i32): usize {
  return PROGRESS + <usize>thread * PROGRESS_BYTES;
}

/** Instructions of the range that `thread` has finished. */
export function progressOf(thread: i32): i32 {
  return atomic.load<i32>(progressPtr(thread));
}

export function isAborted(): bool {
  return atomic.load<i32>(RUN_HEADER, offsetof<RunHeader>("abort")) != 0;
}

/** Tells the others that this thread has finished `done` instructions: what it wrote is theirs to read. */
export function announce(thread: i32, done: i32): void {
  const progress = progressPtr(thread);
  atomic.store<i32>(progress, done);
  // A sleeper counts itself before it compares `done` for the last time, so one of the two sees the other.
  if (atomic.load<i32>(progress, SLEEPERS) != 0) atomic.notify(progress, -1);
}

/** Waits until all other threads have finished `done` instructions. False: aborted, or one made no progress for a second. */
export function awaitOthers(done: i32, thread: i32, threads: i32): bool {
  for (let other = 0; other < threads; other++) {
    if (other != thread && !reaches(progressPtr(other), done)) return false;
  }
  return true;
}

/** Makes the counters ready for the next range. Only thread 0 may, when it has seen all others finish: none of them reads one then. */
export function clearProgress(threads: i32): void {
  for (let thread = 0; thread < threads; thread++) atomic.store<i32>(progressPtr(thread), 0);
}

function reaches(progress: usize, done: i32): bool {
  for (let spin = SPINS; spin > 0; spin--) {
    if (atomic.load<i32>(progress) >= done) return true;
  }
  atomic.add<i32>(progress, 1, SLEEPERS);
  let seen = atomic.load<i32>(progress);
  while (seen < done && !isAborted()) {
    const woken = atomic.wait<i32>(progress, seen, PATIENCE);
    const now = atomic.load<i32>(progress);
    if (woken == AtomicWaitResult.TIMED_OUT && now == seen) break;
    seen = now;
  }
  atomic.sub<i32>(progress, 1, SLEEPERS);
  return seen >= done;
}
