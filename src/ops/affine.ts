import { Write } from "../../build/records.ts";
import type { Node } from "../graph.ts";
import { extentOf } from "../shape.ts";
import type { Lowering, Op } from "./op.ts";

/** input · scale + offset: the rescaling layer. */
export interface AffineAttributes {
  readonly scale: number;
  readonly offset: number;
}

export const affine: Op<AffineAttributes> = {
  forward(lowering, node) {
    const scale = filled(lowering, node, node.attributes.scale);
    const offset = node.attributes.offset === 0 ? null : filled(lowering, node, node.attributes.offset);
    const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output), scale, offset, write: Write.overwrite };
    lowering.step("affineOutput", node, fields, { inPlace: ["input", "output"] });
  },

  backward(lowering, node) {
    const input = lowering.outputGradient(node);
    const { tensor: output, write } = lowering.gradientTarget(node.inputs[0]);
    const scale = filled(lowering, node, node.attributes.scale);
    lowering.step("affineOutput", node, { input, output, scale, offset: null, write }, { inPlace: ["input", "output"] });
  },
};

function filled(lowering: Lowering, node: Node, value: number) {
  const { channels: count } = extentOf(node.output.shape);
  return lowering.prepared(`${count} times ${value}`, count, (output) => {
    lowering.step("fill", node, { output, count, value }, { section: "prepare" });
  });
}
