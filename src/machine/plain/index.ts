/** The plain-JS kernels of everything: with machineOf the oracle of the tests, the fallback, the baseline of the benchmark. */
import type { KernelName } from "../../../build/records.ts";
import { activationInputGrad } from "./activation.ts";
import { batchNormalizationInputGrad, batchNormalizationOutput } from "./batchNormalization.ts";
import { conv2dInputGrad, conv2dWeightGrad } from "./conv2d.ts";
import { crossEntropyLoss } from "./crossEntropyLoss.ts";
import { dropoutOutput } from "./dropout.ts";
import { elementwiseLoss } from "./elementwiseLoss.ts";
import { runningStatistics } from "./foldedNormalization.ts";
import { inferenceKernels } from "./inference.ts";
import type { PlainKernel } from "./memory.ts";
import { pixelSum } from "./pixelSum.ts";
import { pool2dInputGrad } from "./pool2d.ts";
import { regularize, sumSquares } from "./regularize.ts";
import { softmaxInputGrad } from "./softmax.ts";
import { adamUpdate, rmspropUpdate, sgdUpdate } from "./update.ts";

export const plainKernels: { readonly [K in KernelName]: PlainKernel<K> } = {
  ...inferenceKernels,
  conv2dInputGrad,
  conv2dWeightGrad,
  pool2dInputGrad,
  activationInputGrad,
  softmaxInputGrad,
  pixelSum,
  dropoutOutput,
  batchNormalizationOutput,
  batchNormalizationInputGrad,
  runningStatistics,
  crossEntropyLoss,
  elementwiseLoss,
  regularize,
  sumSquares,
  sgdUpdate,
  rmspropUpdate,
  adamUpdate,
};
