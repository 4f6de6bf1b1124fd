import { f32At, multiplyAdd } from "../../../assembly/lanes";

const ROWS: i32 = 4;
const COLUMNS: i32 = 8;
const PANEL_ROW_BYTES: usize = 32;

/** panels [outChannels / 8][9 · inChannels][8] ← weight: a tile then reads one stream from begin to end. Once per weight. */
export function packPanels(weight: usize, panels: usize, inChannels: i32, outChannels: i32): void {
  for (let outChannel = 0; outChannel < outChannels; outChannel += COLUMNS) {
    for (let k = 0; k < 9 * inChannels; k++) {
      const from = f32At(weight, k * outChannels + outChannel);
      v128.store(panels, v128.load(from));
      v128.store(panels, v128.load(from, 16), 16);
      panels += PANEL_ROW_BYTES;
    }
  }
}

/**
 * A panel stays in the first-level cache while all pixels pass, four at a time.
 * size: a multiple of 4, outChannels: of 8. Compiled fused, this very file is the step "fused multiply-add".
 */
export function tile(input: usize, panels: usize, bias: usize, output: usize, size: i32, inChannels: i32, outChannels: i32): void {
  const inputRow = (size + 2) * inChannels;
  for (let outChannel = 0; outChannel < outChannels; outChannel += COLUMNS) {
    const panel = panels + outChannel * 9 * (inChannels << 2);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x += ROWS) {
        const inputPtr = f32At(input, y * inputRow + x * inChannels);
        const outputPtr = f32At(output, (y * size + x) * outChannels + outChannel);
        tile4x8(inputPtr, inputRow << 2, panel, f32At(bias, outChannel), outputPtr, inChannels, outChannels << 2);
      }
    }
  }
}

/** 4 pixels × 8 channels in 8 registers: a step's 6 loads serve 32 products, and 8 sums do not wait for each other. */
function tile4x8(a0: usize, rowBytes: usize, panel: usize, bias: usize, output: usize, inChannels: i32, pixelBytes: usize): void {
  const step = <usize>inChannels << 2;
  let a1 = a0 + step;
  let a2 = a1 + step;
  let a3 = a2 + step;
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00, c20 = c00, c30 = c00;
  let c11 = c01, c21 = c01, c31 = c01;
  for (let windowY = 0; windowY < 3; windowY++) {
    let k = 3 * inChannels;
    do {
      const b0 = v128.load(panel);
      const b1 = v128.load(panel, 16);
      let a = v128.load32_splat(a0);
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
    a0 += rowBytes - 3 * step;
    a1 += rowBytes - 3 * step;
    a2 += rowBytes - 3 * step;
    a3 += rowBytes - 3 * step;
  }
  storePixel(output, c00, c01);
  storePixel(output + pixelBytes, c10, c11);
  storePixel(output + 2 * pixelBytes, c20, c21);
  storePixel(output + 3 * pixelBytes, c30, c31);
}

// @ts-ignore: decorator
@inline
function storePixel(to: usize, c0: v128, c1: v128): void {
  v128.store(to, c0);
  v128.store(to, c1, 16);
}
