import { multiplyAdd } from "../lanes";
import { PANEL_ROW_BYTES } from "../matmulPlan";

/**
 * to [4 · quads][8] ← a [4 · quads][depth] · panel [depth][8]; rows `aStep` and `toStep` bytes apart. The loop over k is formed
 * as in tile4x8, without its segments, pointer tables and bending, which would cost a tenth of the time at 64 channels.
 */
export function multiplyQuads(a: usize, aStep: usize, quads: i32, panel: usize, depth: i32, to: usize, toStep: usize): void {
  do {
    multiplyQuad(a, aStep, panel, depth, to, toStep);
    a += 4 * aStep;
    to += 4 * toStep;
  } while (--quads);
}

// @ts-ignore: decorator
@inline
function multiplyQuad(a0: usize, aStep: usize, panel: usize, k: i32, to: usize, toStep: usize): void {
  let a1 = a0 + aStep;
  let a2 = a1 + aStep;
  let a3 = a2 + aStep;
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let b0: v128, b1: v128, a: v128;
  while (true) {
    b0 = v128.load(panel);
    b1 = v128.load(panel, 16);
    a = v128.load32_splat(a0);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(a1);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(a2);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(a3);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 1) break;
    b0 = v128.load(panel, 32);
    b1 = v128.load(panel, 48);
    a = v128.load32_splat(a0, 4);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(a1, 4);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(a2, 4);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(a3, 4);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 2) break;
    b0 = v128.load(panel, 64);
    b1 = v128.load(panel, 80);
    a = v128.load32_splat(a0, 8);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(a1, 8);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(a2, 8);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(a3, 8);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 3) break;
    b0 = v128.load(panel, 96);
    b1 = v128.load(panel, 112);
    a = v128.load32_splat(a0, 12);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(a1, 12);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(a2, 12);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(a3, 12);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    k -= 4;
    if (k == 0) break;
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    panel += 4 * PANEL_ROW_BYTES;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  to += toStep;
  v128.store(to, c10);
  v128.store(to, c11, 16);
  to += toStep;
  v128.store(to, c20);
  v128.store(to, c21, 16);
  to += toStep;
  v128.store(to, c30);
  v128.store(to, c31, 16);
}
