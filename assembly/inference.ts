/** The entry of inference alone: the same kernels on one thread, little more than half of the bytes. */
import {
  ActivationOutput,
  AffineOutput,
  BinaryOutput,
  ClearHalo,
  Conv2dOutput,
  Copy,
  Fill,
  FoldStatistics,
  FoldWeights,
  Kernel,
  PackWeights,
  Pool2dOutput,
  Record,
  SoftmaxOutput,
  Write,
} from "./records";
import { activationOutput } from "./activation";
import { affineOutput } from "./affine";
import { binaryOutput } from "./binary";
import { clearHalo } from "./clearHalo";
import { conv2dOutput } from "./conv2d/output";
import { copy } from "./copy";
import { fill } from "./fill";
import { foldStatistics, foldWeights } from "./foldedNormalization";
import { packOutputWeights } from "./packWeights";
import { pool2dValues } from "./poolRows";
import { softmaxOutput } from "./softmax";

export { writeConstants } from "./lanes";
export { xxh32 } from "./xxh32";

/** Runs `count` records from address `first` on. */
export function execute(first: usize, count: i32): void {
  let at = first;
  for (let index = 0; index < count; index++) {
    dispatch(at);
    at += changetype<Record>(at).bytes;
  }
}

function dispatch(at: usize): void {
  switch (changetype<Record>(at).kernel) {
    case Kernel.copy:
      return copy(changetype<Copy>(at), Write.overwrite, 0, 1);
    case Kernel.clearHalo:
      return clearHalo(changetype<ClearHalo>(at), 0, 1);
    case Kernel.fill:
      return fill(changetype<Fill>(at), 0, 1);
    case Kernel.packWeights:
      return packOutputWeights(changetype<PackWeights>(at), 0, 1);
    case Kernel.conv2dOutput:
      return conv2dOutput(changetype<Conv2dOutput>(at), 0, 1);
    case Kernel.pool2dOutput:
      return pool2dValues(changetype<Pool2dOutput>(at), 0, 1);
    case Kernel.activationOutput:
      return activationOutput(changetype<ActivationOutput>(at), 0, 1);
    case Kernel.softmaxOutput:
      return softmaxOutput(changetype<SoftmaxOutput>(at), 0, 1);
    case Kernel.binaryOutput:
      return binaryOutput(changetype<BinaryOutput>(at), Write.overwrite, 0, 1);
    case Kernel.affineOutput:
      return affineOutput(changetype<AffineOutput>(at), Write.overwrite, 0, 1);
    case Kernel.foldStatistics:
      return foldStatistics(changetype<FoldStatistics>(at), 0, 1);
    case Kernel.foldWeights:
      return foldWeights(changetype<FoldWeights>(at), 0, 1);
    default:
      unreachable();
  }
}
