import { LANES, f32At } from "./lanes";
import { POSITIONS, panelPositionStep } from "./conv2d/winograd";
import { weightLine } from "./conv2d/winogradLines";
import { PANEL_ROW_BYTES, TILE_COLUMNS } from "./matmulPlan";
import { PackWeights } from "./records";
import { lanesBelow } from "./runs";

/**
 * panels [36][column / 8][k][8] ← G g Gᵀ of weight [3, 3, inChannels, outChannels]; missing columns are 0, and each position ends
 * with a gap. output: columns are outChannels, k inChannels; inputGrad: the other way round, and the window is flipped.
 * 4 columns are transformed at a time, in their place: the first pass leaves its 6 x 3 cells where the second reads them.
 */
export function packWinograd(record: PackWeights, flipped: bool, thread: i32, threads: i32): void {
  const columns = flipped ? record.inChannels : record.outChannels;
  const depth = flipped ? record.outChannels : record.inChannels;
  const positionStep = panelPositionStep(columns, depth);
  const panels = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  for (let half = thread; half < 2 * panels; half += threads) {
    const column = half * LANES;
    const count = min(LANES, columns - column);
    let to = record.panels + (half >> 1) * depth * PANEL_ROW_BYTES + ((half & 1) << 4);
    for (let k = 0; k < depth; k++) {
      if (flipped) transformAcross(record, column, k, count, to, positionStep);
      else transformAlong(record, k, column, count, to, positionStep);
      to += PANEL_ROW_BYTES;
    }
  }
}

/** The windows from one inChannel to `count` (at most 4, or none) outChannels. */
function transformAlong(record: PackWeights, inChannel: i32, outChannel: i32, count: i32, to: usize, positionStep: i32): void {
  const tapStep = <usize>(record.inChannels * record.outChannels) << 2;
  const own = lanesBelow(count);
  let from = f32At(record.weight, inChannel * record.outChannels + outChannel);
  let at = to;
  for (let x = 0; x < 3; x++) {
    const g0 = v128.and(own, v128.load(from));
    const g1 = v128.and(own, v128.load(from + 3 * tapStep));
    const g2 = v128.and(own, v128.load(from + 6 * tapStep));
    weightLine(g0, g1, g2, at, 6 * positionStep);
    from += tapStep;
    at += positionStep;
  }
  transformRows(to, positionStep);
}

/** The flipped windows from `count` inChannels to one outChannel. */
function transformAcross(record: PackWeights, inChannel: i32, outChannel: i32, count: i32, to: usize, positionStep: i32): void {
  const tapStep = <usize>(record.inChannels * record.outChannels) << 2;
  const step = <usize>record.outChannels << 2;
  let from = f32At(record.weight, inChannel * record.outChannels + outChannel) + 8 * tapStep;
  let at = to;
  for (let x = 0; x < 3; x++) {
    const g0 = gather(from, step, count);
    const g1 = gather(from - 3 * tapStep, step, count);
    const g2 = gather(from - 6 * tapStep, step, count);
    weightLine(g0, g1, g2, at, 6 * positionStep);
    from -= tapStep;
    at += positionStep;
  }
  transformRows(to, positionStep);
}

function transformRows(to: usize, positionStep: i32): void {
  for (const end = to + POSITIONS * positionStep; to < end; to += 6 * positionStep) {
    weightLine(v128.load(to), v128.load(to + positionStep), v128.load(to + 2 * positionStep), to, positionStep);
  }
}

/** `count` floats, `step` bytes apart; zeros behind. */
// @ts-ignore: decorator
@inline
function gather(from: usize, step: usize, count: i32): v128 {
  if (count <= 0) return f32x4.splat(0);
  let lanes = v128.load32_zero(from);
  if (count > 1) lanes = v128.load32_lane(from + step, lanes, 1);
  if (count > 2) lanes = v128.load32_lane(from + 2 * step, lanes, 2);
  if (count > 3) lanes = v128.load32_lane(from + 3 * step, lanes, 3);
  return lanes;
}
