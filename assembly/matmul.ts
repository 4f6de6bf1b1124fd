/**
 * The matrix product under every convolution and dense layer: target [rows, columns] ← activation(bias + a · b + addend).
 * Legend: a row is an output pixel (all images), a column an output channel, k runs over what both are summed over:
 * (windowY, windowX, channel). a is never copied: a row is a pointer and k walks segments from it on. b lies in panels of 8 columns.
 * Method: XNNPACK's indirect f32 igemm (4x8, loadsplat); Dukhan, "The Indirect Convolution Algorithm", 2019.
 */
import { multiplyAdd } from "./lanes";
import { Matmul, PANEL_ROW_BYTES, TILE_COLUMNS } from "./matmulPlan";
import { TABLE_BYTES } from "./rowView";

/**
 * One tile: `pointers` holds the addresses of its 4 source rows, and of their targets and addends behind.
 * The loops are formed for V8: strict takes four k-steps a turn, each fenced by an exit that consumes every sum (otherwise the
 * scheduler moves loads up until registers spill); the fused form is best with one. A function of its own, because V8 swaps
 * in optimized code only at a call.
 */
export function tile4x8(matmul: Matmul, pointers: usize, panel: usize, bias: usize, columnOffset: usize, sourceOffset: usize): void {
  let a0 = load<usize>(pointers) + sourceOffset;
  let a1 = load<usize>(pointers, 4) + sourceOffset;
  let a2 = load<usize>(pointers, 8) + sourceOffset;
  let a3 = load<usize>(pointers, 12) + sourceOffset;
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let b0: v128, b1: v128, a: v128;
  const run = matmul.run;
  const passed = ASC_FEATURE_RELAXED_SIMD ? run << 2 : ((run - 1) & ~3) << 2;
  const innerStep = matmul.innerStep - passed;
  const innerPanelStep = matmul.innerPanelStep - (passed << 3);
  const outerStep = matmul.outerStep - matmul.innerCount * matmul.innerStep;
  const outerPanelStep = matmul.outerPanelStep - matmul.innerCount * matmul.innerPanelStep;
  for (let outer = matmul.outerCount; outer > 0; outer--) {
    for (let inner = matmul.innerCount; inner > 0; inner--) {
      let k = run;
      if (ASC_FEATURE_RELAXED_SIMD) {
        do {
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
          a0 += 4;
          a1 += 4;
          a2 += 4;
          a3 += 4;
          panel += PANEL_ROW_BYTES;
        } while (--k);
      } else {
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
      }
      a0 += innerStep;
      a1 += innerStep;
      a2 += innerStep;
      a3 += innerStep;
      panel += innerPanelStep;
    }
    a0 += outerStep;
    a1 += outerStep;
    a2 += outerStep;
    a3 += outerStep;
    panel += outerPanelStep;
  }
  storeTile(matmul, pointers, columnOffset, c00, c01, c10, c11, c20, c21, c30, c31);
}

/** Adds the addend, bends and stores the 8 sums of a tile. */
// @ts-ignore: decorator
@inline
export function storeTile(
  matmul: Matmul, pointers: usize, columnOffset: usize,
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
  v128.store(t0, clamp(c00, low, high));
  v128.store(t0, clamp(c01, low, high), 16);
  v128.store(t1, clamp(c10, low, high));
  v128.store(t1, clamp(c11, low, high), 16);
  v128.store(t2, clamp(c20, low, high));
  v128.store(t2, clamp(c21, low, high), 16);
  v128.store(t3, clamp(c30, low, high));
  v128.store(t3, clamp(c31, low, high), 16);
}

/** Keeps NaN: a comparison with it is false, and pmax, pmin then give their first operand. */
// @ts-ignore: decorator
@inline
function clamp(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, low), high);
}

// @ts-ignore: decorator
@inline
function leak(x: v128, alpha: v128, zero: v128): v128 {
  return v128.bitselect(f32x4.mul(x, alpha), x, f32x4.lt(x, zero));
}

/**
 * One row times four whole panels, for runs of a single row (a dense layer at batch 1), where 4 x 8 would compute three rows
 * for nothing. The same k order as tile4x8, hence the same bits. The exit between the halves is a fence, never taken.
 * The four pointers of targets and addends are those of the panels.
 */
export function vector1x32(matmul: Matmul, pointers: usize, panel: usize, bias: usize, columnOffset: usize, sourceOffset: usize): void {
  const biasStep = matmul.bias != 0 ? TILE_COLUMNS << 2 : 0;
  let c0 = v128.load(bias);
  let c1 = v128.load(bias, 16);
  let c2 = v128.load(bias + biasStep);
  let c3 = v128.load(bias + biasStep, 16);
  let c4 = v128.load(bias + 2 * biasStep);
  let c5 = v128.load(bias + 2 * biasStep, 16);
  let c6 = v128.load(bias + 3 * biasStep);
  let c7 = v128.load(bias + 3 * biasStep, 16);
  let a0 = load<usize>(pointers) + sourceOffset;
  let b0 = panel;
  let b1 = b0 + matmul.panelStep;
  let b2 = b1 + matmul.panelStep;
  let b3 = b2 + matmul.panelStep;
  const run = matmul.run;
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
        offset += PANEL_ROW_BYTES;
      }
    }
  }
  storeTile(matmul, pointers, columnOffset, c0, c1, c2, c3, c4, c5, c6, c7);
}
