import { Write } from "../../build/records.ts";
import { extentOf } from "../shape.ts";
import { channelSlice, type Op } from "./op.ts";

/** Along the channels: inputs are written as slices of the result where they have storage of their own. */
export const concatenate: Op<object> = {
  forward(lowering, node) {
    const output = lowering.tensor(node.output);
    let channel = 0;
    for (const value of node.inputs) {
      const { channels } = extentOf(value.shape);
      const slice = channelSlice(output, channel, channels);
      if (!lowering.redirect(value, slice)) {
        lowering.step("copy", node, { input: lowering.tensor(value), output: slice, write: Write.overwrite });
      }
      channel += channels;
    }
  },

  backward(lowering, node) {
    const outputGrad = lowering.outputGradient(node);
    let channel = 0;
    for (const value of node.inputs) {
      const { channels } = extentOf(value.shape);
      const slice = channelSlice(outputGrad, channel, channels);
      channel += channels;
      if (!lowering.needsGradient(value) || lowering.adoptGradient(value, slice)) continue;
      const { tensor: output, write } = lowering.gradientTarget(value);
      lowering.step("copy", node, { input: slice, output, write });
    }
  },
};
