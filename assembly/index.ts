/** The entry: runs a table of records. */
import {
  ActivationInputGrad,
  ActivationOutput,
  AdamUpdate,
  AffineOutput,
  BatchNormalizationInputGrad,
  BatchNormalizationOutput,
  BinaryOutput,
  ClearHalo,
  Conv2dInputGrad,
  Conv2dOutput,
  Conv2dWeightGrad,
  Copy,
  CrossEntropyLoss,
  DropoutOutput,
  ElementwiseLoss,
  Fill,
  FoldStatistics,
  FoldWeights,
  Kernel,
  PackWeights,
  PixelSum,
  Pool2dInputGrad,
  Pool2dOutput,
  Record,
  Regularize,
  RmspropUpdate,
  RunningStatistics,
  SgdUpdate,
  SoftmaxInputGrad,
  SoftmaxOutput,
  SumSquares,
} from "./records";
import { activationInputGrad, activationOutput } from "./activation";
import { affineOutput } from "./affine";
import { announce, awaitOthers, clearProgress, isAborted, progressOf } from "./barrier";
import { batchNormalizationOutput } from "./batchNormalization";
import { batchNormalizationInputGrad } from "./batchNormalizationGrad";
import { binaryOutput } from "./binary";
import { clearHalo } from "./clearHalo";
import { conv2dInputGrad } from "./conv2d/inputGrad";
import { conv2dOutput } from "./conv2d/output";
import { conv2dWeightGrad } from "./conv2d/weightGrad";
import { copy } from "./copy";
import { crossEntropyLoss } from "./crossEntropyLoss";
import { dropoutOutput } from "./dropout";
import { elementwiseLoss } from "./elementwiseLoss";
import { fill } from "./fill";
import { foldStatistics, foldWeights, runningStatistics } from "./foldedNormalization";
import { packWeights } from "./packWeights";
import { pixelSum } from "./pixelSum";
import { pool2dOutput } from "./pool2d";
import { pool2dInputGrad } from "./pool2dGrad";
import { regularize, sumSquares } from "./regularize";
import { softmaxInputGrad, softmaxOutput } from "./softmax";
import { adamUpdate, rmspropUpdate, sgdUpdate } from "./update";

export { writeConstants } from "./lanes";
export { xxh32 } from "./xxh32";

/**
 * Runs `count` records from address `first` on, as thread `thread` of `threads`. Returns `count` when all are done (for thread 0: by
 * all threads), otherwise the number of the record it stopped at: the run header's abort word was set, or another thread made no
 * progress for a second. The same call again then goes on from there.
 */
export function execute(first: usize, count: i32, thread: i32, threads: i32): i32 {
  let at = first;
  let index = 0;
  if (threads > 1) {
    for (const done = progressOf(thread); index < done; index++) at += changetype<Record>(at).bytes;
  }
  for (; index < count; index++) {
    if (threads > 1 && !awaitOthers(index, thread, threads)) return index;
    if (isAborted()) return index;
    dispatch(at, thread, threads);
    at += changetype<Record>(at).bytes;
    if (threads > 1) announce(thread, index + 1);
  }
  if (threads > 1 && thread == 0) {
    if (!awaitOthers(count, thread, threads)) return count - 1;
    clearProgress(threads);
  }
  return count;
}

function dispatch(at: usize, thread: i32, threads: i32): void {
  switch (changetype<Record>(at).kernel) {
    case Kernel.copy:
      return copy(changetype<Copy>(at), changetype<Copy>(at).write, thread, threads);
    case Kernel.clearHalo:
      return clearHalo(changetype<ClearHalo>(at), thread, threads);
    case Kernel.fill:
      return fill(changetype<Fill>(at), thread, threads);
    case Kernel.packWeights:
      return packWeights(changetype<PackWeights>(at), thread, threads);
    case Kernel.conv2dOutput:
      return conv2dOutput(changetype<Conv2dOutput>(at), thread, threads);
    case Kernel.conv2dInputGrad:
      return conv2dInputGrad(changetype<Conv2dInputGrad>(at), thread, threads);
    case Kernel.conv2dWeightGrad:
      return conv2dWeightGrad(changetype<Conv2dWeightGrad>(at), thread, threads);
    case Kernel.pool2dOutput:
      return pool2dOutput(changetype<Pool2dOutput>(at), thread, threads);
    case Kernel.pool2dInputGrad:
      return pool2dInputGrad(changetype<Pool2dInputGrad>(at), thread, threads);
    case Kernel.activationOutput:
      return activationOutput(changetype<ActivationOutput>(at), thread, threads);
    case Kernel.activationInputGrad:
      return activationInputGrad(changetype<ActivationInputGrad>(at), thread, threads);
    case Kernel.softmaxOutput:
      return softmaxOutput(changetype<SoftmaxOutput>(at), thread, threads);
    case Kernel.softmaxInputGrad:
      return softmaxInputGrad(changetype<SoftmaxInputGrad>(at), thread, threads);
    case Kernel.binaryOutput:
      return binaryOutput(changetype<BinaryOutput>(at), changetype<BinaryOutput>(at).write, thread, threads);
    case Kernel.pixelSum:
      return pixelSum(changetype<PixelSum>(at), thread, threads);
    case Kernel.affineOutput:
      return affineOutput(changetype<AffineOutput>(at), changetype<AffineOutput>(at).write, thread, threads);
    case Kernel.dropoutOutput:
      return dropoutOutput(changetype<DropoutOutput>(at), thread, threads);
    case Kernel.batchNormalizationOutput:
      return batchNormalizationOutput(changetype<BatchNormalizationOutput>(at), thread, threads);
    case Kernel.batchNormalizationInputGrad:
      return batchNormalizationInputGrad(changetype<BatchNormalizationInputGrad>(at), thread, threads);
    case Kernel.runningStatistics:
      return runningStatistics(changetype<RunningStatistics>(at), thread, threads);
    case Kernel.foldStatistics:
      return foldStatistics(changetype<FoldStatistics>(at), thread, threads);
    case Kernel.foldWeights:
      return foldWeights(changetype<FoldWeights>(at), thread, threads);
    case Kernel.crossEntropyLoss:
      return crossEntropyLoss(changetype<CrossEntropyLoss>(at), thread, threads);
    case Kernel.elementwiseLoss:
      return elementwiseLoss(changetype<ElementwiseLoss>(at), thread, threads);
    case Kernel.regularize:
      return regularize(changetype<Regularize>(at), thread, threads);
    case Kernel.sumSquares:
      return sumSquares(changetype<SumSquares>(at), thread, threads);
    case Kernel.sgdUpdate:
      return sgdUpdate(changetype<SgdUpdate>(at), thread, threads);
    case Kernel.rmspropUpdate:
      return rmspropUpdate(changetype<RmspropUpdate>(at), thread, threads);
    case Kernel.adamUpdate:
      return adamUpdate(changetype<AdamUpdate>(at), thread, threads);
    default:
      unreachable();
  }
}
