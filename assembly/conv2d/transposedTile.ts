import { multiplyAdd } from "../lanes";

/**
 * to [4][8] ← or += Σ over k of strip [k][4] ⊗ panel [k][8]; rows stripStep, panelStep and step bytes apart.
 * The loop is formed as in tile4x8.
 */
export function transposedTile(
  strip: usize, stripStep: usize, panel: usize, panelStep: usize, k: i32, to: usize, step: usize, add: bool,
): void {
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
    a = v128.load32_splat(strip);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(strip, 4);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(strip, 8);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(strip, 12);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 1) break;
    strip += stripStep;
    panel += panelStep;
    b0 = v128.load(panel);
    b1 = v128.load(panel, 16);
    a = v128.load32_splat(strip);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(strip, 4);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(strip, 8);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(strip, 12);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 2) break;
    strip += stripStep;
    panel += panelStep;
    b0 = v128.load(panel);
    b1 = v128.load(panel, 16);
    a = v128.load32_splat(strip);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(strip, 4);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(strip, 8);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(strip, 12);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    if (k == 3) break;
    strip += stripStep;
    panel += panelStep;
    b0 = v128.load(panel);
    b1 = v128.load(panel, 16);
    a = v128.load32_splat(strip);
    c00 = multiplyAdd(a, b0, c00);
    c01 = multiplyAdd(a, b1, c01);
    a = v128.load32_splat(strip, 4);
    c10 = multiplyAdd(a, b0, c10);
    c11 = multiplyAdd(a, b1, c11);
    a = v128.load32_splat(strip, 8);
    c20 = multiplyAdd(a, b0, c20);
    c21 = multiplyAdd(a, b1, c21);
    a = v128.load32_splat(strip, 12);
    c30 = multiplyAdd(a, b0, c30);
    c31 = multiplyAdd(a, b1, c31);
    k -= 4;
    if (k == 0) break;
    strip += stripStep;
    panel += panelStep;
  }
  storeSums(to, add, c00, c01);
  storeSums(to + step, add, c10, c11);
  storeSums(to + 2 * step, add, c20, c21);
  storeSums(to + 3 * step, add, c30, c31);
}

// @ts-ignore: decorator
@inline
function storeSums(to: usize, add: bool, c0: v128, c1: v128): void {
  if (add) {
    c0 = f32x4.add(v128.load(to), c0);
    c1 = f32x4.add(v128.load(to, 16), c1);
  }
  v128.store(to, c0);
  v128.store(to, c1, 16);
}
