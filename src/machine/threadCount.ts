/** How many threads a model wants, and how many it can have here. */
import { MAX_THREADS } from "../../build/records.ts";
import { checkNumber } from "../options.ts";
import { sayOnce } from "./sayOnce.ts";

/** "auto" ends here: more seldom pay for the layers of a small network. */
const MOST_AUTO_THREADS = 4;

/** The option `threads` as a number. RangeError or TypeError when it is none. */
export function threadCount(threads: number | "auto" = 1): number {
  if (threads === "auto") return Math.min(MOST_AUTO_THREADS, coreCount());
  return checkNumber("model", "threads", threads, { whole: true, atLeast: 1, atMost: MAX_THREADS });
}

function coreCount(): number {
  const cores = typeof navigator === "undefined" ? undefined : navigator.hardwareConcurrency;
  // Node has a navigator from version 21 on.
  return cores ?? globalThis.process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? 1;
}

/** How many of the wanted threads this thread can have: others need a shared memory, and this one must be allowed to wait for them. */
export function usableThreads(wanted: number): number {
  // Without WebAssembly there is no memory to share; who starts the machine says so.
  if (wanted === 1 || typeof WebAssembly !== "object") return 1;
  if (canShare()) return wanted;
  sayOnce("convlet: threads need SharedArrayBuffer (a page: cross-origin isolation) and a thread that may wait (a page: a worker); running on one");
  return 1;
}

function canShare(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
