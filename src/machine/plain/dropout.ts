import { Write } from "../../../build/records.ts";
import { threefry2x32 } from "../../threefry.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/**
 * output [batch, height, width, channels] ← or += input / (1 − rate) where kept, 0 elsewhere.
 * Element e of the logical tensor is kept where word e & 1 of threefry(key (seed, step), counter (stream, e >>> 1)), its upper
 * 24 bits read as a fraction, is at least rate. The scale is the float32 one, so that machines differ in nothing.
 */
export const dropoutOutput: PlainKernel<"dropoutOutput"> = ({ input, output, rate, stream, write }, { floats, run }) => {
  const scale = Math.fround(1 / Math.fround(1 - rate));
  const words = new Uint32Array(2);
  eachPixel(output, run.batch, (image, y, x) => {
    const from = elementIndex(input, image, y, x);
    const to = elementIndex(output, image, y, x);
    for (let channel = 0; channel < output.channels; channel++) {
      const element = ((image * output.height + y) * output.width + x) * output.channels + channel;
      threefry2x32(run.seed, run.step, stream, element >>> 1, words);
      const fraction = (words[element & 1] >>> 8) / 16777216;
      const value = fraction >= rate ? floats[from + channel] * scale : 0;
      floats[to + channel] = write === Write.add ? floats[to + channel] + value : value;
    }
  });
};
