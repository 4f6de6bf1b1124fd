import { extentOf } from "../shape.ts";
import type { Op } from "./op.ts";

/** flatten and reshape: another view of the same values. */
export const reshape: Op<object> = {
  forward(lowering, node) {
    lowering.bind(node.output, lowering.reshaped(node, lowering.tensor(node.inputs[0]), extentOf(node.output.shape)));
  },

  backward(lowering, node) {
    const [value] = node.inputs;
    const input = lowering.reshaped(node, lowering.outputGradient(node), extentOf(value.shape));
    if (lowering.adoptGradient(value, input)) return;
    const { tensor: output, write } = lowering.gradientTarget(value);
    lowering.step("copy", node, { input, output, write });
  },
};
