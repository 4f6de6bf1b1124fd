/** 2x2 max pooling with stride 2 that keeps where each maximum was; and relu. NHWC, an odd last row or column is left out. */

export interface Pool2dShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * input [batch, height, width, channels] → output [batch, height >> 1, width >> 1, channels] and argmax like output: the cell, 0 … 3.
 * The first of equal values wins, NaN wins over all before it.
 */
export function maxPool2dOutput(
  { height, width, channels }: Pool2dShape,
  { input, output, argmax }: { input: Float32Array; output: Float32Array; argmax: Uint8Array },
  batch: number,
): void {
  const rowStride = width * channels;
  const outHeight = height >> 1;
  const outWidth = width >> 1;
  let to = 0;
  for (let sample = 0; sample < batch; sample++) {
    for (let outY = 0; outY < outHeight; outY++) {
      for (let outX = 0; outX < outWidth; outX++) {
        const from = (sample * height + 2 * outY) * rowStride + 2 * outX * channels;
        for (let at = from; at < from + channels; at++) {
          let largest = input[at];
          let cell = 0;
          const right = input[at + channels];
          if (right > largest || Number.isNaN(right)) {
            largest = right;
            cell = 1;
          }
          const below = input[at + rowStride];
          if (below > largest || Number.isNaN(below)) {
            largest = below;
            cell = 2;
          }
          const last = input[at + rowStride + channels];
          if (last > largest || Number.isNaN(last)) {
            largest = last;
            cell = 3;
          }
          output[to] = largest;
          argmax[to++] = cell;
        }
      }
    }
  }
}

/** outputGrad and argmax like output → inputGrad like input: windows do not overlap, so each cell is written once. */
export function maxPool2dInputGrad(
  { height, width, channels }: Pool2dShape,
  { outputGrad, argmax, inputGrad }: { outputGrad: Float32Array; argmax: Uint8Array; inputGrad: Float32Array },
  batch: number,
): void {
  const rowStride = width * channels;
  const outHeight = height >> 1;
  const outWidth = width >> 1;
  inputGrad.fill(0, 0, batch * height * rowStride);
  let from = 0;
  for (let sample = 0; sample < batch; sample++) {
    for (let outY = 0; outY < outHeight; outY++) {
      for (let outX = 0; outX < outWidth; outX++) {
        const to = (sample * height + 2 * outY) * rowStride + 2 * outX * channels;
        for (let channel = 0; channel < channels; channel++, from++) {
          const cell = argmax[from];
          inputGrad[to + channel + (cell >> 1) * rowStride + (cell & 1) * channels] = outputGrad[from];
        }
      }
    }
  }
}

/** output ← relu(input), which may be the same array; NaN stays NaN. */
export function relu(input: Float32Array, output: Float32Array, count: number): void {
  for (let index = 0; index < count; index++) {
    const value = input[index];
    output[index] = Math.max(value, 0);
  }
}

/** inputGrad ← outputGrad where relu's output is not 0; may be the same array. */
export function reluGrad(output: Float32Array, outputGrad: Float32Array, inputGrad: Float32Array, count: number): void {
  for (let index = 0; index < count; index++) inputGrad[index] = output[index] === 0 ? 0 : outputGrad[index];
}
