import { Binary, Write } from "../../build/records.ts";
import type { Node, Value } from "../graph.ts";
import { extentOf, sameShape } from "../shape.ts";
import { broadcastTo, type Lowering, type Op, type Tensor } from "./op.ts";

export interface BinaryAttributes {
  readonly kind: keyof typeof Binary;
}

type BinaryNode = Node & { attributes: BinaryAttributes };

/** add and multiply of two inputs; one of them may be [1, 1, channels], broadcast over the other's pixels. */
export const binary: Op<BinaryAttributes> = {
  forward(lowering, node) {
    const [left, right] = node.inputs.map((value) => broadcastTo(lowering.tensor(value), extentOf(node.output.shape)));
    const fields = { left, right, output: lowering.tensor(node.output), kind: Binary[node.attributes.kind], write: Write.overwrite };
    const inPlace = sameShape(node.inputs[0].shape, node.output.shape) ? (["left", "output"] as const) : undefined;
    lowering.step("binaryOutput", node, fields, { inPlace });
  },

  backward(lowering, node) {
    const outputGrad = lowering.outputGradient(node);
    const [left, right] = node.inputs;
    // The right one first: the left one may take the output's gradient over, and then nobody may read it any more.
    if (lowering.needsGradient(right)) inputGradient(lowering, node, { value: right, other: left, outputGrad, last: false });
    if (lowering.needsGradient(left)) inputGradient(lowering, node, { value: left, other: right, outputGrad, last: true });
  },
};

type Operand = { value: Value; other: Value; outputGrad: Tensor; last: boolean };

function inputGradient(lowering: Lowering, node: BinaryNode, { value, other, outputGrad, last }: Operand): void {
  const broadcast = !sameShape(value.shape, node.output.shape);
  const multiply = node.attributes.kind === "multiply";
  const factor = () => broadcastTo(lowering.tensor(other), extentOf(node.output.shape));
  if (!multiply && !broadcast && last && lowering.adoptGradient(value, outputGrad)) return;
  let gradient = outputGrad;
  if (multiply && broadcast) {
    gradient = lowering.temporary(`${node.name} product`, extentOf(node.output.shape));
    const fields = { left: outputGrad, right: factor(), output: gradient, kind: Binary.multiply, write: Write.overwrite };
    lowering.step("binaryOutput", node, fields);
  }
  const { tensor: output, write } = lowering.gradientTarget(value);
  if (broadcast) lowering.step("pixelSum", node, { input: gradient, output, write });
  else if (multiply) lowering.step("binaryOutput", node, { left: outputGrad, right: factor(), output, kind: Binary.multiply, write });
  else lowering.step("copy", node, { input: outputGrad, output, write });
}
