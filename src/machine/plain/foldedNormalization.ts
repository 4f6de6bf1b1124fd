import type { PlainKernel } from "./memory.ts";

/** runningMean, runningVariance [count] ← running · momentum + batch · (1 − momentum). */
export const runningStatistics: PlainKernel<"runningStatistics"> = (record, { floats }) => {
  const { mean, variance, runningMean, runningVariance, count, momentum } = record;
  for (let i = 0; i < count; i++) {
    floats[runningMean + i] = floats[runningMean + i] * momentum + floats[mean + i] * (1 - momentum);
    floats[runningVariance + i] = floats[runningVariance + i] * momentum + floats[variance + i] * (1 - momentum);
  }
};

/** scale [count] ← gamma / √(variance + epsilon); offset [count] ← beta − mean · scale; gamma, beta null: 1 and 0. */
export const foldStatistics: PlainKernel<"foldStatistics"> = (record, { floats }) => {
  const { gamma, beta, mean, variance, scale, offset, count, epsilon } = record;
  for (let i = 0; i < count; i++) {
    const factor = (gamma === null ? 1 : floats[gamma + i]) / Math.sqrt(floats[variance + i] + epsilon);
    floats[scale + i] = factor;
    floats[offset + i] = (beta === null ? 0 : floats[beta + i]) - floats[mean + i] * factor;
  }
};

/** foldedWeight [rows, columns] ← weight · scale [columns]; foldedBias [columns] ← bias · scale + offset; bias null: 0. */
export const foldWeights: PlainKernel<"foldWeights"> = (record, { floats }) => {
  const { weight, bias, scale, offset, foldedWeight, foldedBias, rows, columns } = record;
  for (let column = 0; column < columns; column++) {
    const factor = floats[scale + column];
    for (let row = 0; row < rows; row++) floats[foldedWeight + row * columns + column] = floats[weight + row * columns + column] * factor;
    floats[foldedBias + column] = (bias === null ? 0 : floats[bias + column] * factor) + floats[offset + column];
  }
};
