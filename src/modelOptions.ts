import { checkPreprocessing, type Preprocessing } from "./image/preprocessing.ts";
import type { KernelSources } from "./machine/kernelModules.ts";
import { checkChoice, checkNumber, checkOptions, shown } from "./options.ts";
import { SEEDS } from "./random.ts";
import type { Shape } from "./shape.ts";

export interface ModelOptions {
  /** Of initial weights, shuffles and dropout. Default 0. */
  readonly seed?: number;
  /** Names of the output's classes; they travel in the file. */
  readonly classNames?: readonly string[];
  /** How `classify` makes the input from a picture; it travels in the file. */
  readonly preprocessing?: Preprocessing;
  /** "auto" (default): WebAssembly, or plain JavaScript where it is refused. */
  readonly machine?: "auto" | "wasm" | "plain";
  /**
   * "auto" (default): training and evaluation are strict (the same bits on every engine), predictions may use fused multiply-add
   * where the engine has it. "strict" or "relaxed": everything is.
   */
  readonly numerics?: "auto" | "strict" | "relaxed";
  /** 8: float64 on the plain-JS machine, to check gradients. Default 4. */
  readonly elementBytes?: 4 | 8;
  /**
   * Threads that share the work of training and prediction; the results are the same bits for any number. "auto": one per core, at most 4.
   * Default 1. More than one needs SharedArrayBuffer, and in a page that the model lives in a worker.
   */
  readonly threads?: number | "auto";
  /** Kernels by address, bytes or compiled module, instead of those inside the library: `dist/strict.wasm`, `dist/relaxed.wasm`. */
  readonly wasm?: KernelSources;
}

/** Shapes of the first input, which preprocessing makes, and of the first output, whose last axis the class names are of. */
interface Ends {
  readonly input: Shape;
  readonly output: Shape;
}

/** Not `instanceof`: a program may have the library twice, as modules and by require. */
export function checkModel(where: string, model: unknown): void {
  if (!(model as { graph?: object } | null)?.graph) throw new TypeError(`${where}: got ${shown(model)}, needs a model`);
}

/** The checks of `ModelOptions`. */
export function checkModelOptions(options: Readonly<Partial<Record<keyof ModelOptions, unknown>>>, { input, output }: Ends): void {
  checkOptions("model", options, ["seed", "classNames", "preprocessing", "machine", "numerics", "elementBytes", "threads", "wasm"]);
  const { seed = 0, classNames, preprocessing, machine = "auto", numerics = "auto", elementBytes = 4 } = options;
  checkNumber("model", "seed", seed, SEEDS);
  checkChoice("model", "machine", machine, ["auto", "wasm", "plain"]);
  checkChoice("model", "numerics", numerics, ["auto", "strict", "relaxed"]);
  checkChoice("model", "elementBytes", elementBytes, [4, 8]);
  if (preprocessing !== undefined) checkPreprocessing(preprocessing as Preprocessing, input);
  if (options.wasm !== undefined) checkOptions("model: wasm", options.wasm, ["strict", "relaxed"]);
  if (classNames === undefined) return;
  if (!Array.isArray(classNames) || !classNames.every((name) => typeof name === "string")) {
    throw new TypeError(`model: classNames is ${shown(classNames)}, needs an array of texts`);
  }
  // One output tells two classes apart.
  const classes = Math.max(2, output.at(-1)!);
  if (classNames.length !== classes) throw new RangeError(`model: classNames has ${classNames.length} names, needs ${classes}`);
}
