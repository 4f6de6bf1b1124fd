/**
 * What models in workers have of the rest of the library. Their code is loaded apart from it, and what it imports comes once more: it is given here
 * what there may be but once, for the state that it keeps or the class that it is, and what is large.
 */
import { FileFormatError } from "../formats/safetensorsHeader.ts";
import { bytesSource } from "../formats/source.ts";
import { writeFile } from "../formats/target.ts";
import { sayOnce } from "../machine/sayOnce.ts";
import { compileKernels, provideKernels } from "../machine/wasm.ts";
import { restore } from "../restore.ts";
import { callback } from "../training/callbacks.ts";
import { checkFitOptions } from "../training/fit.ts";
import { training } from "../training/progress.ts";
import { fitArguments, iteratorOf } from "../training/trainer.ts";

export type Library = typeof library;

export const library = {
  /** Of the module that this is a part of; undefined in a script. */
  address: import.meta.url as string | undefined,
  /** Classes of errors by their names: what another side throws becomes one of them. */
  errors: { TypeError, RangeError, FileFormatError },
  bytesSource,
  callback,
  checkFitOptions,
  compileKernels,
  fitArguments,
  iteratorOf,
  provideKernels,
  restore,
  sayOnce,
  training,
  writeFile,
};
