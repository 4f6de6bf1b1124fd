import { f32At } from "./lanes";
import { panelPositionStep } from "./conv2d/winograd";
import { weightLine } from "./conv2d/winogradLines";
import { PANEL_ROW_BYTES, TILE_COLUMNS } from "./matmulPlan";
import { packPanel } from "./packPanel";
import { PackWeights } from "./records";

/**
 * panels [36][column / 8][k][8] ← G g Gᵀ of weight [3, 3, inChannels, outChannels]; missing columns are 0, and each position ends
 * with a gap. output: columns are outChannels, k inChannels; inputGrad: the other way round, and the window is flipped.
 * The taps are packed as they are into the first 3 of 6 rows and columns of positions, and transformed from there, 6 positions at a time:
 * processors foresee a dozen streams. Writing all 36 at once takes up to twice as long.
 */
export function packWinograd(record: PackWeights, flipped: bool, thread: i32, threads: i32): void {
  const columns = flipped ? record.inChannels : record.outChannels;
  const depth = flipped ? record.outChannels : record.inChannels;
  const step = panelPositionStep(columns, depth);
  const bytes = depth * PANEL_ROW_BYTES;
  for (let column = thread * TILE_COLUMNS; column < columns; column += threads * TILE_COLUMNS) {
    const panel = record.panels + (column / TILE_COLUMNS) * bytes;
    for (let tap = 0; tap < 9; tap++) {
      const from = f32At(record.weight, (flipped ? 8 - tap : tap) * record.inChannels * record.outChannels);
      packPanel(record, flipped, from, column, panel + (tap + 3 * (tap / 3)) * step);
    }
    for (let x = 0; x < 3; x++) transformLine(panel + x * step, bytes, 6 * step);
    for (let y = 0; y < 6; y++) transformLine(panel + 6 * y * step, bytes, step);
  }
}

/** 6 positions ← weightLine of the first 3. */
function transformLine(at: usize, bytes: usize, step: i32): void {
  for (const end = at + bytes; at < end; at += 16) weightLine(v128.load(at), v128.load(at + step), v128.load(at + 2 * step), at, step);
}
