import { Panels } from "../../../build/records.ts";
import type { Decoded } from "../records.ts";
import type { PlainKernel } from "./memory.ts";

const COLUMNS = 8;

/**
 * panels ← weight [windowHeight, windowWidth, inChannels / groups, outChannels].
 * output: [group][outChannel / 8][windowY][windowX][inChannel][8 outChannels];
 * inputGrad: [group][inChannel / 8][flipped windowY][flipped windowX][outChannel][8 inChannels]. Missing columns are 0.
 */
export const packWeights: PlainKernel<"packWeights"> = (record, { floats }) => {
  if (record.layout >= Panels.winogradOutput) return packWinograd(record, floats);
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

/** G of F(4x4, 3x3) at the points 0, ±√½, ±√2, ∞. */
const [THIRD, SIXTH, ROOT] = [1 / 3, 1 / 6, Math.SQRT2];
const TRANSFORM = [
  [1, 0, 0],
  [-2 * THIRD, -ROOT * THIRD, -THIRD],
  [-2 * THIRD, ROOT * THIRD, -THIRD],
  [SIXTH, ROOT * SIXTH, THIRD],
  [SIXTH, -ROOT * SIXTH, THIRD],
  [0, 0, 1],
];
/** Floats between two positions. */
const GAP = 16;

/** panels [36][column / 8][k][8] ← G g Gᵀ; columns are outChannels, or with the window flipped inChannels. */
function packWinograd(record: Decoded<"packWeights">, floats: Float32Array | Float64Array): void {
  const { inChannels, outChannels } = record;
  const flipped = record.layout === Panels.winogradInputGrad;
  const [columns, depth] = flipped ? [inChannels, outChannels] : [outChannels, inChannels];
  let to = record.panels;
  for (const rowOf of TRANSFORM) {
    for (const columnOf of TRANSFORM) {
      for (let first = 0; first < columns; first += COLUMNS) {
        for (let k = 0; k < depth; k++) {
          for (let column = first; column < first + COLUMNS; column++) {
            const cell = flipped ? column * outChannels + k : k * outChannels + column;
            let sum = 0;
            for (let tap = 0; tap < 9 && column < columns; tap++) {
              const weight = floats[record.weight + (flipped ? 8 - tap : tap) * inChannels * outChannels + cell];
              sum += rowOf[Math.floor(tap / 3)] * columnOf[tap % 3] * weight;
            }
            floats[to++] = sum;
          }
        }
      }
      to += GAP;
    }
  }
}
