import { Tensor } from "./records";
import { f32At } from "./lanes";

/** Address of channel 0 of a pixel; (y, x) may lie in the halo. */
// @ts-ignore: decorator
@inline
export function pixelPtr(tensor: Tensor, image: i32, y: i32, x: i32): usize {
  return f32At(tensor.base, image * tensor.imageStride + y * tensor.rowStride + x * tensor.pixelStride);
}

/** Whether the pixels of a row stand one behind the other: the row is then one run of width · channels elements. */
// @ts-ignore: decorator
@inline
export function hasWholeRows(tensor: Tensor): bool {
  return tensor.pixelStride == tensor.channels;
}
