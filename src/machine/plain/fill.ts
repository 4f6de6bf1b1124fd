import type { PlainKernel } from "./memory.ts";

/** output [count] ← value. */
export const fill: PlainKernel<"fill"> = ({ output, count, value }, { floats }) => {
  for (let i = 0; i < count; i++) floats[output + i] = value;
};
