import { Write } from "../../../build/records.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** output [batch, height, width, channels] ← or += input · scale [channels] + offset [channels] (null: none). */
export const affineOutput: PlainKernel<"affineOutput"> = ({ input, output, scale, offset, write }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const from = elementIndex(input, image, y, x);
    const to = elementIndex(output, image, y, x);
    for (let channel = 0; channel < output.channels; channel++) {
      let value = floats[from + channel] * floats[scale + channel];
      if (offset !== null) value += floats[offset + channel];
      floats[to + channel] = write === Write.add ? floats[to + channel] + value : value;
    }
  });
};
