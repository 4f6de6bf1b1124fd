import { Activation, Pooling } from "../../build/records.ts";
import { sizeOf, type WindowGeometry } from "../shape.ts";
import type { ArenaArray, Op } from "./op.ts";

export interface Pool2dAttributes {
  readonly kind: keyof typeof Pooling;
  readonly geometry: WindowGeometry;
  /** Fused by the compiler: applied right before, and its gradient is part of this op's. */
  readonly activation?: "relu";
}

export const pool2d: Op<Pool2dAttributes> = {
  forward(lowering, node) {
    const { kind } = node.attributes;
    let argmax: ArenaArray | null = null;
    if (kind === "max" && lowering.needsGradient(node.inputs[0])) {
      const count = lowering.capacity * sizeOf(node.output.shape);
      argmax = lowering.array(`${node.name} argmax`, count, argmaxBytes(node.attributes) === 1 ? "byte" : "word");
      lowering.saved.set(node, argmax);
    }
    const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output), argmax };
    const activation = Activation[node.attributes.activation ?? "linear"];
    lowering.step("pool2dOutput", node, { ...fields, activation, ...kernelFields(node.attributes) }, { cost: cost(node) });
  },

  backward(lowering, node) {
    const outputGrad = lowering.outputGradient(node);
    const { tensor: inputGrad, write } = lowering.gradientTarget(node.inputs[0]);
    const argmax = node.attributes.kind === "max" ? (lowering.saved.get(node) as ArenaArray) : null;
    lowering.step("pool2dInputGrad", node, { outputGrad, inputGrad, argmax, ...kernelFields(node.attributes), write }, { cost: cost(node) });
  },
};

/** A window of up to 255 cells has its argmax in a byte; 255 is no cell. */
function argmaxBytes({ geometry }: Pool2dAttributes): 1 | 4 {
  return geometry.windowHeight * geometry.windowWidth <= 255 ? 1 : 4;
}

function kernelFields(attributes: Pool2dAttributes) {
  const { windowHeight, windowWidth, strideY, strideX, padTop, padLeft } = attributes.geometry;
  const kind = Pooling[attributes.kind];
  return { argmaxBytes: argmaxBytes(attributes), kind, windowHeight, windowWidth, strideY, strideX, padTop, padLeft };
}

function cost({ attributes: { geometry }, output }: { attributes: Pool2dAttributes; output: { shape: readonly number[] } }): number {
  return geometry.windowHeight * geometry.windowWidth * sizeOf(output.shape);
}
