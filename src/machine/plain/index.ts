/** The plain-JS machine: runs the very same records as the WASM machines. */
import type { KernelName } from "../../../build/records.ts";
import type { Bytes, Machine } from "../machine.ts";
import { type Decoded, decodeRecords, readRunHeader } from "../records.ts";
import { activationInputGrad, activationOutput } from "./activation.ts";
import { affineOutput } from "./affine.ts";
import { batchNormalizationInputGrad, batchNormalizationOutput } from "./batchNormalization.ts";
import { binaryOutput } from "./binary.ts";
import { clearHalo } from "./clearHalo.ts";
import { conv2dInputGrad, conv2dOutput, conv2dWeightGrad } from "./conv2d.ts";
import { copy } from "./copy.ts";
import { crossEntropyLoss } from "./crossEntropyLoss.ts";
import { dropoutOutput } from "./dropout.ts";
import { elementwiseLoss } from "./elementwiseLoss.ts";
import { fill } from "./fill.ts";
import { foldStatistics, foldWeights, runningStatistics } from "./foldedNormalization.ts";
import type { PlainKernel, PlainMemory } from "./memory.ts";
import { packWeights } from "./packWeights.ts";
import { pixelSum } from "./pixelSum.ts";
import { pool2dInputGrad, pool2dOutput } from "./pool2d.ts";
import { regularize, sumSquares } from "./regularize.ts";
import { softmaxInputGrad, softmaxOutput } from "./softmax.ts";
import { adamUpdate, rmspropUpdate, sgdUpdate } from "./update.ts";

const kernels: { readonly [K in KernelName]: PlainKernel<K> } = {
  copy,
  clearHalo,
  fill,
  packWeights,
  conv2dOutput,
  conv2dInputGrad,
  conv2dWeightGrad,
  pool2dOutput,
  pool2dInputGrad,
  activationOutput,
  activationInputGrad,
  softmaxOutput,
  softmaxInputGrad,
  binaryOutput,
  pixelSum,
  affineOutput,
  dropoutOutput,
  batchNormalizationOutput,
  batchNormalizationInputGrad,
  runningStatistics,
  foldStatistics,
  foldWeights,
  crossEntropyLoss,
  elementwiseLoss,
  regularize,
  sumSquares,
  sgdUpdate,
  rmspropUpdate,
  adamUpdate,
};

/**
 * Decoded records are kept per start address until the memory's buffer changes or `forget` is called.
 * elementBytes 8 runs a program that was emitted for float64: the gradient checks do.
 */
export function plainMachine(memory: Bytes, elementBytes: 4 | 8 = 4): Machine & { forget(): void } {
  let buffer: ArrayBufferLike | undefined;
  let views: Omit<PlainMemory, "run">;
  const decoded = new Map<number, { kernel: KernelName; record: Decoded<KernelName> }[]>();
  return {
    name: "plain",
    forget: () => decoded.clear(),
    execute(first, count) {
      if (buffer !== memory.buffer) {
        buffer = memory.buffer;
        views = viewsOf(buffer, elementBytes);
      }
      let records = decoded.get(first);
      if (records === undefined || records.length !== count) {
        records = decodeRecords(memory.buffer, first, count, elementBytes);
        decoded.set(first, records);
      }
      const plainMemory = { ...views, run: readRunHeader(memory.buffer) };
      for (const { kernel, record } of records) (kernels[kernel] as PlainKernel<KernelName>)(record, plainMemory);
      return count;
    },
  };
}

function viewsOf(buffer: ArrayBufferLike, elementBytes: 4 | 8): Omit<PlainMemory, "run"> {
  const floats = elementBytes === 8 ? new Float64Array(buffer) : new Float32Array(buffer);
  return { floats, bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}
