import { Write } from "../../../build/records.ts";
import { exp } from "../../math.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** output [batch, height, width, channels] ← e^(input − max) / Σ e^(input − max), over the channels of every pixel. */
export const softmaxOutput: PlainKernel<"softmaxOutput"> = ({ input, output }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const from = elementIndex(input, image, y, x);
    const to = elementIndex(output, image, y, x);
    const max = maximum(floats, from, output.channels);
    const sum = sumOfExponentials(floats, from, output.channels, max);
    for (let channel = 0; channel < output.channels; channel++) floats[to + channel] = exp(floats[from + channel] - max) / sum;
  });
};

/** inputGrad [batch, height, width, channels] ← or += output · (outputGrad − Σ output · outputGrad). */
export const softmaxInputGrad: PlainKernel<"softmaxInputGrad"> = ({ output, outputGrad, inputGrad, write }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const at = elementIndex(output, image, y, x);
    const from = elementIndex(outputGrad, image, y, x);
    const to = elementIndex(inputGrad, image, y, x);
    let dot = 0;
    for (let channel = 0; channel < output.channels; channel++) dot += floats[at + channel] * floats[from + channel];
    for (let channel = 0; channel < output.channels; channel++) {
      const grad = floats[at + channel] * (floats[from + channel] - dot);
      floats[to + channel] = write === Write.add ? floats[to + channel] + grad : grad;
    }
  });
};

/** NaN may be passed over: e^(NaN − maximum) brings it back. */
export function maximum(floats: Float32Array | Float64Array, from: number, channels: number): number {
  let max = -Infinity;
  for (let channel = 0; channel < channels; channel++) if (floats[from + channel] > max) max = floats[from + channel];
  return max;
}

export function sumOfExponentials(floats: Float32Array | Float64Array, from: number, channels: number, max: number): number {
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) sum += exp(floats[from + channel] - max);
  return sum;
}
