/**
 * 3x3 stride-1 convolution with 4x fewer products: Winograd's F(4x4, 3x3), Lavin & Gray 2015 (arXiv 1509.09308), all in float64.
 * A 6x6 input tile gives 4x4 outputs through 36 independent matrix products [tiles, inChannels] x [inChannels, outChannels].
 */
import type { Conv2dPlan, Conv2dShape } from "./conv2dPlan.ts";
import { LEFT, multiplyTile, RIGHT, image as sharedImage, panels as sharedPanels, tile as sharedTile } from "./matmul.ts";

/** Tiles that go through the products together: left panel and products stay in the second-level cache. */
const BLOCK_TILES = 16;
const PRODUCT_CELLS = 1 << 20;

const kernels = (() => {
  // `const` in here for the same reasons as in matmul.ts.
  const image = sharedImage;
  const panels = sharedPanels;
  const tile = sharedTile;
  const products = new Float64Array(PRODUCT_CELLS);
  const work = new Float64Array(36);

  /** Left panels [36][tile / 4][channel][4] ← Bᵀ d B of the 6x6 pixels at `from`, for every channel. */
  function transformInput(from: number, rowStride: number, channels: number, to: number): void {
    const two = (channels + channels) | 0;
    const positionStride = BLOCK_TILES * channels;
    for (let channel = 0; channel < channels; channel++) {
      let at = (from + channel) | 0;
      for (let row = 0; row < 36; row += 6) {
        const d0 = image[at];
        const d1 = image[(at + channels) | 0];
        const d2 = image[(at + two) | 0];
        const d3 = image[(at + two + channels) | 0];
        const d4 = image[(at + two + two) | 0];
        const d5 = image[(at + two + two + channels) | 0];
        const even = d4 - 4 * d2;
        const odd = d3 - 4 * d1;
        work[row] = 4 * d0 - 5 * d2 + d4;
        work[row + 1] = even + odd;
        work[row + 2] = even - odd;
        work[row + 3] = d4 - d2 + 2 * (d3 - d1);
        work[row + 4] = d4 - d2 - 2 * (d3 - d1);
        work[row + 5] = 4 * d1 - 5 * d3 + d5;
        at = (at + rowStride) | 0;
      }
      let position = (to + 4 * channel) | 0;
      for (let column = 0; column < 6; column++) {
        const d0 = work[column];
        const d1 = work[column + 6];
        const d2 = work[column + 12];
        const d3 = work[column + 18];
        const d4 = work[column + 24];
        const d5 = work[column + 30];
        const even = d4 - 4 * d2;
        const odd = d3 - 4 * d1;
        panels[position] = 4 * d0 - 5 * d2 + d4;
        panels[(position + 6 * positionStride) | 0] = even + odd;
        panels[(position + 12 * positionStride) | 0] = even - odd;
        panels[(position + 18 * positionStride) | 0] = d4 - d2 + 2 * (d3 - d1);
        panels[(position + 24 * positionStride) | 0] = d4 - d2 - 2 * (d3 - d1);
        panels[(position + 30 * positionStride) | 0] = 4 * d1 - 5 * d3 + d5;
        position = (position + positionStride) | 0;
      }
    }
  }

  /** products [36][tile][channel] ← the matrix products; channels here are a multiple of 4. */
  function multiply(tiles: number, depth: number, channels: number): void {
    for (let position = 0; position < 36; position++) {
      const left = LEFT + position * BLOCK_TILES * depth;
      const right = RIGHT + position * channels * depth;
      for (let channel = 0; channel < channels; channel += 4) {
        for (let first = 0; first < tiles; first += 4) {
          multiplyTile(left + first * depth, right + channel * depth, depth);
          let to = (position * BLOCK_TILES + first) * channels + channel;
          for (let from = 0; from < 16; from += 4, to += channels) {
            products[to] = tile[from];
            products[to + 1] = tile[from + 1];
            products[to + 2] = tile[from + 2];
            products[to + 3] = tile[from + 3];
          }
        }
      }
    }
  }

  /** Up to 4x4 output pixels ← Aᵀ m A of one tile and channel at products `from`. */
  function transformOutput(from: number, positionStride: number, target: OutputCorner): void {
    const { output, at, rows, columns, rowStride, pixelStride, bias, floor } = target;
    let position = from | 0;
    for (let column = 0; column < 6; column++) {
      const m0 = products[position];
      const m1 = products[(position + 6 * positionStride) | 0];
      const m2 = products[(position + 12 * positionStride) | 0];
      const m3 = products[(position + 18 * positionStride) | 0];
      const m4 = products[(position + 24 * positionStride) | 0];
      const m5 = products[(position + 30 * positionStride) | 0];
      work[column] = m0 + (m1 + m2) + (m3 + m4);
      work[column + 6] = m1 - m2 + 2 * (m3 - m4);
      work[column + 12] = m1 + m2 + 4 * (m3 + m4);
      work[column + 18] = m1 - m2 + 8 * (m3 - m4) + m5;
      position = (position + positionStride) | 0;
    }
    let to = at;
    for (let row = 0; row < 6 * rows; row += 6, to += rowStride) {
      const m1 = work[row + 1];
      const m2 = work[row + 2];
      const m3 = work[row + 3];
      const m4 = work[row + 4];
      output[to] = Math.max(work[row] + (m1 + m2) + (m3 + m4) + bias, floor);
      if (columns > 1) output[to + pixelStride] = Math.max(m1 - m2 + 2 * (m3 - m4) + bias, floor);
      if (columns > 2) output[to + 2 * pixelStride] = Math.max(m1 + m2 + 4 * (m3 + m4) + bias, floor);
      if (columns > 3) output[to + 3 * pixelStride] = Math.max(m1 - m2 + 8 * (m3 - m4) + work[row + 5] + bias, floor);
    }
  }

  return { transformInput, multiply, transformOutput };
})();

class OutputCorner {
  output: Float32Array = new Float32Array(0);
  at = 0;
  rows = 0;
  columns = 0;
  rowStride = 0;
  pixelStride = 0;
  bias = 0;
  floor = 0;
}
const corner = new OutputCorner();

/** Measured down to 16 channels on each side, where it is still about twice as fast as the direct one; fewer were not tried. */
export function winogradSuits({ window, stride, groups, inChannels, outChannels }: Conv2dShape): boolean {
  const square = window[0] === 3 && window[1] === 3 && stride === 1 && groups === 1;
  return square && inChannels >= 16 && outChannels >= 16 && 36 * BLOCK_TILES * Math.max(inChannels, outChannels + 3) <= PRODUCT_CELLS;
}

/** Right panels [36][outChannel / 4][inChannel][4] ← G g Gᵀ; weight [3, 3, inChannels, outChannels]. */
export function winogradWeight(weight: Float32Array, inChannels: number, outChannels: number): Float64Array {
  const lanes = (outChannels + 3) & ~3;
  const transformed = new Float64Array(36 * inChannels * lanes);
  const work = new Float64Array(18);
  const cellStride = inChannels * outChannels;
  for (let inChannel = 0; inChannel < inChannels; inChannel++) {
    for (let outChannel = 0; outChannel < outChannels; outChannel++) {
      const from = inChannel * outChannels + outChannel;
      for (let column = 0; column < 3; column++) {
        const at = from + column * cellStride;
        transformWeightLine(work, column, 3, weight[at], weight[at + 3 * cellStride], weight[at + 6 * cellStride]);
      }
      const to = (outChannel & ~3) * inChannels + 4 * inChannel + (outChannel & 3);
      const stride = inChannels * lanes;
      for (let row = 0; row < 6; row++)
        transformWeightLine(transformed, to + 6 * row * stride, stride, work[3 * row], work[3 * row + 1], work[3 * row + 2]);
    }
  }
  return transformed;
}

function transformWeightLine(to: Float64Array, at: number, stride: number, g0: number, g1: number, g2: number): void {
  const outer = g0 + g2;
  const wide = g0 / 24 + g2 / 6;
  to[at] = g0 / 4;
  to[at + stride] = -(outer + g1) / 6;
  to[at + 2 * stride] = -(outer - g1) / 6;
  to[at + 3 * stride] = wide + g1 / 12;
  to[at + 4 * stride] = wide - g1 / 12;
  to[at + 5 * stride] = g2;
}

/** One image from the haloed copy; the right panels hold winogradWeight. */
export function winogradOutput(
  plan: Conv2dPlan,
  { bias, output, activation }: { bias: Float32Array | null; output: Float32Array; activation?: "relu" | "none" },
  sample: number,
): void {
  const { inChannels, outChannels, outHeight, outWidth, haloedWidth } = plan;
  const lanes = (outChannels + 3) & ~3;
  const tilesAcross = (outWidth + 3) >> 2;
  const tiles = tilesAcross * ((outHeight + 3) >> 2);
  const rowStride = haloedWidth * inChannels;
  corner.output = output;
  corner.rowStride = outWidth * outChannels;
  corner.pixelStride = outChannels;
  corner.floor = activation === "relu" ? 0 : Number.NEGATIVE_INFINITY;
  for (let first = 0; first < tiles; first += BLOCK_TILES) {
    const block = Math.min(BLOCK_TILES, tiles - first);
    for (let index = 0; index < block; index++) {
      const tileY = Math.floor((first + index) / tilesAcross);
      const from = 4 * tileY * rowStride + 4 * (first + index - tileY * tilesAcross) * inChannels;
      kernels.transformInput(from, rowStride, inChannels, LEFT + (index & ~3) * inChannels + (index & 3));
    }
    kernels.multiply(block, inChannels, lanes);
    for (let index = 0; index < block; index++) {
      const outY = 4 * Math.floor((first + index) / tilesAcross);
      const outX = 4 * ((first + index) % tilesAcross);
      corner.rows = Math.min(4, outHeight - outY);
      corner.columns = Math.min(4, outWidth - outX);
      const at = ((sample * outHeight + outY) * outWidth + outX) * outChannels;
      for (let outChannel = 0; outChannel < outChannels; outChannel++) {
        corner.at = at + outChannel;
        corner.bias = bias === null ? 0 : bias[outChannel];
        kernels.transformOutput(index * lanes + outChannel, BLOCK_TILES * lanes, corner);
      }
    }
  }
}
