import { checkChoice, checkNumber, checkOptions, shown } from "./options.ts";
import { SEEDS } from "./random.ts";
import type { Shape } from "./shape.ts";

/** The checks of `ModelOptions`. `output` is the shape of the first output, whose last axis the class names are of. */
export function checkModelOptions(options: Readonly<Record<string, unknown>>, output: Shape): void {
  checkOptions("model", options, ["seed", "classNames", "machine", "numerics", "elementBytes", "threads"]);
  const { seed = 0, classNames, machine = "auto", numerics = "auto", elementBytes = 4 } = options;
  checkNumber("model", "seed", seed, SEEDS);
  checkChoice("model", "machine", machine, ["auto", "wasm", "plain"]);
  checkChoice("model", "numerics", numerics, ["auto", "strict", "relaxed"]);
  checkChoice("model", "elementBytes", elementBytes, [4, 8]);
  if (classNames === undefined) return;
  if (!Array.isArray(classNames) || !classNames.every((name) => typeof name === "string")) {
    throw new TypeError(`model: classNames is ${shown(classNames)}, needs an array of texts`);
  }
  // One output tells two classes apart.
  const classes = Math.max(2, output[output.length - 1]);
  if (classNames.length !== classes) throw new RangeError(`model: classNames has ${classNames.length} names, needs ${classes}`);
}
