/** What is counted beside the loss. Names and defaults are Keras 3's; sums are kept in double precision in the order of the samples. */
import { log } from "../math.ts";
import { byName, checkFlag, checkNumber, checkOptions, type Named, shown } from "../options.ts";
import type { Loss } from "./losses.ts";
import { confusionCounts, highest, positiveCounts, type RowScore, type RowTest, rowMean, scores, targetClass } from "./scores.ts";

/** Running count of one figure. Write one by hand to measure something else. */
export interface Metric {
  readonly name: string;
  reset(): void;
  /**
   * Adds `batch` rows: samples, or pixels where the model predicts per pixel.
   * prediction [batch, classes], probabilities or logits; target [batch] class numbers or [batch, classes], as the loss takes them;
   * sampleWeight [batch], null: all 1. The arrays may be longer. Allocates nothing.
   */
  update(prediction: Float32Array, target: Float32Array, sampleWeight: Float32Array | null, batch: number, classes: number): void;
  /** Of all rows since `reset`; 0 where there were none. */
  result(): number | number[][];
}

/** What a metric must know of the model: its loss, and the width of its output's last axis. */
export interface MetricContext {
  readonly loss: Loss;
  readonly classes: number;
}

/** A metric before it knows the model. */
export interface MetricRecipe {
  readonly name: string;
  /** JSON; `{ name, config }` in its place makes the same again. */
  readonly config: object;
}

export type MetricSpec = string | Named | MetricRecipe | Metric;

export interface MetricOptions {
  /** Key in the history. Default: the metric's own name. */
  readonly name?: string;
}

export interface ThresholdOptions extends MetricOptions {
  /** Probability above which an output counts as 1. Default 0.5. */
  readonly threshold?: number;
  /** Whether predictions are logits; the threshold is still a probability. Default: as the loss says. */
  readonly fromLogits?: boolean;
}

export interface ClassOptions extends ThresholdOptions {
  /**
   * The class that counts as positive. A row is predicted to be it where it has the highest output, or with `threshold`
   * where its probability is above that. Default: every output is a yes or no of its own.
   */
  readonly classId?: number;
}

export interface TopKOptions extends MetricOptions {
  /** Default 5. */
  readonly k?: number;
}

/** binaryAccuracy for one output or (as tfjs, not Keras 3) binaryCrossentropy; sparseCategoricalAccuracy for labels; else categoricalAccuracy. */
export const accuracy = (options: MetricOptions = {}) => recipe("accuracy", options, []);
/** Part of the rows whose highest output is the label's. */
export const sparseCategoricalAccuracy = (options: MetricOptions = {}) => recipe("sparseCategoricalAccuracy", options, []);
/** Part of the rows whose highest output is where the target is highest. */
export const categoricalAccuracy = (options: MetricOptions = {}) => recipe("categoricalAccuracy", options, []);
/** Part of the outputs that are on the target's side of the threshold. */
export const binaryAccuracy = (options: ThresholdOptions = {}) => recipe("binaryAccuracy", options, ["threshold", "fromLogits"]);
/** Part of the rows with fewer than k outputs above the right one. One-hot targets. */
export const topKCategoricalAccuracy = (options: TopKOptions = {}) => recipe("topKCategoricalAccuracy", options, ["k"]);
/** The same for labels. */
export const sparseTopKCategoricalAccuracy = (options: TopKOptions = {}) => recipe("sparseTopKCategoricalAccuracy", options, ["k"]);
/** Part of the positive predictions that are right. */
export const precision = (options: ClassOptions = {}) => recipe("precision", options, ["classId", "threshold", "fromLogits"]);
/** Part of the positive targets that were found. */
export const recall = (options: ClassOptions = {}) => recipe("recall", options, ["classId", "threshold", "fromLogits"]);
/** Mean of (prediction − target)². */
export const meanSquaredError = (options: MetricOptions = {}) => recipe("meanSquaredError", options, []);
/** Mean of |prediction − target|. */
export const meanAbsoluteError = (options: MetricOptions = {}) => recipe("meanAbsoluteError", options, []);

/** Weights of the rows of each [true class][predicted class]. Rows with NaN are in no cell. Reported by evaluate, not in the history. */
export function confusionMatrix(classes: number, options: MetricOptions = {}): MetricRecipe {
  checkNumber("confusionMatrix", "classes", classes, { whole: true, atLeast: 2 });
  const config: Config = { ...options, classes };
  return recipe("confusionMatrix", config, ["classes"]);
}

const ALIASES: Readonly<Record<string, string>> = { acc: "accuracy", mse: "meanSquaredError", mae: "meanAbsoluteError" };

/** Metrics from their names, from what a file keeps of them, or as they are. Their names must differ. */
export function createMetrics(specs: readonly MetricSpec[], context: MetricContext): Metric[] {
  const metrics = specs.map((spec) => createMetric(spec, context));
  for (const [index, { name }] of metrics.entries()) {
    if (!name || typeof name !== "string") throw new TypeError(`metric: name is ${shown(name)}, needs a text`);
    if (name === "loss") throw new RangeError('a metric is named "loss", which is the loss itself; give it another name');
    if (metrics.findIndex((other) => other.name === name) !== index) {
      throw new RangeError(`two metrics are named "${name}"; tell them apart with the option name`);
    }
  }
  return metrics;
}

interface Config extends MetricOptions {
  readonly threshold?: number;
  readonly fromLogits?: boolean;
  readonly classId?: number;
  readonly k?: number;
  readonly classes?: number;
}

function createMetric(spec: MetricSpec, context: MetricContext): Metric {
  if (typeof spec === "object" && spec !== null && "update" in spec) {
    const missing = (["reset", "update", "result"] as const).find((method) => typeof spec[method] !== "function");
    if (missing === undefined) return spec;
    throw new TypeError(`metric ${shown(spec.name)}: ${missing} is ${shown(spec[missing])}, needs a function`);
  }
  const given = typeof spec === "object" && spec !== null ? spec.name : spec;
  const known = (typeof given === "string" && Object.hasOwn(ALIASES, given) ? ALIASES[given] : given) as string;
  const make = byName<Make>("metric", makers, known);
  const config: Config = typeof spec === "object" && spec !== null ? (spec.config ?? {}) : {};
  return make(config.name ?? given, config, context, known);
}

/** `where` is the metric's own name, for errors. */
type Make = (name: string, config: Config, context: MetricContext, where: string) => Metric;

/** The mean over the rows of a score, for losses that take such targets. */
function mean(target: Loss["target"], score: (where: string, config: Config, context: MetricContext) => RowScore): Make {
  return (name, config, context, where) => {
    const { loss } = context;
    if (loss.target === target) return rowMean(name, score(where, config, context));
    const kinds = { labels: "class numbers", same: "targets of the output's shape" };
    throw new TypeError(`${where}: the loss "${loss.name}" takes ${kinds[loss.target]}, needs ${kinds[target]}`);
  };
}

const makers: Readonly<Record<string, Make>> = {
  accuracy(name, config, context) {
    const { classes, loss } = context;
    const isBinary = classes === 1 || loss.name === "binaryCrossentropy";
    const where = isBinary ? "binaryAccuracy" : loss.target === "labels" ? "sparseCategoricalAccuracy" : "categoricalAccuracy";
    return makers[where]!(name, config, context, where);
  },
  sparseCategoricalAccuracy: mean("labels", () => scores.sparseHit),
  categoricalAccuracy: mean("same", () => scores.hit),
  binaryAccuracy: mean("same", (...given) => scores.sides(thresholdOf(...given))),
  topKCategoricalAccuracy: mean("same", (where, config) => scores.topK(checkedK(where, config))),
  sparseTopKCategoricalAccuracy: mean("labels", (where, config) => scores.sparseTopK(checkedK(where, config))),
  meanSquaredError: mean("same", () => scores.squaredError),
  meanAbsoluteError: mean("same", () => scores.absoluteError),
  precision: (name, config, context, where) => positiveCounts(name, "predicted", testsOf(where, config, context)),
  recall: (name, config, context, where) => positiveCounts(name, "actual", testsOf(where, config, context)),
  confusionMatrix(name, config, context, where) {
    const classes = checkNumber(where, "classes", config.classes, { whole: true, atLeast: 2 });
    const outputs = context.classes === 1 ? 2 : context.classes;
    if (classes !== outputs) throw new RangeError(`${where}: classes is ${classes}, the output has ${outputs}`);
    return confusionCounts(name, classes, {
      predicted: context.classes === 1 ? scores.sideOf(thresholdOf(where, config, context)) : highest,
      actual: targetClass(context.classes === 1 ? "binary" : context.loss.target),
    });
  },
};

/** Which cells of a row count, and as what. */
function testsOf(where: string, config: Config, context: MetricContext): { predicted: RowTest; actual: RowTest; perRow: boolean } {
  const { classes, loss } = context;
  if (config.classId === undefined) {
    if (loss.target === "labels") throw new TypeError(`${where}: the loss "${loss.name}" takes labels of ${classes} classes, needs a classId`);
    return { predicted: scores.above(thresholdOf(where, config, context)), actual: scores.above(0.5), perRow: false };
  }
  const classId = checkNumber(where, "classId", config.classId, { whole: true, atLeast: 0, below: classes });
  const isRanked = config.threshold === undefined && classes > 1;
  return {
    predicted: isRanked ? scores.isHighest(classId) : scores.classAbove(classId, thresholdOf(where, config, context)),
    actual: loss.target === "labels" ? scores.isLabel(classId) : scores.classAbove(classId, 0.5),
    perRow: true,
  };
}

/** The threshold in the unit of the predictions. */
function thresholdOf(where: string, config: Config, { loss }: MetricContext): number {
  const threshold = checkNumber(where, "threshold", config.threshold ?? 0.5, { above: 0, below: 1 });
  const fromLogits = checkFlag(where, "fromLogits", config.fromLogits ?? loss.config.fromLogits ?? false);
  return fromLogits ? log(threshold / (1 - threshold)) : threshold;
}

function checkedK(where: string, config: Config): number {
  return checkNumber(where, "k", config.k ?? 5, { whole: true, atLeast: 1 });
}

function recipe(name: string, options: MetricOptions, known: readonly string[]): MetricRecipe {
  checkOptions(name, options, ["name", ...known]);
  return { name, config: { ...options } };
}
