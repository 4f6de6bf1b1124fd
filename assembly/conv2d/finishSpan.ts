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

/** The last three pixels of a span of fewer channels than lanes, which follow each other without a gap. */
export function storeEnd(to: usize, step: usize, a: v128, b: v128, c: v128, lanes: i32): void {
  if (lanes == 1) {
    v128.store_lane<u32>(to, a, 0);
    v128.store_lane<u32>(to + step, b, 0);
  } else {
    v128.store(to, a);
    v128.store(to + step, b);
  }
  storeUpTo(to + 2 * step, c, lanes);
}
