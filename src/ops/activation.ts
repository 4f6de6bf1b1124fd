import { Activation } from "../../build/records.ts";
import type { Op } from "./op.ts";

export type ActivationKind = keyof typeof Activation;
export const ACTIVATION_KINDS = /* @__PURE__ */ Object.keys(Activation);

export interface ActivationAttributes {
  readonly kind: ActivationKind;
  /** Slope of leakyRelu below 0, scale of elu. */
  readonly alpha: number;
  /** Fused by the compiler: the gradient of the output comes as that of the input. */
  readonly gated?: boolean;
}

/** Kinds whose derivative needs the input; that of the others is told from the output. */
const NEEDS_INPUT: ReadonlySet<ActivationKind> = new Set(["swish", "gelu", "hardSwish"]);

export const activation: Op<ActivationAttributes> = {
  forward(lowering, node) {
    const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output), ...kernelFields(node.attributes) };
    lowering.step("activationOutput", node, fields, { inPlace: ["input", "output"] });
  },

  backward(lowering, node) {
    if (node.attributes.gated && lowering.adoptGradient(node.inputs[0], lowering.outputGradient(node))) return;
    const reference = lowering.tensor(NEEDS_INPUT.has(node.attributes.kind) ? node.inputs[0] : node.output);
    const outputGrad = lowering.outputGradient(node);
    const { tensor: inputGrad, write } = lowering.gradientTarget(node.inputs[0]);
    const fields = { reference, outputGrad, inputGrad, ...kernelFields(node.attributes), write };
    lowering.step("activationInputGrad", node, fields, { inPlace: ["outputGrad", "inputGrad"] });
  },
};

function kernelFields({ kind, alpha }: ActivationAttributes) {
  return { activation: Activation[kind], alpha };
}
