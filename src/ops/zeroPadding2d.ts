import { Write } from "../../build/records.ts";
import { extentOf } from "../shape.ts";
import { crop, type Halo, type Op } from "./op.ts";

export interface ZeroPaddingAttributes {
  readonly pads: Halo;
}

/** The input in the middle of the output; what surrounds the middle is cleared as its halo. */
export const zeroPadding2d: Op<ZeroPaddingAttributes> = {
  forward(lowering, node) {
    const { top, left } = node.attributes.pads;
    const middle = crop(lowering.tensor(node.output), top, left, extentOf(node.inputs[0].shape));
    lowering.step("copy", node, { input: lowering.tensor(node.inputs[0]), output: middle, write: Write.overwrite });
    lowering.step("clearHalo", node, { output: middle });
  },

  backward(lowering, node) {
    const { top, left } = node.attributes.pads;
    const middle = crop(lowering.outputGradient(node), top, left, extentOf(node.inputs[0].shape));
    const { tensor: output, write } = lowering.gradientTarget(node.inputs[0]);
    lowering.step("copy", node, { input: middle, output, write });
  },
};
