import { Binary, Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** output [batch, height, width, channels] ← or += left ∘ right; an operand with strides of 0 is broadcast. */
export const binaryOutput: PlainKernel<"binaryOutput"> = ({ left, right, output, kind, write }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const leftIndex = elementIndex(left, image, y, x);
    const rightIndex = elementIndex(right, image, y, x);
    const to = elementIndex(output, image, y, x);
    for (let channel = 0; channel < output.channels; channel++) {
      const a = floats[leftIndex + channel];
      const b = floats[rightIndex + channel];
      const value = kind === Binary.add ? a + b : a * b;
      floats[to + channel] = write === Write.add ? floats[to + channel] + value : value;
    }
  });
};
