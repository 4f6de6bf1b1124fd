import { type Tensor, Write } from "../../../build/records.ts";
import type { Decoded } from "../records.ts";
import { activationValue } from "./activation.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

type Window = Pick<
  Decoded<"conv2dOutput">,
  "windowHeight" | "windowWidth" | "strideY" | "strideX" | "dilationY" | "dilationX" | "padTop" | "padLeft" | "groups"
>;

/**
 * output [batch, outHeight, outWidth, outChannels] ← activation(bias + Σ window × input [+ residual]),
 * weight [windowHeight, windowWidth, inChannels / groups, outChannels]; outChannel o is in group ⌊o / (outChannels / groups)⌋.
 */
export const conv2dOutput: PlainKernel<"conv2dOutput"> = (record, { floats, run }) => {
  const { input, output, weight } = record;
  const bias = record.bias as number | null;
  const residual = record.residual as Tensor | null;
  const [inChannels, outChannels] = [input.channels / record.groups, output.channels / record.groups];
  const sums = new Float64Array(output.channels);
  eachPixel(output, run.batch, (image, outY, outX) => {
    for (let o = 0; o < output.channels; o++) sums[o] = bias === null ? 0 : floats[bias + o];
    eachTap(record, input, outY, outX, (y, x, tap) => {
      for (let o = 0; o < output.channels; o++) {
        const from = elementIndex(input, image, y, x) + Math.floor(o / outChannels) * inChannels;
        const column = weight + tap * inChannels * output.channels + o;
        for (let i = 0; i < inChannels; i++) sums[o] += floats[from + i] * floats[column + i * output.channels];
      }
    });
    for (let o = 0; o < output.channels; o++) {
      if (residual !== null) sums[o] += floats[elementIndex(residual, image, outY, outX) + o];
      floats[elementIndex(output, image, outY, outX) + o] = activationValue(record.activation, record.alpha, sums[o]);
    }
  });
};

/** inputGrad [batch, height, width, inChannels] ← or += Σ weight · outputGrad over the terms each input is in. */
export const conv2dInputGrad: PlainKernel<"conv2dInputGrad"> = (record, { floats, run }) => {
  const { outputGrad, inputGrad, weight } = record;
  const [inChannels, outChannels] = [inputGrad.channels / record.groups, outputGrad.channels / record.groups];
  // Scattered into doubles and rounded once, as a gather would be.
  const dense = { ...inputGrad, ...contiguous(inputGrad) };
  const sums = new Float64Array(run.batch * dense.imageStride);
  eachPixel(outputGrad, run.batch, (image, outY, outX) => {
    const grad = elementIndex(outputGrad, image, outY, outX);
    eachTap(record, inputGrad, outY, outX, (y, x, tap) => {
      for (let o = 0; o < outputGrad.channels; o++) {
        const to = elementIndex(dense, image, y, x) + Math.floor(o / outChannels) * inChannels;
        const column = weight + tap * inChannels * outputGrad.channels + o;
        for (let i = 0; i < inChannels; i++) sums[to + i] += floats[grad + o] * floats[column + i * outputGrad.channels];
      }
    });
  });
  eachPixel(inputGrad, run.batch, (image, y, x) => {
    const to = elementIndex(inputGrad, image, y, x);
    const from = elementIndex(dense, image, y, x);
    for (let i = 0; i < inputGrad.channels; i++) floats[to + i] = (record.write === Write.add ? floats[to + i] : 0) + sums[from + i];
  });
};

/** weightGrad, biasGrad (null: none) ← or += (run header) Σ over batch and pixels of input · outputGrad, of outputGrad. */
export const conv2dWeightGrad: PlainKernel<"conv2dWeightGrad"> = (record, { floats, run }) => {
  const { input, outputGrad } = record;
  const biasGrad = record.biasGrad as number | null;
  const [inChannels, outChannels] = [input.channels / record.groups, outputGrad.channels / record.groups];
  const weightSums = new Float64Array(record.windowHeight * record.windowWidth * inChannels * outputGrad.channels);
  const biasSums = new Float64Array(outputGrad.channels);
  eachPixel(outputGrad, run.batch, (image, outY, outX) => {
    const grad = elementIndex(outputGrad, image, outY, outX);
    for (let o = 0; o < outputGrad.channels; o++) biasSums[o] += floats[grad + o];
    eachTap(record, input, outY, outX, (y, x, tap) => {
      for (let o = 0; o < outputGrad.channels; o++) {
        const from = elementIndex(input, image, y, x) + Math.floor(o / outChannels) * inChannels;
        const column = tap * inChannels * outputGrad.channels + o;
        for (let i = 0; i < inChannels; i++) weightSums[column + i * outputGrad.channels] += floats[from + i] * floats[grad + o];
      }
    });
  });
  const add = record.write === Write.add || run.accumulate !== 0;
  const store = (to: number, sums: Float64Array) => {
    for (let i = 0; i < sums.length; i++) floats[to + i] = (add ? floats[to + i] : 0) + sums[i];
  };
  store(record.weightGrad, weightSums);
  if (biasGrad !== null) store(biasGrad, biasSums);
};

/** The taps of output pixel (outY, outX) that lie inside the image; those outside are zero. */
function eachTap(window: Window, input: Tensor, outY: number, outX: number, visit: (y: number, x: number, tap: number) => void): void {
  for (let windowY = 0; windowY < window.windowHeight; windowY++) {
    const y = outY * window.strideY - window.padTop + windowY * window.dilationY;
    if (y < 0 || y >= input.height) continue;
    for (let windowX = 0; windowX < window.windowWidth; windowX++) {
      const x = outX * window.strideX - window.padLeft + windowX * window.dilationX;
      if (x >= 0 && x < input.width) visit(y, x, windowY * window.windowWidth + windowX);
    }
  }
}

function contiguous({ height, width, channels }: Tensor): Pick<Tensor, "base" | "pixelStride" | "rowStride" | "imageStride"> {
  return { base: 0, pixelStride: channels, rowStride: width * channels, imageStride: height * width * channels };
}
