/** Batch normalization in training mode (Ioffe & Szegedy 2015) over rows [rows, channels]. Statistics are float64, in two passes. */

const CELLS = 1 << 12;
const means = new Float64Array(CELLS);
const factors = new Float64Array(CELLS);
const offsets = new Float64Array(CELLS);

export interface Normalization {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly epsilon: number;
}

/** output ← (input − mean) / √(variance + epsilon) · gamma + beta; mean and inverse = 1 / √… [channels] are kept for the gradient. */
export function batchNormalizationOutput(
  { input, output, mean, inverse }: Record<"input" | "output" | "mean" | "inverse", Float32Array>,
  { gamma, beta, epsilon }: Normalization,
  rows: number,
): void {
  const channels = gamma.length;
  means.fill(0, 0, channels);
  factors.fill(0, 0, channels);
  for (let row = 0, at = 0; row < rows; row++) for (let channel = 0; channel < channels; channel++) means[channel] += input[at++];
  for (let channel = 0; channel < channels; channel++) means[channel] /= rows;
  for (let row = 0, at = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      const difference = input[at++] - means[channel];
      factors[channel] += difference * difference;
    }
  }
  for (let channel = 0; channel < channels; channel++) {
    mean[channel] = means[channel];
    inverse[channel] = 1 / Math.sqrt(factors[channel] / rows + epsilon);
    factors[channel] = inverse[channel] * gamma[channel];
    offsets[channel] = beta[channel] - means[channel] * factors[channel];
  }
  for (let row = 0, at = 0; row < rows; row++)
    for (let channel = 0; channel < channels; channel++, at++) output[at] = input[at] * factors[channel] + offsets[channel];
}

/** inputGrad ← gamma · inverse · (dy − mean of dy − x̂ · mean of dy · x̂), x̂ = (input − mean) · inverse, dy = outputGrad. */
export function batchNormalizationInputGrad(
  { input, outputGrad, inputGrad, mean, inverse }: Record<"input" | "outputGrad" | "inputGrad" | "mean" | "inverse", Float32Array>,
  gamma: Float32Array,
  rows: number,
): void {
  const channels = gamma.length;
  offsets.fill(0, 0, channels);
  factors.fill(0, 0, channels);
  means.set(mean);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++, at++) {
      offsets[channel] += outputGrad[at];
      factors[channel] += outputGrad[at] * (input[at] - means[channel]);
    }
  }
  for (let channel = 0; channel < channels; channel++) {
    offsets[channel] /= rows;
    factors[channel] *= (inverse[channel] * inverse[channel]) / rows;
    offsets[channel] -= means[channel] * factors[channel];
  }
  for (let row = 0, at = 0; row < rows; row++)
    for (let channel = 0; channel < channels; channel++, at++)
      inputGrad[at] = gamma[channel] * inverse[channel] * (outputGrad[at] - offsets[channel] - input[at] * factors[channel]);
}
