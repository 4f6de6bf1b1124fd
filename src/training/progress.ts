/** What `fit` gives: a promise of the history, and figures step by step for whoever iterates over it. */
import type { Callback, Logs, TrainingContext } from "./callbacks.ts";
import type { History } from "./fit.ts";

export interface TrainingProgress {
  /** From 0. */
  readonly epoch: number;
  /** From 0 in every epoch; undefined at the end of an epoch, whose figures then hold those of the validation too. */
  readonly step: number | undefined;
  readonly logs: Logs;
}

/**
 * `await` it for the history, or `for await (const { epoch, step, logs } of model.fit(…))`: no figure is lost, and the training does not wait
 * for the loop. Leaving the loop stops the training after the current step, and takes until it has ended.
 */
export interface Training extends Promise<History>, AsyncIterable<TrainingProgress> {}

/** `start` runs the training and tells the callbacks, to which iterating adds one; `onWatched` is called before the first one is added. */
export function training(start: (callbacks: Callback[]) => Promise<History>, onWatched: () => void = () => {}): Training {
  let epoch = 0;
  const callbacks: Callback[] = [
    {
      onEpochBegin(current) {
        epoch = current;
      },
    },
  ];
  const promise = start(callbacks);
  return Object.assign(promise, {
    [Symbol.asyncIterator](): AsyncIterator<TrainingProgress> {
      // The error comes out of the loop.
      promise.catch(() => {});
      onWatched();
      const watcher = new Watcher(() => epoch);
      callbacks.push(watcher);
      return watcher.entries(promise);
    },
  });
}

class Watcher implements Callback {
  private readonly waiting: TrainingProgress[] = [];
  private wake: () => void = () => {};
  private hasStopped = false;

  constructor(private readonly epoch: () => number) {}

  onBatchEnd(step: number, logs: Logs, context: TrainingContext): void {
    this.add({ epoch: this.epoch(), step, logs }, context);
  }

  onEpochEnd(epoch: number, logs: Logs, context: TrainingContext): void {
    this.add({ epoch, step: undefined, logs }, context);
  }

  private add(entry: TrainingProgress, context: TrainingContext): void {
    if (this.hasStopped) context.stopTraining();
    this.waiting.push(entry);
    this.wake();
  }

  async *entries(end: Promise<History>): AsyncGenerator<TrainingProgress> {
    let hasEnded = false;
    const atEnd = () => {
      hasEnded = true;
      this.wake();
    };
    end.then(atEnd, atEnd);
    try {
      while (!hasEnded || this.waiting.length > 0) {
        yield* this.waiting.splice(0);
        if (hasEnded || this.waiting.length > 0) continue;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      await end;
    } finally {
      this.hasStopped = true;
      // Whoever trains on right behind the loop finds nobody training. Its error, if any, is the promise's.
      await end.catch(() => {});
    }
  }
}
