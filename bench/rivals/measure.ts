/** Times worker processes in turns: one computes while the others wait. */
import type { Sample, WorkerProcess } from "./workerProcess.ts";

export interface Limits {
  readonly minTimeMs: number;
  readonly minRuns: number;
  readonly warmUpMs: number;
  /** What has run for longer, warm-up included, gets no further sample: the last call is the measurement. */
  readonly maxTimeMs: number;
}

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly runs: number;
  /** CPU time of all threads over wall time. */
  readonly cpu: number;
}

export interface Timed {
  readonly worker: WorkerProcess;
  readonly samples: Sample[];
  calls: number;
  spentMs: number;
}

/** A process that was asleep wakes with cold caches and a slow clock: a sample is long enough for that not to matter. */
const MIN_SAMPLE_MS = 10;
/** Calls shorter than this are preceded by one that is not timed. */
const SETTLE_BELOW_MS = 50;
const WARM_UP_CALLS = 3;

/** Until optimising compilers are through. `first` was measured before, on the very first calls. */
export async function warmUp(worker: WorkerProcess, first: readonly Sample[], { warmUpMs, maxTimeMs }: Limits): Promise<Timed> {
  let spentMs = first.reduce((sum, { ms }) => sum + ms, 0);
  let fastest = Math.min(...first.map(({ ms }) => ms));
  let last = first[first.length - 1];
  let done = first.length;
  for (let calls = 1; spentMs < maxTimeMs && (done < WARM_UP_CALLS || spentMs < warmUpMs); calls = Math.min(2 * calls, 4096)) {
    if (calls * fastest > MIN_SAMPLE_MS) calls = Math.max(1, Math.floor(MIN_SAMPLE_MS / fastest));
    const sample = await worker.sample(calls);
    last = { ms: sample.ms / calls, cpuMs: sample.cpuMs / calls };
    fastest = Math.min(fastest, last.ms);
    spentMs += sample.ms;
    done += calls;
  }
  if (spentMs >= maxTimeMs) return { worker, samples: [last], calls: 1, spentMs };
  return { worker, samples: [], calls: Math.max(1, Math.ceil(MIN_SAMPLE_MS / fastest)), spentMs: 0 };
}

/** A sample of each in every round, and every round begins with another one. */
export async function alternate(all: readonly Timed[], { minRuns, minTimeMs, maxTimeMs }: Limits): Promise<void> {
  let running = [...all];
  for (let round = 0; ; round++) {
    running = running.filter(({ samples, spentMs }) => spentMs < maxTimeMs && (samples.length < minRuns || spentMs < minTimeMs));
    if (running.length === 0) return;
    for (let turn = 0; turn < running.length; turn++) {
      const timed = running[(round + turn) % running.length];
      const { calls, worker } = timed;
      const settle = calls > 1 || (timed.samples[0]?.ms ?? 0) < SETTLE_BELOW_MS;
      const { ms, cpuMs } = await worker.sample(calls, { settle });
      timed.samples.push({ ms: ms / calls, cpuMs: cpuMs / calls });
      timed.spentMs += ms;
    }
  }
}

export function timing({ samples }: Timed): Timing {
  const times = samples.map(({ ms }) => ms);
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  return { medianMs: median(times), minMs: Math.min(...times), runs: times.length, cpu: total(samples.map(({ cpuMs }) => cpuMs)) / total(times) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
