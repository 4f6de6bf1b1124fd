import { f32At } from "./lanes";
import { Floats, Tensor } from "./records";

/** Rows whose pointers stand in a table at one time. */
export const MAX_ROWS: i32 = 128;
/** A table: one pointer per row, and more for what the last tile lacks, or for the panels of a single row. */
export const ASIDE: usize = 512;
export const TABLE_BYTES: usize = 544;
/** What the highest tile may lack. */
const REPEATED: usize = 7;

/** Pixels of a tensor as the rows of a matrix: where each begins; steps in bytes. base 0: absent. */
@unmanaged
export class RowView {
  base: Floats;
  height: i32;
  width: i32;
  imageStep: i32;
  rowStep: i32;
  pixelStep: i32;
}

/** Sets `view` to every stepY-th, stepX-th pixel of `tensor` from (y, x) on, which may lie in the halo. */
export function viewPixels(view: RowView, tensor: Tensor, y: i32, x: i32, stepY: i32, stepX: i32): void {
  view.base = f32At(tensor.base, y * tensor.rowStride + x * tensor.pixelStride);
  view.imageStep = tensor.imageStride << 2;
  view.rowStep = (stepY * tensor.rowStride) << 2;
  view.pixelStep = (stepX * tensor.pixelStride) << 2;
}

/** Writes the pointers of `count` rows from firstRow on; the last is repeated to fill a tile. */
export function fillPointers(table: usize, view: RowView, firstRow: i32, count: i32): void {
  // The only row of a dense layer for one sample: it is found without a division.
  if (firstRow + count == 1) {
    store<usize>(table, view.base);
    return repeat(table + sizeof<usize>(), view.base);
  }
  const line = firstRow == 0 ? 0 : firstRow / view.width;
  const step = view.pixelStep;
  let image = line == 0 ? 0 : line / view.height;
  let y = line - image * view.height;
  let x = firstRow - line * view.width;
  let ptr: usize = 0;
  while (count > 0) {
    const inLine = min(count, view.width - x);
    ptr = view.base + image * view.imageStep + y * view.rowStep + x * step;
    for (const end = table + (<usize>inLine << 2); table < end; table += sizeof<usize>()) {
      store<usize>(table, ptr);
      ptr += step;
    }
    count -= inLine;
    x = 0;
    if (++y < view.height) continue;
    y = 0;
    image++;
  }
  repeat(table, ptr - step);
}

// @ts-ignore: decorator
@inline
function repeat(table: usize, ptr: usize): void {
  for (let i: usize = 0; i < REPEATED; i++) store<usize>(table + i * sizeof<usize>(), ptr);
}
