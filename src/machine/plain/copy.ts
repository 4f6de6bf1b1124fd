import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** output [batch, height, width, channels] ← or += input. */
export const copy: PlainKernel<"copy"> = ({ input, output, write }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const from = elementIndex(input, image, y, x);
    const to = elementIndex(output, image, y, x);
    for (let channel = 0; channel < output.channels; channel++) {
      const before = write === Write.add ? floats[to + channel] : 0;
      floats[to + channel] = before + floats[from + channel];
    }
  });
};
