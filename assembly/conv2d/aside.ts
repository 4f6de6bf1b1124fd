/** Tiles that lack rows or columns: computed aside, in the scratch, and copied as far as they are valid. */
import { LANES, storeUpTo } from "../lanes";
import { Matmul, PANEL_ROW_BYTES, TABLES, WIDE_TILE_ROWS } from "../matmulPlan";
import { ASIDE, TABLE_BYTES } from "../rowView";

/** Copies a tile's pointers behind the table and turns its targets to `target` and what follows it in steps of a panel's row. */
export function setAside(matmul: Matmul, pointers: usize, target: usize): void {
  const aside = changetype<usize>(matmul) + TABLES + ASIDE;
  copyPointers(aside, pointers);
  if (matmul.addend.base != 0) copyPointers(aside + 2 * TABLE_BYTES, pointers + 2 * TABLE_BYTES);
  for (let i: usize = 0; i < <usize>WIDE_TILE_ROWS; i++) store<usize>(aside + i * sizeof<usize>(), target + i * PANEL_ROW_BYTES, TABLE_BYTES);
}

function copyPointers(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store64_lane(to, v128.load64_zero(from, 16), 0, 16);
}

/** The valid part of a tile that was computed aside. */
export function copyTile(tile: usize, pointers: usize, columnOffset: usize, validRows: i32, validColumns: i32): void {
  const rest = <usize>(validColumns - LANES) << 2;
  for (let i = 0; i < validRows; i++) {
    const to = load<usize>(pointers, TABLE_BYTES) + columnOffset;
    if (validColumns >= LANES) {
      v128.store(to, v128.load(tile));
      v128.store(to + rest, v128.load(tile + rest));
    } else storeUpTo(to, v128.load(tile), validColumns);
    tile += PANEL_ROW_BYTES;
    pointers += sizeof<usize>();
  }
}
