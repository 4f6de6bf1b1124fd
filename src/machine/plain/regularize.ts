import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";

/** gradient [count] (null: none) += (l1 · sign(weight) + 2 · l2 · weight) · regularizationScale; penalty [1] ← l1 · Σ|w| + l2 · Σw². */
export const regularize: PlainKernel<"regularize"> = ({ weight, gradient, penalty, count, l1, l2 }, { floats, run }) => {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const w = floats[weight + i];
    if (l1 !== 0) sum += l1 * Math.abs(w);
    if (l2 !== 0) sum += l2 * w * w;
    if (gradient !== null) floats[gradient + i] += (l1 * Math.sign(w) + 2 * l2 * w) * run.regularizationScale;
  }
  floats[penalty] = sum;
};

/** sum [1] ← or += Σ (gradient · gradientScale)². */
export const sumSquares: PlainKernel<"sumSquares"> = ({ gradient, sum, count, write }, { floats, run }) => {
  let total = write === Write.add ? floats[sum] : 0;
  for (let i = 0; i < count; i++) total += (floats[gradient + i] * run.gradientScale) ** 2;
  floats[sum] = total;
};
