/** Workers that all models of a page or process share: they know the memories of models and run shares of jobs on them. */
import { MAX_THREADS } from "../../build/records.ts";
import { PoolWorker, type SharedMachine, type StartWorker } from "./poolWorker.ts";
import { workerSource } from "./workerSource.ts";

/** How long a model waits for workers before it goes on with those there are. Milliseconds. */
const START_TIME = 5_000;

/** Workers that end by themselves are replaced until so many have: a new one does not mend what is wrong. */
const MOST_REPLACEMENTS = 8;

interface Member extends SharedMachine {
  readonly workers: number;
}

export class WorkerPool {
  private workers: PoolWorker[] = [];
  private readonly machines = new Map<number, Member>();
  private nextNumber = 1;
  private replacements = 0;

  constructor(
    private readonly start: StartWorker,
    private readonly say: (line: string) => void,
  ) {}

  get size(): number {
    return this.workers.length;
  }

  /** Makes a machine known to all workers, at least `workers` of them. Its number is for `crew` and `remove`. */
  add(machine: SharedMachine, workers: number): number {
    const number = this.nextNumber++;
    this.machines.set(number, { ...machine, workers: Math.min(workers, MAX_THREADS - 1) });
    for (const worker of this.workers) worker.introduce(number, machine);
    this.fill();
    return number;
  }

  /** The last machine that leaves takes the workers with it. */
  remove(number: number): void {
    if (!this.machines.delete(number)) return;
    for (const worker of this.workers) worker.forget(number);
    if (this.machines.size > 0) return;
    for (const worker of this.workers.splice(0)) worker.terminate("it is no longer needed");
    this.replacements = 0;
  }

  /** At most `count` workers that know the machine and have nothing else to do. */
  crew(number: number, count: number): PoolWorker[] {
    const crew: PoolWorker[] = [];
    for (const worker of this.workers) {
      if (crew.length === count) break;
      if (worker.isReadyFor(number)) crew.push(worker);
    }
    return crew;
  }

  /** Resolves when lost workers are gone and all others know all machines, or START_TIME has passed. */
  async ready(): Promise<void> {
    if (this.workers.every((worker) => worker.isSettled)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, START_TIME);
    });
    await Promise.race([deadline, this.settled()]);
    clearTimeout(timer);
  }

  private async settled(): Promise<void> {
    await Promise.all(this.workers.filter(({ failure }) => failure !== undefined).map(({ ended }) => ended));
    await Promise.all(this.workers.map((worker) => worker.caughtUp()));
  }

  private fill(): void {
    const wanted = Math.max(0, ...[...this.machines.values()].map(({ workers }) => workers));
    while (this.workers.length < wanted) {
      const worker = new PoolWorker(this.onEnd);
      this.workers.push(worker);
      void worker.start(workerSource, this.start);
      for (const [number, machine] of this.machines) worker.introduce(number, machine);
    }
  }

  private readonly onEnd = (worker: PoolWorker): void => {
    const index = this.workers.indexOf(worker);
    if (index < 0) return;
    this.workers.splice(index, 1);
    if (worker.hasStarted && this.replacements++ < MOST_REPLACEMENTS) this.fill();
    else this.say(`convlet: a worker could not be kept (${worker.failure}); running on fewer threads`);
  };
}
