import { product4x8, product6x8 } from "../../build/assembly/tiles";
import { FUSES } from "../lanes";
import { TILE_ROWS, WIDE_TILE_ROWS } from "../matmulPlan";

/**
 * to [rows][8] ← a [rows][depth] · panel [depth][8]; rows `aStep` and `toStep` bytes apart. Rows are computed by whole tiles: up to 3 more
 * than asked for are read and written.
 */
export function multiplyRows(a: usize, aStep: usize, rows: i32, panel: usize, depth: i32, to: usize, toStep: usize): void {
  if (FUSES) {
    for (; rows > TILE_ROWS && rows != 2 * TILE_ROWS; rows -= WIDE_TILE_ROWS) {
      product6x8(a, aStep, panel, depth, to, toStep);
      a += WIDE_TILE_ROWS * aStep;
      to += WIDE_TILE_ROWS * toStep;
    }
  }
  for (; rows > 0; rows -= TILE_ROWS) {
    product4x8(a, aStep, panel, depth, to, toStep);
    a += TILE_ROWS * aStep;
    to += TILE_ROWS * toStep;
  }
}
