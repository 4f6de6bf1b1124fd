/** The page's part of a training in a worker: its callbacks, its batches, its signal. */
import type { Named } from "../options.ts";
import type { Callback, TrainingContext } from "../training/callbacks.ts";
import { EVENTS, type History } from "../training/fit.ts";
import type { TrainingProgress } from "../training/progress.ts";
import type { BatchSource, FitArguments } from "../training/trainer.ts";
import type { Connection, PageRun } from "./connect.ts";
import { sentInParts } from "./parts.ts";
import type { Effects, FitPlan } from "./protocol.ts";

interface Remote {
  readonly connection: Connection;
  /** Of the model. */
  readonly id: number;
  /** Told of the figures of every step once `begin` was called. */
  readonly watchers: readonly Callback[];
  save(path: string): Promise<void>;
}

interface Outcome {
  readonly history: History;
  readonly epoch: number;
}

let runs = 0;

export function trainRemotely(remote: Remote, args: FitArguments): { post(): Promise<void>; result(): Promise<Outcome>; begin(): void } {
  const { wire, library, runs: known } = remote.connection;
  const { fromBatches, options } = library.fitArguments(...args);
  library.checkFitOptions(options);
  const { signal, callbacks = [], ...rest } = options;
  signal?.throwIfAborted();
  const number = ++runs;
  const here = callbacks.filter((each) => !runsInWorker(each));
  const side = new PageSide(remote, number, { callbacks: here, source: fromBatches ? (args[0] as BatchSource) : undefined });
  const plan = {
    isSource: fromBatches,
    x: fromBatches ? [] : args[0],
    y: fromBatches ? [] : args[1],
    options: rest,
    named: callbacks.filter(runsInWorker).map(({ made }) => made as Named),
    events: EVENTS.filter((event) => here.some((each) => each[event] !== undefined)),
  };
  let isWatched = false;
  let answer: Promise<Outcome> | undefined;
  const abort = () => wire.send("abort", [number]);
  return {
    begin() {
      isWatched = true;
      if (answer !== undefined) wire.send("watch", [number]);
    },
    async post() {
      const sent = (await sentInParts(plan, wire)) as Omit<FitPlan, "isWatched">;
      signal?.throwIfAborted();
      known.set(number, side);
      answer = wire.call("fit", [remote.id, number, { ...sent, isWatched }]);
      signal?.addEventListener("abort", abort, { once: true });
      answer.catch(() => {});
    },
    async result() {
      try {
        return await answer!;
      } catch (reason) {
        signal?.throwIfAborted();
        throw side.failure ?? reason;
      } finally {
        signal?.removeEventListener("abort", abort);
        known.delete(number);
      }
    },
  };
}

/** Only a page can offer a download. */
function runsInWorker({ made }: Callback): boolean {
  const { path } = (made?.config ?? {}) as { path?: string };
  return made !== undefined && !path?.startsWith("downloads:");
}

class PageSide implements PageRun {
  /** What the page's own code threw: an error of any class, which the worker could not send back. */
  failure: unknown;
  private isStopped = false;
  private iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;

  constructor(
    private readonly remote: Remote,
    private readonly number: number,
    private readonly page: { readonly callbacks: readonly Callback[]; readonly source: BatchSource | undefined },
  ) {}

  async event(name: (typeof EVENTS)[number], args: readonly unknown[], state: Pick<TrainingContext, "epochs" | "stepsPerEpoch" | "learningRate">) {
    const effects: { -readonly [K in keyof Effects]: Effects[K] } = { isStopped: false, learningRate: undefined };
    const context = this.context(state, effects);
    for (const callback of this.page.callbacks) {
      const handler = callback[name] as ((...args: unknown[]) => void | Promise<void>) | undefined;
      await this.own(() => handler?.call(callback, ...args, context));
    }
    return effects;
  }

  private context(
    state: Pick<TrainingContext, "epochs" | "stepsPerEpoch" | "learningRate">,
    effects: { isStopped: boolean; learningRate: number | undefined },
  ): TrainingContext {
    const absent = (name: string) => () => {
      throw new Error(`${name}: the model is in a worker; await its getWeights or setWeights`);
    };
    return {
      epochs: state.epochs,
      stepsPerEpoch: state.stepsPerEpoch,
      get learningRate() {
        return effects.learningRate ?? state.learningRate;
      },
      set learningRate(rate) {
        effects.learningRate = rate;
      },
      stopTraining() {
        effects.isStopped = true;
      },
      copyWeights: absent("copyWeights"),
      restoreWeights: absent("restoreWeights"),
      save: (path) => this.remote.save(path),
      log: (line) => console.log(line),
    };
  }

  pull(what: "open" | "next" | "close"): Promise<unknown> {
    return this.own(async () => {
      if (what === "open") this.iterator = this.remote.connection.library.iteratorOf(this.page.source!);
      else if (what === "close") await this.iterator?.return?.();
      else return this.iterator!.next();
    });
  }

  logs(entries: readonly TrainingProgress[]): void {
    const stop = () => {
      if (!this.isStopped) this.remote.connection.wire.send("stop", [this.number]);
      this.isStopped = true;
    };
    const context = {
      ...this.context({ epochs: 0, stepsPerEpoch: undefined, learningRate: 0 }, { isStopped: false, learningRate: undefined }),
      stopTraining: stop,
    };
    for (const { epoch, step, logs } of entries) {
      for (const watcher of this.remote.watchers) {
        watcher.onEpochBegin?.(epoch, context);
        if (step === undefined) watcher.onEpochEnd?.(epoch, logs, context);
        else watcher.onBatchEnd?.(step, logs, context);
      }
    }
  }

  private async own<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      this.failure ??= reason;
      throw reason;
    }
  }
}
