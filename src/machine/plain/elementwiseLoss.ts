/** Losses that are a mean over elements. Formulas: Keras 3. */
import { ElementLoss, type Tensor } from "../../../build/records.ts";
import { exp, log, log1p } from "../../math.ts";
import { sigmoid } from "./activation.ts";
import { clipped, isOpen } from "./crossEntropyLoss.ts";
import type { PlainKernel } from "./memory.ts";
import { elementIndex } from "./tensor.ts";

/**
 * losses [batch] ← sampleWeight (null: 1) · mean over the elements of the sample;
 * predictionGrad [batch, height, width, channels] (null: none) ← its derivative × lossScale.
 */
export const elementwiseLoss: PlainKernel<"elementwiseLoss"> = (record, { floats, run }) => {
  const { prediction, target, losses, kind, delta } = record;
  const predictionGrad = record.predictionGrad as Tensor | null;
  const sampleWeight = record.sampleWeight as number | null;
  const { height, width, channels } = prediction;
  const elements = height * width * channels;
  for (let sample = 0; sample < run.batch; sample++) {
    const weight = sampleWeight === null ? 1 : floats[sampleWeight + sample];
    const factor = (run.lossScale * weight) / elements;
    let total = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = elementIndex(prediction, sample, y, x);
        const wanted = target + ((sample * height + y) * width + x) * channels;
        for (let channel = 0; channel < channels; channel++) {
          const p = floats[from + channel];
          const t = floats[wanted + channel];
          total += lossValue(kind, delta, p, t);
          if (predictionGrad === null) continue;
          floats[elementIndex(predictionGrad, sample, y, x) + channel] = lossSlope(kind, delta, p, t) * factor;
        }
      }
    }
    floats[losses + sample] = weight * (total / elements);
  }
};

function lossValue(kind: number, delta: number, p: number, t: number): number {
  const size = Math.abs(p - t);
  switch (kind) {
    case ElementLoss.meanSquaredError:
      return size * size;
    case ElementLoss.meanAbsoluteError:
      return size;
    case ElementLoss.huber:
      return size <= delta ? 0.5 * size * size : delta * size - 0.5 * delta * delta;
    case ElementLoss.binaryCrossEntropy:
      return -(t * log(clipped(p)) + (1 - t) * log(1 - clipped(p)));
    case ElementLoss.binaryCrossEntropyLogits:
      return Math.max(p, 0) - p * t + log1p(exp(-Math.abs(p)));
    default:
      throw new Error(`internal: no element loss number ${kind}`);
  }
}

function lossSlope(kind: number, delta: number, p: number, t: number): number {
  const error = p - t;
  switch (kind) {
    case ElementLoss.meanSquaredError:
      return 2 * error;
    case ElementLoss.meanAbsoluteError:
      return Math.sign(error);
    case ElementLoss.huber:
      return Math.abs(error) > delta ? delta * Math.sign(error) : error;
    case ElementLoss.binaryCrossEntropy:
      return isOpen(p) ? (p - t) / (p * (1 - p)) : 0;
    case ElementLoss.binaryCrossEntropyLogits:
      return sigmoid(p) - t;
    default:
      throw new Error(`internal: no element loss number ${kind}`);
  }
}
