import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { elementIndex } from "./tensor.ts";

/** output [batch, height, width, channels] ← or += input. */
export const copy: PlainKernel<"copy"> = ({ input, output, write }, { floats, run }) => {
  for (let image = 0; image < run.batch; image++) {
    for (let y = 0; y < output.height; y++) {
      for (let x = 0; x < output.width; x++) {
        const from = elementIndex(input, image, y, x);
        const to = elementIndex(output, image, y, x);
        for (let channel = 0; channel < output.channels; channel++) {
          const before = write === Write.add ? floats[to + channel] : 0;
          floats[to + channel] = before + floats[from + channel];
        }
      }
    }
  }
};
