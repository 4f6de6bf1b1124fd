import type { Tensor } from "../../../build/records.ts";

/** Index of channel 0 of a pixel; (y, x) may lie in the halo. */
export function elementIndex(tensor: Tensor, image: number, y: number, x: number): number {
  return tensor.base + image * tensor.imageStride + y * tensor.rowStride + x * tensor.pixelStride;
}
