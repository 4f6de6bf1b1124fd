/**
 * What the code for models in workers uses of the rest of the library. That code is a file of its own with copies of all that it imports. What keeps
 * state, is a class or is large must not be copied: it is passed in here.
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
