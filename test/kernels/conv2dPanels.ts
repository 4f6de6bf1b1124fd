/** Packed weights by the definition of their layout. */
import { Panels } from "../../build/records.ts";
import type { Geometry } from "./conv2dCase.ts";

const COLUMNS = 8;

/**
 * Of weight [windowHeight, windowWidth, inChannels / groups, outChannels],
 * output: [group][outChannel / 8][windowY][windowX][inChannel][8 outChannels];
 * inputGrad: [group][inChannel / 8][flipped windowY][flipped windowX][outChannel][8 inChannels]. Missing columns are 0.
 */
export function panelsOf(weight: Float64Array, { window, groups = 1, ...geometry }: Geometry, layout: number): Float64Array {
  const taps = window[0] * window[1];
  const [inChannels, outChannels] = [geometry.inChannels / groups, geometry.outChannels / groups];
  const flipped = layout === Panels.inputGrad;
  const [columns, depth] = flipped ? [inChannels, outChannels] : [outChannels, inChannels];
  const panels: number[] = [];
  for (let group = 0; group < groups; group++) {
    for (let firstColumn = 0; firstColumn < columns; firstColumn += COLUMNS) {
      for (let tap = 0; tap < taps; tap++) {
        for (let k = 0; k < depth; k++) {
          for (let column = firstColumn; column < firstColumn + COLUMNS; column++) {
            const [inChannel, outChannel] = flipped ? [column, k] : [k, column];
            const from = ((flipped ? taps - 1 - tap : tap) * inChannels + inChannel) * geometry.outChannels + group * outChannels + outChannel;
            panels.push(column < columns ? weight[from] : 0);
          }
        }
      }
    }
  }
  return Float64Array.from(panels);
}

/** G of F(4x4, 3x3) at the points 0, ±√½, ±√2, ∞. */
const TRANSFORM = [
  [1, 0, 0],
  [-2 / 3, -Math.SQRT2 / 3, -1 / 3],
  [-2 / 3, Math.SQRT2 / 3, -1 / 3],
  [1 / 6, Math.SQRT2 / 6, 1 / 3],
  [1 / 6, -Math.SQRT2 / 6, 1 / 3],
  [0, 0, 1],
];
/** Floats behind a position, which nobody writes. */
const GAP = new Array<number>(16).fill(Number.NaN);

/** Of weight [3, 3, inChannels, outChannels], [36][column / 8][k][8] ← G g Gᵀ; columns are outChannels, or with the window flipped inChannels. */
export function winogradPanelsOf(weight: Float64Array, { inChannels, outChannels }: Geometry, layout: number): Float64Array {
  const flipped = layout === Panels.winogradInputGrad;
  const [columns, depth] = flipped ? [inChannels, outChannels] : [outChannels, inChannels];
  const transformed = (row: readonly number[], across: readonly number[], k: number, column: number) => {
    const cell = flipped ? column * outChannels + k : k * outChannels + column;
    const tap = (index: number) => weight[(flipped ? 8 - index : index) * inChannels * outChannels + cell];
    let sum = 0;
    for (let index = 0; index < 9; index++) sum += row[Math.floor(index / 3)] * across[index % 3] * tap(index);
    return sum;
  };
  const panels: number[] = [];
  for (const row of TRANSFORM) {
    for (const across of TRANSFORM) {
      for (let first = 0; first < columns; first += COLUMNS) {
        for (let k = 0; k < depth; k++) {
          for (let column = first; column < first + COLUMNS; column++) panels.push(column < columns ? transformed(row, across, k, column) : 0);
        }
      }
      panels.push(...GAP);
    }
  }
  return Float64Array.from(panels);
}
