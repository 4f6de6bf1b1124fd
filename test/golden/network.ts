/** Data and first weights of the golden network, bit for bit those of golden_network.py; its results stand in network.json. */
import { seededRandom } from "../support/kernels.ts";

export const BATCH = 16;
export const STEPS = 50;
export const SIZE = 12;
export const CLASSES = 10;
/** Share of the class pattern in an input; the rest is noise. */
const PATTERN = 0.5;

export interface WeightArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Inputs [steps · batch, 12, 12, 1] and class numbers [steps · batch], batch after batch. */
export function networkData(): { inputs: Float32Array; labels: Float32Array } {
  const pixels = SIZE * SIZE;
  const patternRandom = seededRandom(1);
  const patterns = Float32Array.from({ length: CLASSES * pixels }, patternRandom);
  const random = seededRandom(2);
  const inputs = new Float32Array(STEPS * BATCH * pixels);
  const labels = new Float32Array(STEPS * BATCH);
  for (let sample = 0; sample < labels.length; sample++) {
    labels[sample] = Math.floor(((random() + 1) / 2) * CLASSES);
    for (let pixel = 0; pixel < pixels; pixel++) {
      inputs[sample * pixels + pixel] = random() * (1 - PATTERN) + patterns[labels[sample] * pixels + pixel] * PATTERN;
    }
  }
  return { inputs, labels };
}

/** First weights by layer name, each layer's arrays in Keras order: kernel, bias; gamma, beta, moving mean, moving variance. */
export function networkWeights(): Record<"conv1" | "norm1" | "conv2" | "norm2" | "dense", WeightArray[]> {
  const random = seededRandom(3);
  const kernel = (shape: number[], factor: number): WeightArray => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { data: Float32Array.from({ length: count }, () => random() * factor), shape };
  };
  const constant = (channels: number, value: number): WeightArray => ({ data: new Float32Array(channels).fill(value), shape: [channels] });
  const normalization = (channels: number) => [1, 0, 0, 1].map((value) => constant(channels, value));
  return {
    conv1: [kernel([3, 3, 1, 8], 0.25)],
    norm1: normalization(8),
    conv2: [kernel([3, 3, 8, 16], 0.125)],
    norm2: normalization(16),
    dense: [kernel([256, 10], 0.125), constant(10, 0)],
  };
}
