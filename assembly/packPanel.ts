import { LANES, f32At } from "./lanes";
import { TILE_COLUMNS } from "./matmulPlan";
import { PackWeights } from "./records";
import { lanesBelow } from "./runs";

/**
 * to [depth][8] ← columns from `column` on of one tap's weights [inChannels, outChannels] of a group, which begin at `from`; missing columns are 0.
 * Columns are outChannels; for the inverse, the input gradient, inChannels.
 */
export function packPanel(record: PackWeights, inverse: bool, from: usize, column: i32, to: usize): void {
  const inChannels = record.inChannels / record.groups;
  const outChannels = record.outChannels / record.groups;
  if (inverse) packAcross(f32At(from, column * record.outChannels), to, outChannels, min(TILE_COLUMNS, inChannels - column), record.outChannels);
  else packAlong(f32At(from, column), to, inChannels, min(TILE_COLUMNS, outChannels - column), record.outChannels);
}

/** to [depth][8] ← from [depth][rowStride], the first `count` columns of each row. */
function packAlong(from: usize, to: usize, depth: i32, count: i32, rowStride: i32): void {
  const own = lanesBelow(count);
  const ownBehind = lanesBelow(count - LANES);
  for (let k = 0; k < depth; k++) {
    v128.store(to, v128.and(own, v128.load(from)));
    v128.store(to, v128.and(ownBehind, v128.load(from, 16)), 16);
    from = f32At(from, rowStride);
    to = f32At(to, TILE_COLUMNS);
  }
}

/** to [depth][8] ← the transpose of from [8][rowStride]: `count` rows of `depth` columns. */
function packAcross(from: usize, to: usize, depth: i32, count: i32, rowStride: i32): void {
  let k = 0;
  if (count == TILE_COLUMNS) {
    for (; k + 4 <= depth; k += 4) {
      transpose4x4(f32At(from, k), f32At(to, k * TILE_COLUMNS), rowStride);
      transpose4x4(f32At(from, 4 * rowStride + k), f32At(to, k * TILE_COLUMNS + 4), rowStride);
    }
  }
  for (; k < depth; k++) {
    for (let column = 0; column < TILE_COLUMNS; column++) {
      store<f32>(f32At(to, k * TILE_COLUMNS + column), column < count ? load<f32>(f32At(from, column * rowStride + k)) : 0);
    }
  }
}

function transpose4x4(from: usize, to: usize, rowStride: i32): void {
  const r0 = v128.load(from);
  const r1 = v128.load(f32At(from, rowStride));
  const r2 = v128.load(f32At(from, 2 * rowStride));
  const r3 = v128.load(f32At(from, 3 * rowStride));
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 96);
}
