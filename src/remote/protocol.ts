/** What page and worker tell each other of a model: see remoteModel.ts and host.ts. */
import type { Preprocessing } from "../image/preprocessing.ts";
import type { Named } from "../options.ts";
import type { Shape } from "../shape.ts";
import type { DataLike } from "../training/data.ts";
import type { ModelFitOptions } from "../training/trainer.ts";

/** A layer of a model in a worker. */
export interface LayerInfo {
  readonly name: string;
  /** The factory's name: "conv2d". */
  readonly type: string;
  /** Of one sample. */
  readonly outputShape: Shape;
  readonly trainable: boolean;
  /** Number of weights, statistics included. */
  readonly parameters: number;
}

/** What a page knows of a model without asking. */
export interface About {
  readonly seed: number;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
  readonly epoch: number;
  readonly layers: readonly LayerInfo[];
}

/** Calls that are handed on as they are. */
export type Method =
  | "activations"
  | "classify"
  | "compile"
  | "countParams"
  | "evaluate"
  | "getWeights"
  | "gradients"
  | "inputGradient"
  | "predict"
  | "predictAll"
  | "profile"
  | "save"
  | "setWeights"
  | "summary"
  | "toBytes"
  | "trainOnBatch";

/** A training as it can be sent. */
export interface FitPlan {
  /** Batches come from the page; else x and y are samples. */
  readonly isSource: boolean;
  readonly x: DataLike | readonly DataLike[];
  readonly y: DataLike;
  readonly options: Omit<ModelFitOptions, "signal" | "callbacks">;
  /** Callbacks of the library, which run in the worker. */
  readonly named: readonly Named[];
  /** Events that other callbacks wait for, on the page. */
  readonly events: readonly string[];
  readonly isWatched: boolean;
}

/** What a callback on the page did to the training. */
export interface Effects {
  readonly isStopped: boolean;
  readonly learningRate: number | undefined;
}
