import type { Op } from "./op.ts";

export const softmax: Op<object> = {
  forward(lowering, node) {
    const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output) };
    lowering.step("softmaxOutput", node, fields, { inPlace: ["input", "output"] });
  },

  backward(lowering, node) {
    const outputGrad = lowering.outputGradient(node);
    const { tensor: inputGrad, write } = lowering.gradientTarget(node.inputs[0]);
    const fields = { output: lowering.tensor(node.output), outputGrad, inputGrad, write };
    lowering.step("softmaxInputGrad", node, fields, { inPlace: ["outputGrad", "inputGrad"] });
  },
};
