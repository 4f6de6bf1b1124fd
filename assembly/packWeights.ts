import { f32At } from "./lanes";
import { TILE_COLUMNS } from "./matmulPlan";
import { packPanel } from "./packPanel";
import { packWinograd } from "./packWinograd";
import { PackWeights, Panels } from "./records";

/**
 * panels ← weight [windowHeight, windowWidth, inChannels / groups, outChannels], 8 columns to a panel; missing columns are 0.
 * output: [group][outChannel / 8][windowY][windowX][inChannel][8]; inputGrad: [group][inChannel / 8][flipped windowY][flipped windowX]
 * [outChannel][8], flipped because the input gradient reads outputGrad upwards, from the last tap to the first.
 */
export function packWeights(record: PackWeights, thread: i32, threads: i32): void {
  pack(record, record.layout == Panels.inputGrad || record.layout == Panels.winogradInputGrad, thread, threads);
}

/** The layouts that inference reads: the compiler leaves out what the others take. */
export function packOutputWeights(record: PackWeights, thread: i32, threads: i32): void {
  pack(record, false, thread, threads);
}

function pack(record: PackWeights, inverse: bool, thread: i32, threads: i32): void {
  if (record.layout >= Panels.winogradOutput) return packWinograd(record, inverse, thread, threads);
  const inChannels = record.inChannels / record.groups;
  const outChannels = record.outChannels / record.groups;
  const taps = record.windowHeight * record.windowWidth;
  const columns = inverse ? inChannels : outChannels;
  const depth = inverse ? outChannels : inChannels;
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  for (let block = thread; block < record.groups * panels * taps; block += threads) {
    const groupPanel = block / taps;
    const tap = block - groupPanel * taps;
    const group = groupPanel / panels;
    const column = (groupPanel - group * panels) * TILE_COLUMNS;
    const to = f32At(record.panels, block * depth * TILE_COLUMNS);
    const fromTap = inverse ? taps - 1 - tap : tap;
    const from = f32At(record.weight, fromTap * inChannels * record.outChannels + group * outChannels);
    packPanel(record, inverse, from, column, to);
  }
}
