/** What training makes small: names and defaults are Keras 3's; the arithmetic is in the loss kernels. */
import type { Node } from "../graph.ts";
import { checkFlag, checkNumber, checkOptions, type Named, revived } from "../options.ts";

export type LossName =
  | "sparseCategoricalCrossentropy"
  | "categoricalCrossentropy"
  | "binaryCrossentropy"
  | "meanSquaredError"
  | "meanAbsoluteError"
  | "huber";

export interface Loss {
  readonly name: LossName;
  /** JSON with every option; `{ name, config }` in its place makes the same again. */
  readonly config: { readonly fromLogits?: boolean; readonly delta?: number };
  /** "labels": one class number per sample or pixel; "same": an array of the output's shape. */
  readonly target: "labels" | "same";
}

export interface CrossentropyOptions {
  /** Default false: predictions are probabilities; true: they are logits, of which the loss takes softmax or sigmoid itself. */
  readonly fromLogits?: boolean;
}

export interface HuberOptions {
  /** Where the square turns into a line, in the target's unit. Default 1. */
  readonly delta?: number;
}

export type LossSpec = LossName | "mse" | "mae" | Named | Loss;

/** −log p of the right class. Targets are class numbers. */
export function sparseCategoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  return crossentropy("sparseCategoricalCrossentropy", "labels", options);
}

/** −Σ target · log p over the classes. Targets are one probability per class: one-hot rows, say. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  return crossentropy("categoricalCrossentropy", "same", options);
}

/** −target · log p − (1 − target) · log(1 − p), the mean over all outputs. Targets are 0 … 1. */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  return crossentropy("binaryCrossentropy", "same", options);
}

/** Mean of (prediction − target)². */
export function meanSquaredError(options: object = {}): Loss {
  checkOptions("meanSquaredError", options, []);
  return { name: "meanSquaredError", config: {}, target: "same" };
}

/** Mean of |prediction − target|. */
export function meanAbsoluteError(options: object = {}): Loss {
  checkOptions("meanAbsoluteError", options, []);
  return { name: "meanAbsoluteError", config: {}, target: "same" };
}

/** Mean of e² / 2 where |e| ≤ delta, of delta · (|e| − delta / 2) beyond. */
export function huber(options: HuberOptions = {}): Loss {
  checkOptions("huber", options, ["delta"]);
  const delta = checkNumber("huber", "delta", options.delta ?? 1, { above: 0 });
  return { name: "huber", config: { delta }, target: "same" };
}

const factories: Record<string, (options?: object) => Loss> = {
  sparseCategoricalCrossentropy,
  categoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError,
  meanAbsoluteError,
  huber,
  mse: meanSquaredError,
  mae: meanAbsoluteError,
};

/** A loss from its name, from what a file keeps of it, or as it is. */
export function loss(spec: LossSpec): Loss {
  return revived("loss", factories, spec);
}

/** What a loss and the node that makes the model's output do not agree on: softmax taken twice, or not at all. */
export function logitsComplaint({ name, config }: Loss, end: Node): string | undefined {
  if (!name.endsWith("rossentropy")) return undefined;
  const needed = name === "binaryCrossentropy" ? "sigmoid" : "softmax";
  const last = "kind" in end.attributes ? end.attributes.kind : end.op;
  if (last !== (config.fromLogits ? needed : "conv2d")) return undefined;
  return `${needed} is taken ${config.fromLogits ? "twice, by the model and by the loss" : "neither by the model nor by the loss"}; see fromLogits`;
}

function crossentropy(name: LossName, target: Loss["target"], options: CrossentropyOptions): Loss {
  checkOptions(name, options, ["fromLogits"]);
  return { name, config: { fromLogits: checkFlag(name, "fromLogits", options.fromLogits ?? false) }, target };
}
