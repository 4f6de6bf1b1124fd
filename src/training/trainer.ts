/** What `Model` hands on: checks of data, and the loops of fit and evaluate. */

import { checkNumber, checkOptions, shown } from "../options.ts";
import { sizeOf } from "../shape.ts";
import type { Callback, Logs, TrainingContext } from "./callbacks.ts";
import {
  asBatch,
  asLabels,
  asSampleWeight,
  type Batch,
  batches,
  type ClassWeight,
  checkTargetKind,
  classSampleWeight,
  type DataLike,
  sliced,
  validationSplit,
} from "./data.ts";
import { arraySource, checkFitOptions, type FitOptions, type History, metricFigures, fit as runFit, type StepSource, turns } from "./fit.ts";
import { progressBar } from "./progressBar.ts";
import { type Compiled, type Samples, type Session, targetShape } from "./session.ts";

/** Batches as they arrive: an iterable, or a function that gives one for each epoch. */
export type BatchSource = Iterable<TrainingBatch> | AsyncIterable<TrainingBatch> | (() => Iterable<TrainingBatch> | AsyncIterable<TrainingBatch>);

export interface TrainingBatch {
  readonly x: DataLike | readonly DataLike[];
  readonly y: DataLike;
  readonly sampleWeight?: DataLike;
}

type ValidationData = readonly [DataLike | readonly DataLike[], DataLike] | readonly [DataLike | readonly DataLike[], DataLike, DataLike];

export interface ModelFitOptions extends FitOptions {
  /** [x, y] or [x, y, sampleWeight], evaluated after each epoch. */
  readonly validationData?: ValidationData;
  /** The last part of the data, in the order given, validates. Default 0. */
  readonly validationSplit?: number;
  /** Factor on the loss by class number. */
  readonly classWeight?: ClassWeight;
  /** Factor on the loss by sample. */
  readonly sampleWeight?: DataLike;
}

export type FitArguments = [
  x: DataLike | readonly DataLike[] | BatchSource,
  y: DataLike | ModelFitOptions | undefined,
  options: ModelFitOptions | undefined,
];

export interface EvaluateOptions {
  /** Default 32. */
  readonly batchSize?: number;
  readonly sampleWeight?: DataLike;
}

/** Loss and metrics by name; a confusion matrix is a list of rows. */
export type Figures = { readonly loss: number } & Readonly<Record<string, number>> & { readonly confusionMatrix?: never };

/** What the trainer needs of the model. */
interface Owner {
  batches(x: DataLike | readonly DataLike[], where: string): Batch[];
  getWeights(): readonly { readonly data: Float32Array }[];
  setWeights(weights: readonly Float32Array[]): void;
  save(path: string): Promise<void>;
}

export class Trainer {
  private busy = false;
  /** Gradients of an unfinished update stand in the State. */
  private accumulates = false;

  constructor(
    private readonly session: Session,
    private readonly compiled: Compiled,
    private readonly owner: Owner,
  ) {}

  /** Refuses what would change the model under a running `fit`. */
  checkIdle(where: string): void {
    if (this.busy) throw new Error(`${where}: the model is already training; await the first fit, or clone the model`);
  }

  /** Runs `work`; until it ends, whatever would change the model is refused. */
  async exclusively<T>(where: string, work: () => Promise<T>): Promise<T> {
    this.checkIdle(where);
    this.busy = true;
    try {
      return await work();
    } finally {
      this.busy = false;
    }
  }

  /** `watchers` are told last; more may be added while it runs. */
  async fit(...[x, y, given, watchers]: [...FitArguments, Callback[]]): Promise<History> {
    const { fromBatches, options } = fitArguments(x, y, given);
    checkFitOptions(options);
    for (const option of fromBatches ? (["validationSplit", "sampleWeight"] as const) : (["stepsPerEpoch"] as const)) {
      if (options[option] === undefined) continue;
      throw new TypeError(`fit: ${option} is for ${fromBatches ? "arrays" : "iterables"}, got ${fromBatches ? "an iterable" : "arrays"}`);
    }
    if (options.validationData !== undefined && (options.validationSplit ?? 0) > 0) {
      throw new TypeError("fit: got validationData and validationSplit, needs at most one of them");
    }
    const seed = options.seed ?? this.session.options.seed;
    this.accumulates = (options.gradientAccumulation ?? 1) > 1;
    try {
      const { training, validation } = fromBatches
        ? { training: this.batchSource(x as BatchSource, options), validation: undefined }
        : this.split(x as DataLike, y as DataLike, { ...options, seed });
      const held = options.validationData === undefined ? validation : this.validationSamples(options.validationData);
      const { verbose = 1, batchSize = 32, signal } = options;
      const bar = verbose > 0 ? [progressBar(verbose === 2 ? { every: Number.MAX_SAFE_INTEGER } : {})] : [];
      watchers.unshift(...bar, ...(options.callbacks ?? []));
      const context = this.context(options, training.stepsPerEpoch);
      const validate = async () => (held === undefined ? {} : validationLogs(await this.evaluateSamples(held, batchSize, signal)));
      const run = { session: this.session, compiled: this.compiled, source: training, options, seed, callbacks: watchers, context, validate };
      const history = await runFit(run).catch(async (reason) => {
        // What went wrong first is what is told.
        await training.close?.().catch(() => {});
        throw reason;
      });
      await training.close?.();
      return history;
    } finally {
      this.accumulates = false;
    }
  }

  trainOnBatch(x: DataLike | readonly DataLike[], y: DataLike, options: { sampleWeight?: DataLike }): Record<string, number> {
    this.checkIdle("trainOnBatch");
    checkOptions("trainOnBatch", options, ["sampleWeight"]);
    const { sampleWeight } = options;
    const samples = this.samples(x, y, { where: "trainOnBatch", sampleWeight });
    const { count } = samples.target;
    for (const metric of this.compiled.metrics) metric.reset();
    const accumulation = { adds: false, updates: true, samples: count };
    const run = { capacity: count, seed: this.session.options.seed, accumulation };
    const loss = this.session.trainBatch(this.compiled, samples, { start: 0, size: count, order: null }, run);
    return { loss, ...metricFigures(this.compiled) };
  }

  async evaluate(x: DataLike | readonly DataLike[], y: DataLike, options: EvaluateOptions): Promise<Figures> {
    checkOptions("evaluate", options, ["batchSize", "sampleWeight"]);
    const { batchSize = 32, sampleWeight } = options;
    checkNumber("evaluate", "batchSize", batchSize, { whole: true, atLeast: 1 });
    return this.evaluateSamples(this.samples(x, y, { where: "evaluate", sampleWeight }), batchSize);
  }

  gradients(x: DataLike | readonly DataLike[], y: DataLike, options: { sampleWeight?: DataLike }) {
    if (this.accumulates) this.checkIdle("gradients");
    checkOptions("gradients", options, ["sampleWeight"]);
    const { sampleWeight } = options;
    return this.session.gradientsOf(this.compiled, this.samples(x, y, { where: "gradients", sampleWeight }));
  }

  private async evaluateSamples(samples: Samples, batchSize: number, signal?: AbortSignal): Promise<Figures> {
    const compiled = { ...this.compiled, metrics: this.compiled.newMetrics() };
    for (const metric of compiled.metrics) metric.reset();
    const { count } = samples.target;
    const capacity = Math.min(batchSize, count);
    const turn = turns();
    let lossSum = 0;
    for (const plan of batches(count, capacity)) {
      signal?.throwIfAborted();
      lossSum += this.session.evaluateBatch(compiled, samples, plan, capacity) * plan.size;
      await turn();
    }
    return Object.fromEntries([["loss", lossSum / count], ...compiled.metrics.map((metric) => [metric.name, metric.result()])]) as Figures;
  }

  /** Checked samples of a call. */
  private samples(
    x: DataLike | readonly DataLike[],
    y: DataLike,
    more: { where: string; sampleWeight?: DataLike; classWeight?: ClassWeight },
  ): Samples {
    const { where } = more;
    const inputs = this.owner.batches(x, where);
    const [{ count }] = inputs;
    const { shape: output } = this.session.graph.outputs[0];
    const classes = output.at(-1)!;
    const shape = targetShape(this.compiled.loss, output);
    const isLabels = this.compiled.loss.target === "labels";
    checkTargetKind(y, { where, loss: this.compiled.loss.name, rows: count * sizeOf(output.slice(0, -1)), classes });
    const target = isLabels ? asLabels(y, shape, classes, `${where}: y`) : asBatch(y, shape, `${where}: y`);
    if (target.count !== count) throw new RangeError(`${where}: x has ${count} samples, y has ${target.count}`);
    const sampleWeight = more.sampleWeight === undefined ? null : asSampleWeight(more.sampleWeight, count, `${where}: sampleWeight`);
    return this.withClassWeight({ inputs, target, sampleWeight }, more.classWeight);
  }

  private withClassWeight(samples: Samples, classWeight: ClassWeight | undefined): Samples {
    if (classWeight === undefined) return samples;
    const { shape: output } = this.session.graph.outputs[0];
    if (output.length > 1) throw new RangeError(`classWeight: the output is [${output.join(", ")}], needs one class per sample; use sampleWeight`);
    // A single output is a yes or no: two classes.
    const classes = Math.max(2, output.at(-1)!);
    return { ...samples, sampleWeight: classSampleWeight(samples.target, { classWeight, classes, sampleWeight: samples.sampleWeight }) };
  }

  private split(x: DataLike, y: DataLike, options: ModelFitOptions & { seed: number }): { training: StepSource; validation: Samples | undefined } {
    const all = this.samples(x, y, { where: "fit", sampleWeight: options.sampleWeight });
    const { count } = all.target;
    const sizes = validationSplit(count, options.validationSplit ?? 0);
    const { batchSize } = options;
    if (batchSize !== undefined && batchSize > sizes.training) {
      throw new RangeError(`fit: batchSize ${batchSize} is larger than the data, ${sizes.training} samples`);
    }
    const part = (start: number, end: number): Samples => ({
      inputs: all.inputs.map((batch) => sliced(batch, start, end)),
      target: sliced(all.target, start, end),
      sampleWeight: all.sampleWeight?.subarray(start, end) ?? null,
    });
    const training = arraySource(this.withClassWeight(part(0, sizes.training), options.classWeight), this.session, options);
    return { training, validation: sizes.validation > 0 ? part(sizes.training, count) : undefined };
  }

  private validationSamples(data: ValidationData): Samples {
    if (!Array.isArray(data) || data.length < 2 || data.length > 3)
      throw new TypeError(`fit: validationData is ${shown(data)}, needs [x, y] or [x, y, sampleWeight]`);
    const [x, y, sampleWeight] = data;
    return this.samples(x, y, { where: "fit: validationData", sampleWeight });
  }

  /** Batches of any size; with `batchSize`, up to that. */
  private batchSource(source: BatchSource, options: ModelFitOptions): StepSource {
    const { stepsPerEpoch = Infinity, gradientAccumulation: group = 1, batchSize, signal } = options;
    const toSamples = (batch: TrainingBatch): Samples => {
      checkOptions("fit: a batch { x, y }", batch, ["x", "y", "sampleWeight"]);
      const samples = this.samples(batch.x, batch.y, { where: "fit", sampleWeight: batch.sampleWeight, classWeight: options.classWeight });
      // Its maker may write the next batch into the same arrays.
      return group === 1 ? samples : copied(samples);
    };
    let capacity = batchSize ?? 1;
    let open: BatchIterator | undefined;
    const next = (from: BatchIterator) => unlessAborted(from.next(), signal);
    return {
      stepsPerEpoch: options.stepsPerEpoch,
      get capacity() {
        return capacity;
      },
      async close() {
        await unlessAborted(open?.return?.(), signal);
      },
      async *steps() {
        // With stepsPerEpoch an epoch may end in the middle of an iterable: the next one goes on from there, and begins anew where nothing is left.
        let goesOn = open !== undefined && options.stepsPerEpoch !== undefined;
        if (open === undefined || !goesOn) open = iteratorOf(source);
        for (let step = 0; step < stepsPerEpoch; step += group) {
          const members: Samples[] = [];
          while (members.length < Math.min(group, stepsPerEpoch - step)) {
            let { done, value } = await next(open);
            if (done && goesOn) {
              open = iteratorOf(source);
              ({ done, value } = await next(open));
            }
            goesOn = false;
            if (done) break;
            members.push(toSamples(value));
          }
          const total = members.reduce((sum, { target }) => sum + target.count, 0);
          for (const [index, samples] of members.entries()) {
            const size = samples.target.count;
            if (size > (batchSize ?? size)) throw new RangeError(`fit: a batch has ${size} samples, more than batchSize ${batchSize}`);
            capacity = Math.max(capacity, size);
            const accumulation = { adds: index > 0, updates: index === members.length - 1, samples: total };
            yield { samples, plan: { start: 0, size: size, order: null }, accumulation };
          }
          if (members.length < group) break;
        }
      },
    };
  }

  private context(options: ModelFitOptions, stepsPerEpoch: number | undefined): TrainingContext & { readonly stopped: boolean } {
    const { session, compiled, owner } = this;
    let stopped = false;
    return {
      epochs: options.epochs ?? 1,
      stepsPerEpoch,
      get stopped() {
        return stopped;
      },
      stopTraining() {
        stopped = true;
      },
      get learningRate() {
        return session.learningRate(compiled.optimizer);
      },
      set learningRate(rate: number) {
        if (typeof compiled.optimizer.learningRate !== "number")
          throw new Error("learningRate: a schedule decides it; compile with a number to set it");
        session.learningRateOverride = checkNumber("fit", "learningRate", rate, { atLeast: 0 });
      },
      copyWeights: () => owner.getWeights().map(({ data }) => data),
      restoreWeights: (weights) => owner.setWeights(weights),
      save: (path) => owner.save(path),
      log: (line) => console.log(line),
    };
  }
}

function validationLogs(figures: Figures): Logs {
  const entries = Object.entries(figures).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(entries.map(([name, value]) => [`val${name[0].toUpperCase()}${name.slice(1)}`, value]));
}

function copied({ inputs, target, sampleWeight }: Samples): Samples {
  const copy = ({ data, count }: Batch): Batch => ({ data: data.slice(), count });
  return { inputs: inputs.map(copy), target: copy(target), sampleWeight: sampleWeight?.slice() ?? null };
}

/** What `value` becomes; rejects with the signal's reason where that is there first: a batch may never come. */
function unlessAborted<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal!.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    Promise.resolve(value)
      .then(resolve, reject)
      .then(() => signal?.removeEventListener("abort", abort));
  });
}

function isData(value: unknown): boolean {
  return ArrayBuffer.isView(value) || Array.isArray(value) || (value as { data?: unknown } | undefined)?.data !== undefined;
}

/** What `fit` was called with: samples, or a source of batches, whose options come second. */
export function fitArguments(...[x, y, given]: FitArguments): { readonly fromBatches: boolean; readonly options: ModelFitOptions } {
  const fromBatches = isBatchSource(x) && !isData(y);
  return { fromBatches, options: ((fromBatches ? (y ?? given) : given) ?? {}) as ModelFitOptions };
}

function isBatchSource(x: unknown): boolean {
  if (typeof x === "function") return true;
  if (typeof x !== "object" || x === null || ArrayBuffer.isView(x)) return false;
  if (Array.isArray(x)) return x[0]?.x !== undefined;
  return Symbol.iterator in x || Symbol.asyncIterator in x;
}

type BatchIterator = AsyncIterator<TrainingBatch> | Iterator<TrainingBatch>;

export function iteratorOf(source: BatchSource): BatchIterator {
  const iterable = (typeof source === "function" ? source() : source) as AsyncIterable<TrainingBatch> & Iterable<TrainingBatch>;
  const begin: unknown = iterable?.[Symbol.asyncIterator] ?? iterable?.[Symbol.iterator];
  if (typeof begin !== "function") throw new TypeError(`fit: the function gave ${shown(iterable)}, needs an (async) iterable of batches`);
  return begin.call(iterable);
}
