import { f32At } from "./lanes";
import { Floats, Tensor } from "./records";

/** Rows whose pointers stand in a table at one time. */
export const MAX_ROWS: i32 = 128;
/** A table: one pointer per row, and six more for a tile that is computed aside. */
export const ASIDE: usize = 512;
export const TABLE_BYTES: usize = 544;
/** What the highest tile may lack. */
const REPEATED: usize = 5;

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
  const pixels = view.height * view.width;
  let image = firstRow / pixels;
  let y = (firstRow - image * pixels) / view.width;
  let x = firstRow - image * pixels - y * view.width;
  let ptr = view.base + image * view.imageStep + y * view.rowStep + x * view.pixelStep;
  const end = table + (<usize>count + REPEATED) * sizeof<usize>();
  for (let left = count; table < end; table += sizeof<usize>()) {
    store<usize>(table, ptr);
    if (--left <= 0) continue;
    if (++x < view.width) {
      ptr += view.pixelStep;
      continue;
    }
    x = 0;
    if (++y == view.height) {
      y = 0;
      image++;
    }
    ptr = view.base + image * view.imageStep + y * view.rowStep;
  }
}
