import { CrossEntropy, type Tensor } from "../../../build/records.ts";
import { exp, log } from "../../math.ts";
import type { PlainKernel } from "./memory.ts";
import { maximum, sumOfExponentials } from "./softmax.ts";
import { elementIndex } from "./tensor.ts";

/** Keras' backend epsilon, as float32 arithmetic has it. */
const PROBABILITY_LOW = Math.fround(1e-7);
const PROBABILITY_HIGH = Math.fround(1 - 1e-7);

/** The classes of one pixel: where its numbers stand, and its target as one number per class. */
interface Pixel {
  readonly floats: Float32Array | Float64Array;
  readonly from: number;
  /** Where the gradient goes; below 0: nowhere. */
  readonly to: number;
  readonly channels: number;
  readonly factor: number;
  target(channel: number): number;
}

/**
 * losses [batch] ← sampleWeight (null: 1) · mean over pixels of −Σ target · log p;
 * predictionGrad [batch, height, width, channels] (null: none) ← its derivative × lossScale.
 * target: class numbers [batch, height, width] for the sparse kinds, else [batch, height, width, channels].
 */
export const crossEntropyLoss: PlainKernel<"crossEntropyLoss"> = (record, { floats, run }) => {
  const { prediction, target, losses, kind } = record;
  const predictionGrad = record.predictionGrad as Tensor | null;
  const sampleWeight = record.sampleWeight as number | null;
  const { channels } = prediction;
  const sparse = kind === CrossEntropy.sparseLogits || kind === CrossEntropy.sparse;
  const pixelLoss = kind === CrossEntropy.sparseLogits || kind === CrossEntropy.categoricalLogits ? fromLogits : fromProbabilities;
  const pixels = prediction.height * prediction.width;
  for (let sample = 0; sample < run.batch; sample++) {
    const weight = sampleWeight === null ? 1 : floats[sampleWeight + sample];
    const factor = (run.lossScale * weight) / pixels;
    let total = 0;
    for (let y = 0; y < prediction.height; y++) {
      for (let x = 0; x < prediction.width; x++) {
        const pixel = (sample * prediction.height + y) * prediction.width + x;
        const from = elementIndex(prediction, sample, y, x);
        const to = predictionGrad === null ? -1 : elementIndex(predictionGrad, sample, y, x);
        const targetOf = sparse ? oneHot(floats[target + pixel], channels) : (channel: number) => floats[target + pixel * channels + channel];
        total += pixelLoss({ floats, from, to, channels, factor, target: targetOf });
      }
    }
    floats[losses + sample] = weight * (total / pixels);
  }
};

/** A class number that is none makes the target, and with it the loss, NaN. */
function oneHot(label: number, channels: number): (channel: number) => number {
  if (!Number.isInteger(label) || label < 0 || label >= channels) return () => Number.NaN;
  return (channel) => (channel === label ? 1 : 0);
}

/** Σ target · (log Σ e^x − x); gradient softmax · Σ target − target. A target of 0 takes nothing, even from an infinite logit. */
function fromLogits({ floats, from, to, channels, factor, target }: Pixel): number {
  const max = maximum(floats, from, channels);
  const sum = sumOfExponentials(floats, from, channels, max);
  const logSum = log(sum);
  let loss = 0;
  let mass = 0;
  for (let channel = 0; channel < channels; channel++) {
    const t = target(channel);
    mass += t;
    if (t !== 0) loss += t * (logSum + (max - floats[from + channel]));
  }
  for (let channel = 0; channel < channels && to >= 0; channel++) {
    floats[to + channel] = ((exp(floats[from + channel] - max) / sum) * mass - target(channel)) * factor;
  }
  return loss;
}

/** −Σ target · log q, q = p / Σ p clipped; gradient (Σ target over unclipped classes − target / q where unclipped) / Σ p. */
function fromProbabilities({ floats, from, to, channels, factor, target }: Pixel): number {
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) sum += floats[from + channel];
  let loss = 0;
  let open = 0;
  for (let channel = 0; channel < channels; channel++) {
    const q = floats[from + channel] / sum;
    loss -= target(channel) * log(clipped(q));
    if (isOpen(q)) open += target(channel);
  }
  for (let channel = 0; channel < channels && to >= 0; channel++) {
    const q = floats[from + channel] / sum;
    floats[to + channel] = ((open - (isOpen(q) ? target(channel) / q : 0)) / sum) * factor;
  }
  return loss;
}

export function clipped(p: number): number {
  return Math.min(Math.max(p, PROBABILITY_LOW), PROBABILITY_HIGH);
}

/** Whether `clipped` changes nothing; NaN counts as unclipped, so that it reaches the gradient. */
export function isOpen(p: number): boolean {
  return !(p < PROBABILITY_LOW || p > PROBABILITY_HIGH);
}
