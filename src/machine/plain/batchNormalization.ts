import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** mean, variance, inverse [channels] and output [batch, height, width, channels] ← from input; gamma, beta null: 1 and 0. */
export const batchNormalizationOutput: PlainKernel<"batchNormalizationOutput"> = (record, { floats, run }) => {
  const { input, output, gamma, beta } = record;
  const pixels = run.batch * input.height * input.width;
  for (let channel = 0; channel < input.channels; channel++) {
    let sum = 0;
    eachPixel(input, run.batch, (image, y, x) => {
      sum += floats[elementIndex(input, image, y, x) + channel];
    });
    const mean = sum / pixels;
    let squares = 0;
    eachPixel(input, run.batch, (image, y, x) => {
      squares += (floats[elementIndex(input, image, y, x) + channel] - mean) ** 2;
    });
    const variance = squares / pixels;
    const inverse = 1 / Math.sqrt(variance + record.epsilon);
    floats[record.mean + channel] = mean;
    floats[record.variance + channel] = variance;
    floats[record.inverse + channel] = inverse;
    const scale = inverse * (gamma === null ? 1 : floats[gamma + channel]);
    const offset = beta === null ? 0 : floats[beta + channel];
    eachPixel(input, run.batch, (image, y, x) => {
      const centered = floats[elementIndex(input, image, y, x) + channel] - mean;
      floats[elementIndex(output, image, y, x) + channel] = centered * scale + offset;
    });
  }
};

/** gammaGrad, betaGrad [channels] (null: none) and inputGrad [batch, height, width, channels] (null: none) ← or += from outputGrad. */
export const batchNormalizationInputGrad: PlainKernel<"batchNormalizationInputGrad"> = (record, { floats, run }) => {
  const { input, outputGrad, inputGrad, gamma, gammaGrad, betaGrad } = record;
  const pixels = run.batch * input.height * input.width;
  const addParameters = record.parameterWrite === Write.add || run.accumulate !== 0;
  for (let channel = 0; channel < input.channels; channel++) {
    const mean = floats[record.mean + channel];
    const inverse = floats[record.inverse + channel];
    let sum = 0;
    let sumNormalized = 0;
    eachPixel(input, run.batch, (image, y, x) => {
      const gradient = floats[elementIndex(outputGrad, image, y, x) + channel];
      sum += gradient;
      sumNormalized += gradient * (floats[elementIndex(input, image, y, x) + channel] - mean) * inverse;
    });
    if (betaGrad !== null) floats[betaGrad + channel] = (addParameters ? floats[betaGrad + channel] : 0) + sum;
    if (gammaGrad !== null) floats[gammaGrad + channel] = (addParameters ? floats[gammaGrad + channel] : 0) + sumNormalized;
    if (inputGrad === null) continue;
    const scale = inverse * (gamma === null ? 1 : floats[gamma + channel]);
    eachPixel(input, run.batch, (image, y, x) => {
      const normalized = (floats[elementIndex(input, image, y, x) + channel] - mean) * inverse;
      const gradient = floats[elementIndex(outputGrad, image, y, x) + channel];
      const value = scale * (gradient - sum / pixels - (normalized * sumNormalized) / pixels);
      const to = elementIndex(inputGrad, image, y, x) + channel;
      floats[to] = record.write === Write.add ? floats[to] + value : value;
    });
  }
};
