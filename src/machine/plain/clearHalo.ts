import type { PlainKernel } from "./memory.ts";
import { elementIndex } from "./tensor.ts";

/** The halo of every image of output [batch, height, width, channels] ← 0. */
export const clearHalo: PlainKernel<"clearHalo"> = ({ output }, { floats, run }) => {
  for (let image = 0; image < run.batch; image++) {
    for (let y = -output.haloTop; y < output.height + output.haloBottom; y++) {
      for (let x = -output.haloLeft; x < output.width + output.haloRight; x++) {
        if (y >= 0 && y < output.height && x >= 0 && x < output.width) continue;
        const at = elementIndex(output, image, y, x);
        for (let channel = 0; channel < output.channels; channel++) floats[at + channel] = 0;
      }
    }
  }
};
