/** Looks behind the threads of a model, and makes it use them where it would not. */
import type { Engine, Placed } from "../../src/engine.ts";
import type { Model } from "../../src/index.ts";
import type { Machine } from "../../src/machine/machine.ts";
import type { WorkerPool } from "../../src/machine/pool.ts";
import type { PoolWorker } from "../../src/machine/poolWorker.ts";

interface ThreadedParts {
  readonly pool: WorkerPool;
  readonly number: number;
}

export function engineOf(model: Model): Engine {
  return (model as unknown as { engine: Engine }).engine;
}

export function machineOf(model: Model): Machine & { parts: ThreadedParts } {
  return engineOf(model).machine("strict") as Machine & { parts: ThreadedParts };
}

/** Workers that would take part in a run of 32 threads now. */
export function crewOf(model: Model): PoolWorker[] {
  const { pool, number } = machineOf(model).parts;
  return pool.crew(number, 31);
}

/** Ends a worker behind the back of its pool. */
export function kill(worker: PoolWorker): void {
  (worker as unknown as { platform: { terminate(): void } }).platform.terminate();
}

/** Lets every section run on all threads, however small it is, updates too. */
export function shareEverything(model: Model): void {
  const machine = machineOf(model);
  const execute = machine.execute.bind(machine);
  machine.execute = (first, count) => execute(first, count);
}

/** Kernels in the programs that a model keeps. */
export function kernelsOf(model: Model): string[] {
  const { programs } = engineOf(model) as unknown as { programs: Map<string, Placed> };
  return [...programs.values()].flatMap(({ program }) => program.steps.map(({ kernel }) => kernel));
}

export function weightsOf(model: Model): Float32Array[] {
  return model.getWeights().map(({ data }) => data);
}
