import type { Op } from "./op.ts";

export interface DropoutAttributes {
  readonly rate: number;
  /** Tells the masks of two layers apart. */
  readonly stream: number;
}

/** Only in training programs; the compiler takes it out of the others. */
export const dropout: Op<DropoutAttributes> = {
  forward(lowering, node) {
    const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output), ...node.attributes, write: 0 };
    lowering.step("dropoutOutput", node, fields, { inPlace: ["input", "output"] });
  },

  backward(lowering, node) {
    const input = lowering.outputGradient(node);
    const { tensor: output, write } = lowering.gradientTarget(node.inputs[0]);
    lowering.step("dropoutOutput", node, { input, output, ...node.attributes, write }, { inPlace: ["input", "output"] });
  },
};
