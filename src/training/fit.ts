/** Epochs and steps: the only loop over batches. */
import { checkChoice, checkFlag, checkNumber, checkOptions, checkSignal, shown } from "../options.ts";
import { permutation, SEEDS, streamOf } from "../random.ts";
import type { Callback, Logs, TrainingContext } from "./callbacks.ts";
import { type BatchPlan, batches } from "./data.ts";
import type { Accumulation, Compiled, Samples, Session } from "./session.ts";

/** What `fit` does when it is not told otherwise is Keras's. */
export interface FitOptions {
  /** Times through the data. Default 1. */
  readonly epochs?: number;
  /** Samples per step. Default 32. */
  readonly batchSize?: number;
  /** A new order each epoch, a function of the seed and the epochs trained so far. Default true. */
  readonly shuffle?: boolean;
  readonly callbacks?: readonly Callback[];
  /** Number of the first epoch, for logs and callbacks; `epochs` is then the number after the last one. Default 0. */
  readonly initialEpoch?: number;
  /** Of shuffle and dropout. Default: the model's. */
  readonly seed?: number;
  /** Ends the training after the current step, or a validation after its current batch; `fit` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Batches whose gradients make one update, as if they were one batch. Default 1. */
  readonly gradientAccumulation?: number;
  /** For iterables: steps of an epoch, when they have no end. Where one ends it ends the epoch; a function or array begins anew for the next. */
  readonly stepsPerEpoch?: number;
  /** 0: silent; 1 (default in `fit`): a progress bar where there is a console; 2: a line per epoch. */
  readonly verbose?: 0 | 1 | 2;
}

/** Figures per epoch: `history.loss[epoch]`, `history.accuracy`, `history.valLoss`, … */
export interface History {
  readonly epochs: readonly number[];
  readonly history: Readonly<Record<string, readonly number[]>>;
}

/** Where steps come from: samples in memory, or batches as they arrive. */
export interface StepSource {
  readonly stepsPerEpoch: number | undefined;
  readonly capacity: number;
  steps(epoch: number): AsyncIterable<TrainStep> | Iterable<TrainStep>;
  /** Lets go of what `steps` left open. */
  close?(): Promise<void>;
}

export interface TrainStep {
  readonly samples: Samples;
  readonly plan: BatchPlan;
  readonly accumulation: Accumulation;
}

export interface FitRun {
  readonly session: Session;
  readonly compiled: Compiled;
  readonly source: StepSource;
  readonly options: FitOptions;
  readonly seed: number;
  /** May become more while it runs. */
  readonly callbacks: readonly Callback[];
  readonly context: TrainingContext & { readonly stopped: boolean };
  /** Figures on the validation data, with names of their own. */
  validate(): Promise<Logs>;
}

/** Steps over samples in memory, in a new order each epoch. */
export function arraySource(samples: Samples, session: Session, options: FitOptions & { seed: number }): StepSource {
  const { count } = samples.target;
  const { batchSize = 32, gradientAccumulation: group = 1, shuffle = true, seed } = options;
  const capacity = Math.min(batchSize, count);
  return {
    stepsPerEpoch: Math.ceil(count / batchSize),
    capacity,
    *steps() {
      const order = shuffle ? permutation(count, seed, streamOf(`shuffle ${session.counters.epoch}`)) : null;
      const plans = batches(count, batchSize, order);
      for (let step = 0; step < plans.length; step++) {
        const first = step - (step % group);
        const members = plans.slice(first, first + group);
        const total = members.reduce((sum, plan) => sum + plan.size, 0);
        const accumulation = { adds: step > first, updates: step === first + members.length - 1, samples: total };
        yield { samples, plan: plans[step], accumulation };
      }
    },
  };
}

const OPTIONS = [
  ...(["epochs", "batchSize", "shuffle", "callbacks", "initialEpoch", "seed", "signal", "gradientAccumulation", "stepsPerEpoch", "verbose"] as const),
  ...(["validationData", "validationSplit", "classWeight", "sampleWeight"] as const),
];

/** All options of `Model.fit`; what belongs to the samples is only known by name here. */
export function checkFitOptions(options: FitOptions): void {
  checkOptions("fit", options, OPTIONS);
  for (const name of ["epochs", "batchSize", "gradientAccumulation", "stepsPerEpoch"] as const) {
    if (options[name] !== undefined) checkNumber("fit", name, options[name], { whole: true, atLeast: 1 });
  }
  const { initialEpoch = 0, seed = 0, shuffle = true, verbose = 1, signal, callbacks = [] } = options;
  checkNumber("fit", "initialEpoch", initialEpoch, { whole: true, atLeast: 0 });
  checkNumber("fit", "seed", seed, SEEDS);
  checkFlag("fit", "shuffle", shuffle);
  checkChoice("fit", "verbose", verbose, [0, 1, 2]);
  checkSignal("fit", signal);
  checkCallbacks(callbacks);
}

export const EVENTS = ["onTrainBegin", "onEpochBegin", "onBatchEnd", "onEpochEnd", "onTrainEnd"] as const;

/** One with none of the methods, such as `earlyStopping` for `earlyStopping()`, would silently do nothing; {} says so itself. */
function checkCallbacks(callbacks: readonly Callback[]): void {
  if (!Array.isArray(callbacks)) throw new TypeError(`fit: callbacks is ${shown(callbacks)}, needs an array`);
  callbacks.forEach((callback, index) => {
    const isObject = typeof callback === "object" && callback !== null;
    if (isObject && (EVENTS.some((event) => typeof callback[event] === "function") || Object.keys(callback).length === 0)) return;
    throw new TypeError(`fit: callbacks[${index}] is ${shown(callback)}, needs an object with ${EVENTS.join(", ")} or some of them`);
  });
}

export async function fit(run: FitRun): Promise<History> {
  const { options, callbacks, context } = run;
  const { epochs = 1, initialEpoch = 0 } = options;
  const history = new Map<string, number[]>();
  const seen: number[] = [];
  options.signal?.throwIfAborted();
  for (const callback of callbacks) await callback.onTrainBegin?.(context);
  // One for all epochs: a thousand short ones must let others in too.
  const turn = turns();
  for (let epoch = initialEpoch; epoch < epochs && !context.stopped; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(epoch, context);
    const logs = { ...(await trainEpoch(run, epoch, turn)), ...(await run.validate()) };
    run.session.counters.epoch++;
    seen.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      const figures = history.get(name) ?? [];
      figures.push(value);
      history.set(name, figures);
    }
    for (const callback of callbacks) await callback.onEpochEnd?.(epoch, logs, context);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(context);
  return { epochs: seen, history: Object.fromEntries(history) };
}

async function trainEpoch(run: FitRun, epoch: number, turn: ReturnType<typeof turns>): Promise<Logs> {
  const { session, compiled, source, seed, options } = run;
  for (const metric of compiled.metrics) metric.reset();
  let lossSum = 0;
  let sampleCount = 0;
  let stepIndex = 0;
  for await (const { samples, plan, accumulation } of source.steps(epoch)) {
    options.signal?.throwIfAborted();
    const loss = session.trainBatch(compiled, samples, plan, { capacity: source.capacity, seed, accumulation });
    lossSum += loss * plan.size;
    sampleCount += plan.size;
    if (run.callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) {
      const logs = { loss, size: plan.size, ...metricFigures(compiled) };
      for (const callback of run.callbacks) await callback.onBatchEnd?.(stepIndex, logs, run.context);
    }
    stepIndex++;
    options.signal?.throwIfAborted();
    if (run.context.stopped) break;
    await turn();
  }
  if (sampleCount === 0) throw new RangeError("fit: the data ended before the first batch of the epoch; a generator gives its batches only once");
  return { loss: lossSum / sampleCount, ...metricFigures(compiled) };
}

/** Figures of the metrics so far; a matrix is for `evaluate`. */
export function metricFigures(compiled: Compiled): Record<string, number> {
  const figures = compiled.metrics.map((metric) => [metric.name, metric.result()] as const);
  return Object.fromEntries(figures.filter((figure): figure is [string, number] => typeof figure[1] === "number"));
}

/** To be awaited between two steps: whatever else waits on the thread gets its turn when so many milliseconds have passed since the last one. */
export function turns(milliseconds = 8): () => Promise<void> | undefined {
  let end = performance.now() + milliseconds;
  const begin = () => {
    end = performance.now() + milliseconds;
  };
  return () => (performance.now() > end ? otherWork().then(begin) : undefined);
}

/** A message that took so long has not come. Milliseconds. */
const LOST = 1000;

/** One turn of the event loop: a message, since timers are throttled and microtasks let nobody in. */
function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else {
      const { port1, port2 } = new MessageChannel();
      // Firefox loses the messages of a page that it keeps for Back, not its timers.
      const late = setTimeout(resolve, LOST);
      port1.onmessage = () => {
        clearTimeout(late);
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    }
  });
}
