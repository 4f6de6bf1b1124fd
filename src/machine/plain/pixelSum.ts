import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { elementIndex } from "./tensor.ts";

/** output [batch, 1, 1, channels] ← or += Σ over the pixels of each image. */
export const pixelSum: PlainKernel<"pixelSum"> = ({ input, output, write }, { floats, run }) => {
  for (let image = 0; image < run.batch; image++) {
    const to = elementIndex(output, image, 0, 0);
    for (let channel = 0; channel < input.channels; channel++) {
      let sum = 0;
      for (let y = 0; y < input.height; y++) {
        for (let x = 0; x < input.width; x++) sum += floats[elementIndex(input, image, y, x) + channel];
      }
      floats[to + channel] = write === Write.add ? floats[to + channel] + sum : sum;
    }
  }
};
