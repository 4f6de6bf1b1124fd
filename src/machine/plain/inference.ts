/** The kernels of inference alone: those of assembly/inference.ts. */
import { activationOutput } from "./activation.ts";
import { affineOutput } from "./affine.ts";
import { binaryOutput } from "./binary.ts";
import { clearHalo } from "./clearHalo.ts";
import { conv2dOutput } from "./conv2d.ts";
import { copy } from "./copy.ts";
import { fill } from "./fill.ts";
import { foldStatistics, foldWeights } from "./foldedNormalization.ts";
import type { PlainKernels } from "./machine.ts";
import { packWeights } from "./packWeights.ts";
import { pool2dOutput } from "./pool2d.ts";
import { softmaxOutput } from "./softmax.ts";

export const inferenceKernels = {
  activationOutput,
  affineOutput,
  binaryOutput,
  clearHalo,
  conv2dOutput,
  copy,
  fill,
  foldStatistics,
  foldWeights,
  packWeights,
  pool2dOutput,
  softmaxOutput,
} satisfies PlainKernels;
