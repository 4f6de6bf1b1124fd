import { checkPreprocessing, type Preprocessing } from "./image/preprocessing.ts";
import { checkChoice, checkNumber, checkOptions, shown } from "./options.ts";
import { SEEDS } from "./random.ts";
import type { Shape } from "./shape.ts";

/** Shapes of the first input, which preprocessing makes, and of the first output, whose last axis the class names are of. */
interface Ends {
  readonly input: Shape;
  readonly output: Shape;
}

/** The checks of `ModelOptions`. */
export function checkModelOptions(options: Readonly<Record<string, unknown>>, { input, output }: Ends): void {
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
  const classes = Math.max(2, output[output.length - 1]);
  if (classNames.length !== classes) throw new RangeError(`model: classNames has ${classNames.length} names, needs ${classes}`);
}
