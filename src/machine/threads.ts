/** The WASM machine on several threads: the caller's is thread 0, the others are workers of a pool that all models share. */
import { MAX_THREADS, PROGRESS, PROGRESS_BYTES } from "../../build/records.ts";
import { startBrowserWorker } from "./browserWorker.ts";
import type { Machine } from "./machine.ts";
import { startNodeWorker } from "./nodeWorker.ts";
import { WorkerPool } from "./pool.ts";
import type { PoolWorker, StartWorker } from "./poolWorker.ts";
import type { Execute, Kernels, Numerics } from "./wasm.ts";
import { ABORT, abortRun } from "./workerSource.ts";

/** Seconds without any progress after which a worker counts as lost; as many as the run took before where these are more. */
const PATIENCE = 3;

/** How long workers have to finish their share after a run failed; who has not is ended. Milliseconds. */
const ABORT_TIME = 500;

export interface ThreadOptions {
  readonly numerics: Numerics;
  readonly threads: number;
  /** Tells the user that a worker could not be kept. */
  readonly say: (line: string) => void;
  /** How workers are started. Default: as node:worker_threads where they are, else as workers of the browser. */
  readonly start?: StartWorker;
}

const pools = new Map<StartWorker, WorkerPool>();

/** A machine that is forgotten without `dispose` leaves its pool when it is collected. */
const forgotten = typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<() => void>((leave) => leave());

/** Not in files for pages, which are built without process. */
const startHere = () => (typeof process === "object" && process.versions?.node !== undefined ? startNodeWorker : startBrowserWorker);

/** Kernels on a shared `memory`, run by `threads` threads. */
export async function threadedMachine(
  { module, execute, checksum }: Kernels,
  memory: WebAssembly.Memory,
  { numerics, threads, say, start = startHere() }: ThreadOptions,
): Promise<Machine> {
  let pool = pools.get(start);
  if (pool === undefined) {
    pool = new WorkerPool(start, say);
    pools.set(start, pool);
  }
  const number = pool.add({ memory, module }, threads - 1);
  const machine = new ThreadedMachine(numerics, { memory, execute, checksum, pool, number, threads });
  const registered = pool;
  forgotten?.register(machine, () => registered.remove(number));
  await pool.ready();
  return machine;
}

interface Parts {
  readonly memory: WebAssembly.Memory;
  readonly execute: Execute;
  readonly checksum: Kernels["checksum"];
  readonly pool: WorkerPool;
  readonly number: number;
  readonly threads: number;
}

/** Memories of a run that failed, and its workers: until those that were lost are gone, nobody may use the memory. */
const failedRuns = new WeakMap<WebAssembly.Memory, readonly PoolWorker[]>();

class ThreadedMachine implements Machine {
  constructor(
    readonly name: Numerics,
    private readonly parts: Parts,
  ) {}

  readonly checksum = (at: number, length: number) => this.parts.checksum(at, length);

  async ready(): Promise<void> {
    await this.parts.pool.ready();
  }

  dispose(): void {
    this.parts.pool.remove(this.parts.number);
  }

  execute(first: number, count: number, most = this.parts.threads): number {
    const { execute, pool, number, threads } = this.parts;
    this.clearFailedRun();
    const crew = most > 1 ? pool.crew(number, Math.min(most, threads) - 1) : [];
    if (crew.length === 0) return execute(first, count, 0, 1);
    crew.forEach((worker, index) => {
      worker.give({ machine: number, first, count, thread: index + 1, threads: crew.length + 1 });
    });
    try {
      const done = this.runWith(crew, first, count);
      if (done < count) this.abort(crew);
      return done;
    } catch (reason) {
      this.abort(crew);
      throw reason;
    }
  }

  /** Thread 0's part. Each time it was kept waiting for a second it looks at the others. */
  private runWith(crew: readonly PoolWorker[], first: number, count: number): number {
    const began = performance.now();
    let before = "";
    let waits = 0;
    let patience = PATIENCE;
    for (;;) {
      const done = this.parts.execute(first, count, 0, crew.length + 1);
      if (done === count) return count;
      for (const { failure } of crew) if (failure !== undefined) throw lostWorker(failure);
      const words = new Int32Array(this.parts.memory.buffer);
      if (Atomics.load(words, ABORT / 4) !== 0) return done;
      const now = crew.map((_, index) => words[(PROGRESS + (index + 1) * PROGRESS_BYTES) / 4]).join();
      if (now !== before) {
        before = now;
        waits = 0;
        patience = Math.max(PATIENCE, (performance.now() - began) / 1000);
      }
      if (++waits >= patience) throw lostWorker(`no progress for ${waits} seconds`);
    }
  }

  /** Ends a run that cannot go on: workers return before their next instruction; who does not is ended. */
  private abort(crew: readonly PoolWorker[]): void {
    abortRun(this.parts.memory);
    const deadline = performance.now() + ABORT_TIME;
    for (const worker of crew) {
      if (worker.failure === undefined && !worker.awaitIdle(deadline - performance.now())) worker.terminate("it did not end a run that had failed");
    }
    failedRuns.set(this.parts.memory, crew);
  }

  private clearFailedRun(): void {
    const { memory } = this.parts;
    const crew = failedRuns.get(memory);
    if (crew === undefined) return;
    if (crew.some(({ failure, hasEnded }) => failure !== undefined && !hasEnded)) {
      throw new Error("threads: a worker of the run that failed is still being ended; await model.ready first");
    }
    failedRuns.delete(memory);
    new Int32Array(memory.buffer, PROGRESS, (MAX_THREADS * PROGRESS_BYTES) / 4).fill(0);
  }
}

function lostWorker(reason: string): Error {
  return new Error(`threads: a worker was lost in the middle of a run (${reason}); the weights are those of the last complete step`);
}
