import type { Tensor } from "../../../build/records.ts";

/** Index of channel 0 of a pixel; (y, x) may lie in the halo. */
export function elementIndex(tensor: Tensor, image: number, y: number, x: number): number {
  return tensor.base + image * tensor.imageStride + y * tensor.rowStride + x * tensor.pixelStride;
}

/** Visits every pixel of `batch` images of a tensor, row by row. */
export function eachPixel(tensor: Tensor, batch: number, visit: (image: number, y: number, x: number) => void): void {
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < tensor.height; y++) for (let x = 0; x < tensor.width; x++) visit(image, y, x);
  }
}
