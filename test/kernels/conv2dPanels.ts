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
