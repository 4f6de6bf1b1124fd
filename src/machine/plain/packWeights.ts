import { Panels } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";

const COLUMNS = 8;

/**
 * panels ← weight [windowHeight, windowWidth, inChannels / groups, outChannels].
 * output: [group][outChannel / 8][windowY][windowX][inChannel][8 outChannels];
 * inputGrad: [group][inChannel / 8][flipped windowY][flipped windowX][outChannel][8 inChannels]. Missing columns are 0.
 */
export const packWeights: PlainKernel<"packWeights"> = (record, { floats }) => {
  const { windowHeight, windowWidth, groups } = record;
  const inChannels = record.inChannels / groups;
  const outChannels = record.outChannels / groups;
  const flipped = record.layout === Panels.inputGrad;
  const [columns, depth] = flipped ? [inChannels, outChannels] : [outChannels, inChannels];
  let to = record.panels;
  for (let group = 0; group < groups; group++) {
    for (let firstColumn = 0; firstColumn < columns; firstColumn += COLUMNS) {
      for (let tap = 0; tap < windowHeight * windowWidth; tap++) {
        for (let k = 0; k < depth; k++) {
          for (let column = firstColumn; column < firstColumn + COLUMNS; column++) {
            const [inChannel, outChannel] = flipped ? [column, k] : [k, column];
            const weightTap = flipped ? windowHeight * windowWidth - 1 - tap : tap;
            const from = record.weight + (weightTap * inChannels + inChannel) * record.outChannels + group * outChannels + outChannel;
            floats[to++] = column < columns ? floats[from] : 0;
          }
        }
      }
    }
  }
};
