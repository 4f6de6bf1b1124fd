/**
 * The inner loop of the baseline: 4x4 sums of products over packed panels. It carries convolutions, dense layers and their gradients.
 *
 * A panel holds lanes (rows of the left matrix, columns of the right one) in tiles of four: [tile][step][4], float64.
 * Three things make it about 1.6 times as fast as the same tile over float32 panels passed as arguments (medians of two short runs in Node 20,
 * 7.9 and 4.9 GFLOP/s):
 * - the arrays are `const` in a closure that is made once: V8 then knows address and length while it compiles, and a load is a compare and
 *   a move. (At the top of a module a bundler turns `const` into `var`, and V8 loads both again at every access.)
 * - the panels are float64: a float32 load is a load and a conversion.
 * - a store to `fence` after each column. Without it V8 puts all loads first, then all products, then all sums, so that accumulators
 *   live on the stack and every step waits for its stores to come back.
 * Tiles with fences, depth 576, median GFLOP/s in Node 20 / 24, one run each: 4x4 7.9 / 8.1, 3x3 7.8 / 7.7, 2x5 7.7 / 7.9, 2x6 7.2 / 7.0,
 * 3x4 7.1 / 7.1, 2x4 4.1 / 8.3, 1x8 3.7 / 6.1. With two steps in the loop 4x4 8.1 / 8.3, 2x4 8.1 / 8.2, 3x3 8.5 / 8.5, 2x5 8.3 / 8.7: the last
 * two do not divide the usual channel counts, and the first two are not worth an odd step at the end. Math.fround on each operation
 * (4x4, no fences): 2.5 / 2.5 against 4.9 / 5.3 without.
 */

/** Panels start at these elements and may take that many. */
export const LEFT = 0;
export const LEFT_CELLS = 1 << 20;
export const RIGHT = LEFT_CELLS;
export const RIGHT_CELLS = 3 << 20;
/** Room for one haloed image. */
export const IMAGE_CELLS = 1 << 20;

/** element (step, lane) = source[at + step * stepStride + lane * laneStride] */
export interface MatrixView {
  source: Float32Array;
  at: number;
  stepStride: number;
  laneStride: number;
}

/** An output pixel's patch is the elements pixelBase[pixel] + patchOffset[k] of the haloed image. */
export interface PatchTables {
  readonly pixelBase: Int32Array;
  readonly patchOffset: Int32Array;
}

/** Where tiles go: a matrix [rows, columns] inside `output`, plus what is applied on the way. Reused from call to call. */
export class TileTarget {
  output: Float32Array = new Float32Array(0);
  at = 0;
  rowStride = 0;
  rows = 0;
  columns = 0;
  bias: Float32Array | null = null;
  biasAt = 0;
  relu = false;
}

const kernels = (() => {
  const panels = new Float64Array(LEFT_CELLS + RIGHT_CELLS);
  const image = new Float64Array(IMAGE_CELLS);
  const tile = new Float64Array(16);
  const fence = new Int32Array(32);

  /** tile [4, 4] ← the sum over depth steps of left lanes x right lanes. */
  function multiplyTile(leftAt: number, rightAt: number, depth: number): void {
    let sum00 = 0;
    let sum01 = 0;
    let sum02 = 0;
    let sum03 = 0;
    let sum10 = 0;
    let sum11 = 0;
    let sum12 = 0;
    let sum13 = 0;
    let sum20 = 0;
    let sum21 = 0;
    let sum22 = 0;
    let sum23 = 0;
    let sum30 = 0;
    let sum31 = 0;
    let sum32 = 0;
    let sum33 = 0;
    const end = (leftAt + 4 * depth) | 0;
    let right = rightAt | 0;
    for (let left = leftAt | 0; left < end; left = (left + 4) | 0) {
      const left0 = panels[left];
      const left1 = panels[(left + 1) | 0];
      const left2 = panels[(left + 2) | 0];
      const left3 = panels[(left + 3) | 0];
      const right0 = panels[right];
      sum00 += left0 * right0;
      sum10 += left1 * right0;
      sum20 += left2 * right0;
      sum30 += left3 * right0;
      fence[0] = left;
      const right1 = panels[(right + 1) | 0];
      sum01 += left0 * right1;
      sum11 += left1 * right1;
      sum21 += left2 * right1;
      sum31 += left3 * right1;
      fence[1] = left;
      const right2 = panels[(right + 2) | 0];
      sum02 += left0 * right2;
      sum12 += left1 * right2;
      sum22 += left2 * right2;
      sum32 += left3 * right2;
      fence[2] = left;
      const right3 = panels[(right + 3) | 0];
      sum03 += left0 * right3;
      sum13 += left1 * right3;
      sum23 += left2 * right3;
      sum33 += left3 * right3;
      right = (right + 4) | 0;
    }
    tile[0] = sum00;
    tile[1] = sum01;
    tile[2] = sum02;
    tile[3] = sum03;
    tile[4] = sum10;
    tile[5] = sum11;
    tile[6] = sum12;
    tile[7] = sum13;
    tile[8] = sum20;
    tile[9] = sum21;
    tile[10] = sum22;
    tile[11] = sum23;
    tile[12] = sum30;
    tile[13] = sum31;
    tile[14] = sum32;
    tile[15] = sum33;
  }

  /** Lanes first … first + lanes of a matrix; the last tile is filled up with zeros. */
  function packMatrix(view: MatrixView, { first, lanes, depth }: { first: number; lanes: number; depth: number }, panelAt: number): void {
    const { source, at, stepStride, laneStride } = view;
    for (let lane = 0; lane < lanes; lane += 4) {
      const valid = Math.min(4, lanes - lane);
      let from = at + (first + lane) * laneStride;
      let to = panelAt + lane * depth;
      for (let step = 0; step < depth; step++, from += stepStride, to += 4) {
        panels[to] = source[from];
        panels[to + 1] = valid > 1 ? source[from + laneStride] : 0;
        panels[to + 2] = valid > 2 ? source[from + 2 * laneStride] : 0;
        panels[to + 3] = valid > 3 ? source[from + 3 * laneStride] : 0;
      }
    }
  }

  /** Lanes are output pixels, steps patch elements: what a convolution's output sums over. The last pixel fills the last tile up. */
  function packPatches({ pixelBase, patchOffset }: PatchTables, firstPixel: number, endPixel: number, panelAt: number): void {
    const depth = patchOffset.length;
    let to = panelAt;
    for (let pixel = firstPixel; pixel < endPixel; pixel += 4) {
      const base0 = pixelBase[pixel];
      const base1 = pixelBase[Math.min(pixel + 1, endPixel - 1)];
      const base2 = pixelBase[Math.min(pixel + 2, endPixel - 1)];
      const base3 = pixelBase[Math.min(pixel + 3, endPixel - 1)];
      for (let step = 0; step < depth; step++) {
        const offset = patchOffset[step];
        panels[to] = image[(base0 + offset) | 0];
        panels[(to + 1) | 0] = image[(base1 + offset) | 0];
        panels[(to + 2) | 0] = image[(base2 + offset) | 0];
        panels[(to + 3) | 0] = image[(base3 + offset) | 0];
        to = (to + 4) | 0;
      }
    }
  }

  /** Lanes are four patch elements, steps output pixels: what a weight gradient sums over. The last element fills the tile up. */
  function packPatchElements({ pixelBase, patchOffset }: PatchTables, element: number, firstPixel: number, endPixel: number): void {
    const last = patchOffset.length - 1;
    const offset0 = patchOffset[element];
    const offset1 = patchOffset[Math.min(element + 1, last)];
    const offset2 = patchOffset[Math.min(element + 2, last)];
    const offset3 = patchOffset[Math.min(element + 3, last)];
    let to = LEFT;
    for (let pixel = firstPixel; pixel < endPixel; pixel++) {
      const base = pixelBase[pixel];
      panels[to] = image[(base + offset0) | 0];
      panels[(to + 1) | 0] = image[(base + offset1) | 0];
      panels[(to + 2) | 0] = image[(base + offset2) | 0];
      panels[(to + 3) | 0] = image[(base + offset3) | 0];
      to = (to + 4) | 0;
    }
  }

  /** image[patch of pixel row] += tile: rows are output pixels, columns patch elements. */
  function scatterTile({ pixelBase, patchOffset }: PatchTables, row: number, endRow: number, column: number): void {
    const rows = Math.min(4, endRow - row);
    const columns = Math.min(4, patchOffset.length - column);
    for (let j = 0; j < columns; j++) {
      const offset = patchOffset[column + j];
      for (let i = 0; i < rows; i++) image[pixelBase[row + i] + offset] += tile[4 * i + j];
    }
  }

  /** output ← tile + bias, through relu if asked for; NaN stays NaN. */
  function storeTile(target: TileTarget, row: number, column: number): void {
    const { output, rowStride, bias } = target;
    const floor = target.relu ? 0 : Number.NEGATIVE_INFINITY;
    const rows = Math.min(4, target.rows - row);
    let at = target.at + row * rowStride + column;
    if (column + 4 > target.columns) {
      storeEdge(target, row, column);
      return;
    }
    const biasAt = target.biasAt + column;
    const bias0 = bias === null ? 0 : bias[biasAt];
    const bias1 = bias === null ? 0 : bias[biasAt + 1];
    const bias2 = bias === null ? 0 : bias[biasAt + 2];
    const bias3 = bias === null ? 0 : bias[biasAt + 3];
    for (let from = 0; from < 4 * rows; from += 4, at += rowStride) {
      const sum0 = tile[from] + bias0;
      const sum1 = tile[from + 1] + bias1;
      const sum2 = tile[from + 2] + bias2;
      const sum3 = tile[from + 3] + bias3;
      output[at] = Math.max(sum0, floor);
      output[at + 1] = Math.max(sum1, floor);
      output[at + 2] = Math.max(sum2, floor);
      output[at + 3] = Math.max(sum3, floor);
    }
  }

  /** The last one to three columns. */
  function storeEdge(target: TileTarget, row: number, column: number): void {
    const { output, rowStride, bias, relu } = target;
    const at = target.at + row * rowStride + column;
    for (let j = 0; j < target.columns - column; j++) {
      const add = bias === null ? 0 : bias[target.biasAt + column + j];
      for (let i = 0; i < Math.min(4, target.rows - row); i++) {
        const sum = tile[4 * i + j] + add;
        output[at + i * rowStride + j] = relu && sum < 0 ? 0 : sum;
      }
    }
  }

  /** output += tile. */
  function addTile(target: TileTarget, row: number, column: number): void {
    const { output, rowStride } = target;
    const rows = Math.min(4, target.rows - row);
    const columns = Math.min(4, target.columns - column);
    let at = target.at + row * rowStride + column;
    for (let from = 0; from < 4 * rows; from += 4, at += rowStride) {
      if (columns === 4) {
        output[at] += tile[from];
        output[at + 1] += tile[from + 1];
        output[at + 2] += tile[from + 2];
        output[at + 3] += tile[from + 3];
      } else {
        for (let j = 0; j < columns; j++) output[at + j] += tile[from + j];
      }
    }
  }

  return { panels, image, tile, multiplyTile, packMatrix, packPatches, packPatchElements, scatterTile, storeTile, addTile };
})();

export const { panels, image, tile, multiplyTile, packMatrix, packPatches, packPatchElements, scatterTile, storeTile, addTile } = kernels;
