/** Depthwise convolution: too few products per channel for the matrix product, so channels run innermost over the haloed image. */
import type { Conv2dPlan, Conv2dShape } from "./conv2dPlan.ts";
import { image as sharedImage } from "./matmul.ts";

interface Arrays {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly output: Float32Array;
  readonly activation?: "relu" | "none";
}

const WEIGHT_CELLS = 1 << 16;

const kernels = (() => {
  // `const` in here for the same reasons as in matmul.ts.
  const image = sharedImage;
  const weights = new Float64Array(WEIGHT_CELLS);
  const biases = new Float64Array(WEIGHT_CELLS);
  const fence = new Int32Array(32);

  /** weights ← [channel][cell], so that a channel's cells are neighbours. */
  function pack(weight: Float32Array, bias: Float32Array | null, channels: number): void {
    if (weight.length > WEIGHT_CELLS) throw new RangeError("depthwise: too large for the baseline");
    const cells = weight.length / channels;
    for (let cell = 0; cell < cells; cell++)
      for (let channel = 0; channel < channels; channel++) weights[channel * cells + cell] = weight[cell * channels + channel];
    if (bias === null) biases.fill(0, 0, channels);
    else biases.set(bias);
  }

  /** Four output pixels side by side, 3x3, stride 1: the 6 columns of a row serve all four. */
  function fourPixels(output: Float32Array, from: number, to: number, { channels, rowStride, floor }: Strip): void {
    const two = (channels + channels) | 0;
    const three = (two + channels) | 0;
    const nextRow = (rowStride - three - two) | 0;
    for (let channel = 0; channel < channels; channel++) {
      let sum0 = biases[channel];
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      let at = (from + channel) | 0;
      for (let cell = (9 * channel) | 0, end = (cell + 9) | 0; cell < end; cell = (cell + 3) | 0) {
        const weight0 = weights[cell];
        const weight1 = weights[(cell + 1) | 0];
        const weight2 = weights[(cell + 2) | 0];
        const input0 = image[at];
        at = (at + channels) | 0;
        const input1 = image[at];
        at = (at + channels) | 0;
        const input2 = image[at];
        sum0 += input0 * weight0;
        sum0 += input1 * weight1;
        sum1 += input1 * weight0;
        sum0 += input2 * weight2;
        sum1 += input2 * weight1;
        sum2 += input2 * weight0;
        fence[0] = at;
        at = (at + channels) | 0;
        const input3 = image[at];
        at = (at + channels) | 0;
        const input4 = image[at];
        at = (at + channels) | 0;
        const input5 = image[at];
        sum1 += input3 * weight2;
        sum2 += input3 * weight1;
        sum3 += input3 * weight0;
        sum2 += input4 * weight2;
        sum3 += input4 * weight1;
        sum3 += input5 * weight2;
        at = (at + nextRow) | 0;
      }
      const index = to + channel;
      output[index] = Math.max(sum0, floor);
      output[index + channels] = Math.max(sum1, floor);
      output[index + two] = Math.max(sum2, floor);
      output[index + three] = Math.max(sum3, floor);
    }
  }

  /** One output pixel, any window. */
  function onePixel(output: Float32Array, from: number, to: number, { channels, floor, offsets }: Strip): void {
    for (let channel = 0; channel < channels; channel++) {
      let sum = biases[channel];
      const first = channel * offsets.length;
      for (let cell = 0; cell < offsets.length; cell++) sum += image[(from + channel + offsets[cell]) | 0] * weights[(first + cell) | 0];
      output[to + channel] = Math.max(sum, floor);
    }
  }

  return { pack, fourPixels, onePixel };
})();

interface Strip {
  readonly channels: number;
  /** Elements of a haloed row. */
  readonly rowStride: number;
  /** 0 through relu, -Infinity without. */
  readonly floor: number;
  /** Of the window's cells, from its first. */
  readonly offsets: Int32Array;
}

export function depthwiseSuits({ inChannels, outChannels, groups }: Conv2dShape): boolean {
  return groups > 1 && inChannels === groups && outChannels === groups;
}

/** Reads the haloed image; weight [windowHeight, windowWidth, 1, channels] → output [batch, outHeight, outWidth, channels]. */
export function depthwiseOutput(plan: Conv2dPlan, { weight, bias, output, activation }: Arrays, sample: number): void {
  const { window, inChannels: channels, outHeight, outWidth, haloedWidth, stride } = plan;
  const { pixelBase, patchOffset: offsets } = plan.tables[0];
  if (sample === 0) kernels.pack(weight, bias, channels);
  const strip = { channels, rowStride: haloedWidth * channels, floor: activation === "relu" ? 0 : Number.NEGATIVE_INFINITY, offsets };
  const four = window[0] === 3 && window[1] === 3 && stride === 1 && outWidth >= 4;
  for (let outY = 0; outY < outHeight; outY++) {
    for (let outX = 0; outX < outWidth; outX += four ? 4 : 1) {
      // A strip that would pass the edge starts earlier and writes some pixels again.
      const pixel = outY * outWidth + (four ? Math.min(outX, outWidth - 4) : outX);
      const to = (sample * outHeight * outWidth + pixel) * channels;
      if (four) kernels.fourPixels(output, pixelBase[pixel], to, strip);
      else kernels.onePixel(output, pixelBase[pixel], to, strip);
    }
  }
}
