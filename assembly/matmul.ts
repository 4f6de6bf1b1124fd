/**
 * The matrix product under every convolution and dense layer: target [rows, columns] ← activation(bias + a · b + addend).
 * Legend: a row is an output pixel (all images), a column an output channel, k runs over what both are summed over:
 * (windowY, windowX, channel). a is never copied: a row is a pointer and k walks segments from it on. b lies in panels of 8 columns.
 * Tiles: build/assembly/tiles.ts, made by scripts/tiles.mjs. Method: XNNPACK's indirect f32 igemm (loadsplat); Dukhan, "The Indirect Convolution Algorithm", 2019.
 */
import { LANES, multiplyAdd, storeUpTo } from "./lanes";
import { Matmul, TILE_COLUMNS } from "./matmulPlan";
import { TABLE_BYTES } from "./rowView";

/** Adds the addend, bends and stores the sums of a tile's first `columns` columns, at most 8. */
// @ts-ignore: decorator
@inline
export function storeTile(
  matmul: Matmul, pointers: usize, columnOffset: usize, columns: i32,
  c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128,
): void {
  if (matmul.addend.base != 0) {
    const d0 = load<usize>(pointers, 2 * TABLE_BYTES) + columnOffset;
    const d1 = load<usize>(pointers, 2 * TABLE_BYTES + 4) + columnOffset;
    const d2 = load<usize>(pointers, 2 * TABLE_BYTES + 8) + columnOffset;
    const d3 = load<usize>(pointers, 2 * TABLE_BYTES + 12) + columnOffset;
    c00 = f32x4.add(c00, v128.load(d0));
    c01 = f32x4.add(c01, v128.load(d0, 16));
    c10 = f32x4.add(c10, v128.load(d1));
    c11 = f32x4.add(c11, v128.load(d1, 16));
    c20 = f32x4.add(c20, v128.load(d2));
    c21 = f32x4.add(c21, v128.load(d2, 16));
    c30 = f32x4.add(c30, v128.load(d3));
    c31 = f32x4.add(c31, v128.load(d3, 16));
  }
  if (matmul.leaky) {
    const alpha = f32x4.splat(matmul.alpha);
    const zero = f32x4.splat(0);
    c00 = leak(c00, alpha, zero);
    c01 = leak(c01, alpha, zero);
    c10 = leak(c10, alpha, zero);
    c11 = leak(c11, alpha, zero);
    c20 = leak(c20, alpha, zero);
    c21 = leak(c21, alpha, zero);
    c30 = leak(c30, alpha, zero);
    c31 = leak(c31, alpha, zero);
  }
  const low = f32x4.splat(matmul.low);
  const high = f32x4.splat(matmul.high);
  const t0 = load<usize>(pointers, TABLE_BYTES) + columnOffset;
  const t1 = load<usize>(pointers, TABLE_BYTES + 4) + columnOffset;
  const t2 = load<usize>(pointers, TABLE_BYTES + 8) + columnOffset;
  const t3 = load<usize>(pointers, TABLE_BYTES + 12) + columnOffset;
  c00 = clamp(c00, low, high);
  c01 = clamp(c01, low, high);
  c10 = clamp(c10, low, high);
  c11 = clamp(c11, low, high);
  c20 = clamp(c20, low, high);
  c21 = clamp(c21, low, high);
  c30 = clamp(c30, low, high);
  c31 = clamp(c31, low, high);
  storeUpTo(t0, c00, columns);
  storeUpTo(t1, c10, columns);
  storeUpTo(t2, c20, columns);
  storeUpTo(t3, c30, columns);
  if (columns <= LANES) return;
  storeUpTo(t0 + 16, c01, columns - LANES);
  storeUpTo(t1 + 16, c11, columns - LANES);
  storeUpTo(t2 + 16, c21, columns - LANES);
  storeUpTo(t3 + 16, c31, columns - LANES);
}

/** Keeps NaN: a comparison with it is false, and pmax, pmin then give their first operand. */
// @ts-ignore: decorator
@inline
export function clamp(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, low), high);
}

// @ts-ignore: decorator
@inline
export function leak(x: v128, alpha: v128, zero: v128): v128 {
  return v128.bitselect(f32x4.mul(x, alpha), x, f32x4.lt(x, zero));
}

/**
 * One row times four panels, for runs of a single row (a dense layer at batch 1), where 4 x 8 would compute three rows
 * for nothing. The same k order as tile4x8, hence the same bits. The exit between the halves is a fence, never taken.
 * The four pointers of targets and addends are those of the panels; `last` (at most 3) is that of the last panel, which is repeated.
 */
export function vector1x32(
  matmul: Matmul, pointers: usize, panel: usize, last: i32, bias: usize, columnOffset: usize, sourceOffset: usize,
): void {
  const biasStep = matmul.bias != 0 ? TILE_COLUMNS << 2 : 0;
  let c0 = v128.load(bias);
  let c1 = v128.load(bias, 16);
  let c2 = v128.load(bias + min(1, last) * biasStep);
  let c3 = v128.load(bias + min(1, last) * biasStep, 16);
  let c4 = v128.load(bias + min(2, last) * biasStep);
  let c5 = v128.load(bias + min(2, last) * biasStep, 16);
  let c6 = v128.load(bias + last * biasStep);
  let c7 = v128.load(bias + last * biasStep, 16);
  let a0 = load<usize>(pointers) + sourceOffset;
  let b0 = panel;
  let b1 = b0 + min(1, last) * matmul.panelStep;
  let b2 = b0 + min(2, last) * matmul.panelStep;
  let b3 = b0 + last * matmul.panelStep;
  const run = matmul.run;
  const step = matmul.panelRowStep;
  for (let outer = 0; outer < matmul.outerCount; outer++) {
    for (let inner = 0; inner < matmul.innerCount; inner++) {
      let ptr = a0 + outer * matmul.outerStep + inner * matmul.innerStep;
      let offset = <usize>(outer * matmul.outerPanelStep + inner * matmul.innerPanelStep);
      for (let k = run; k > 0; k--) {
        const a = v128.load32_splat(ptr);
        c0 = multiplyAdd(a, v128.load(b0 + offset), c0);
        c1 = multiplyAdd(a, v128.load(b0 + offset, 16), c1);
        c2 = multiplyAdd(a, v128.load(b1 + offset), c2);
        c3 = multiplyAdd(a, v128.load(b1 + offset, 16), c3);
        if (k == -1) break;
        c4 = multiplyAdd(a, v128.load(b2 + offset), c4);
        c5 = multiplyAdd(a, v128.load(b2 + offset, 16), c5);
        c6 = multiplyAdd(a, v128.load(b3 + offset), c6);
        c7 = multiplyAdd(a, v128.load(b3 + offset, 16), c7);
        ptr += 4;
        offset += step;
      }
    }
  }
  storeTile(matmul, pointers, columnOffset, TILE_COLUMNS, c0, c1, c2, c3, c4, c5, c6, c7);
}
