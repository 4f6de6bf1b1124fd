/** Tiles of 5 to 7 columns: computed aside, in the scratch, and copied as far as they are valid. */
import { LANES } from "../lanes";
import { PANEL_ROW_BYTES } from "../matmulPlan";
import { TABLE_BYTES } from "../rowView";

/** The valid part of a tile of `rows` rows. */
export function copyTile(tile: usize, pointers: usize, columnOffset: usize, rows: i32, validColumns: i32): void {
  const rest = <usize>(validColumns - LANES) << 2;
  for (let i = 0; i < rows; i++) {
    const to = load<usize>(pointers, TABLE_BYTES) + columnOffset;
    v128.store(to, v128.load(tile));
    v128.store(to + rest, v128.load(tile + rest));
    tile += PANEL_ROW_BYTES;
    pointers += sizeof<usize>();
  }
}
