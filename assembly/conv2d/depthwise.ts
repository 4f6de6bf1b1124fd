import { multiplyAdd } from "../lanes";
import { storeTile } from "../matmul";
import { Matmul } from "../matmulPlan";

/**
 * 4 pixels × 8 channels of a depthwise convolution: each tap's weights meet the same channels of the source. `panel` points at
 * weight [tap][channel], not packed: the steps between segments lead from tap to tap (backwards for the input gradient).
 * The exit between the halves is a fence, never taken: see tile4x8.
 */
export function depthwiseTile(matmul: Matmul, pointers: usize, panel: usize, bias: usize, columnOffset: usize): void {
  let a0 = load<usize>(pointers) + columnOffset;
  let a1 = load<usize>(pointers, 4) + columnOffset;
  let a2 = load<usize>(pointers, 8) + columnOffset;
  let a3 = load<usize>(pointers, 12) + columnOffset;
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let weight: v128;
  const innerStep = matmul.innerStep;
  const innerPanelStep = matmul.innerPanelStep;
  const outerStep = matmul.outerStep - matmul.innerCount * innerStep;
  const outerPanelStep = matmul.outerPanelStep - matmul.innerCount * innerPanelStep;
  for (let outer = matmul.outerCount; outer > 0; outer--) {
    for (let inner = matmul.innerCount; inner > 0; inner--) {
      weight = v128.load(panel);
      c00 = multiplyAdd(v128.load(a0), weight, c00);
      c10 = multiplyAdd(v128.load(a1), weight, c10);
      c20 = multiplyAdd(v128.load(a2), weight, c20);
      c30 = multiplyAdd(v128.load(a3), weight, c30);
      if (inner == -1) break;
      weight = v128.load(panel, 16);
      c01 = multiplyAdd(v128.load(a0, 16), weight, c01);
      c11 = multiplyAdd(v128.load(a1, 16), weight, c11);
      c21 = multiplyAdd(v128.load(a2, 16), weight, c21);
      c31 = multiplyAdd(v128.load(a3, 16), weight, c31);
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
