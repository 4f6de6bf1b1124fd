/** What few depthwise convolutions need behind their sums, and the last channels of every one whose count is no multiple of 4. */
import { LANES, storeUpTo } from "../lanes";
import { clamp, leak } from "../matmul";
import { Matmul, TILE } from "../matmulPlan";

/**
 * Adds the addend to the sums of `pixels` neighbours x 4 channels in the tile, bends them and stores the first `lanes` channels. The
 * first `stored` pixels were stored before, and are not again: a pixel may be its own addend.
 */
export function finishSpan(matmul: Matmul, stored: i32, pixels: i32, to: usize, addend: usize, lanes: i32): void {
  const tile = changetype<usize>(matmul) + TILE;
  const low = f32x4.splat(matmul.low);
  const high = f32x4.splat(matmul.high);
  const alpha = f32x4.splat(matmul.alpha);
  const zero = f32x4.splat(0);
  for (let pixel = stored; pixel < pixels; pixel++) {
    let sum = v128.load(tile + (<usize>pixel << 4));
    if (addend != 0) sum = f32x4.add(sum, v128.load(addend + pixel * matmul.addend.pixelStep));
    if (matmul.leaky) sum = leak(sum, alpha, zero);
    storeUpTo(to + pixel * matmul.target.pixelStep, clamp(sum, low, high), min(lanes, LANES));
  }
}
