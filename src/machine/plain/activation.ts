/** Activations by their definitions. Formulas: Keras 3. */
import { Activation, Write } from "../../../build/records.ts";
import { erfc, exp, expm1, log1p, tanh } from "../../math.ts";
import type { PlainKernel } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

const SELU_SCALE = 1.05070098735548;
const SELU_ALPHA = 1.67326324235438;

/** output [batch, height, width, channels] ← f(input). */
export const activationOutput: PlainKernel<"activationOutput"> = ({ input, output, activation, alpha }, { floats, run }) => {
  eachPixel(output, run.batch, (image, y, x) => {
    const from = elementIndex(input, image, y, x);
    const to = elementIndex(output, image, y, x);
    for (let channel = 0; channel < output.channels; channel++) {
      floats[to + channel] = activationValue(activation, alpha, floats[from + channel]);
    }
  });
};

/** inputGrad [batch, height, width, channels] ← or += outputGrad · f′, f′ from reference. */
export const activationInputGrad: PlainKernel<"activationInputGrad"> = (
  { reference, outputGrad, inputGrad, activation, alpha, write },
  { floats, run },
) => {
  eachPixel(inputGrad, run.batch, (image, y, x) => {
    const at = elementIndex(reference, image, y, x);
    const from = elementIndex(outputGrad, image, y, x);
    const to = elementIndex(inputGrad, image, y, x);
    for (let channel = 0; channel < inputGrad.channels; channel++) {
      const slope = activationSlope(activation, alpha, floats[at + channel]);
      // A closed unit passes nothing on, not even an infinite gradient: 0 · Infinity would be NaN.
      const grad = slope === 0 && isPiecewise(activation) ? 0 : floats[from + channel] * slope;
      floats[to + channel] = write === Write.add ? floats[to + channel] + grad : grad;
    }
  });
};

function isPiecewise(activation: number): boolean {
  return activation === Activation.relu || activation === Activation.relu6 || activation === Activation.hardSigmoid;
}

/** f(x), for one value: an epilogue's activation, too. NaN passes through. */
export function activationValue(activation: number, alpha: number, x: number): number {
  switch (activation) {
    case Activation.linear:
      return x;
    case Activation.relu:
      return Math.max(x, 0);
    case Activation.relu6:
      return relu6(x);
    case Activation.leakyRelu:
      return x < 0 ? alpha * x : x;
    case Activation.elu:
      return x < 0 ? alpha * expm1(x) : x;
    case Activation.selu:
      return SELU_SCALE * (x < 0 ? SELU_ALPHA * expm1(x) : x);
    case Activation.sigmoid:
      return sigmoid(x);
    case Activation.tanh:
      return tanh(x);
    case Activation.softplus:
      return Math.max(x, 0) + log1p(exp(-Math.abs(x)));
    case Activation.swish:
      return x * sigmoid(x);
    case Activation.gelu:
      return x * normalCdf(x);
    case Activation.hardSigmoid:
      return relu6(x + 3) / 6;
    case Activation.hardSwish:
      return (x * relu6(x + 3)) / 6;
    default:
      throw new Error(`internal: no activation number ${activation}`);
  }
}

/** f′ from f's output (relu … softplus, hardSigmoid) or from its input (swish, gelu, hardSwish). */
function activationSlope(activation: number, alpha: number, reference: number): number {
  const y = reference;
  switch (activation) {
    case Activation.linear:
      return 1;
    case Activation.relu:
      return y <= 0 ? 0 : 1;
    case Activation.relu6:
      return y <= 0 || y >= 6 ? 0 : 1;
    case Activation.leakyRelu:
      return y <= 0 ? alpha : 1;
    case Activation.elu:
      return y >= 0 ? 1 : y + alpha;
    case Activation.selu:
      return y >= 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
    case Activation.sigmoid:
      return y * (1 - y);
    case Activation.tanh:
      return (1 - y) * (1 + y);
    case Activation.softplus:
      return -expm1(-y);
    case Activation.swish:
      return sigmoid(y) + y * sigmoid(y) * sigmoid(-y);
    case Activation.gelu:
      return normalCdf(y) + (y * exp(-0.5 * y * y)) / Math.sqrt(2 * Math.PI);
    case Activation.hardSigmoid:
      return y <= 0 || y >= 1 ? 0 : 1 / 6;
    case Activation.hardSwish:
      return hardSwishSlope(y);
    default:
      throw new Error(`internal: no activation number ${activation}`);
  }
}

function hardSwishSlope(x: number): number {
  if (x <= -3) return 0;
  return x >= 3 ? 1 : (2 * x + 3) / 6;
}

function relu6(x: number): number {
  return Math.min(Math.max(x, 0), 6);
}

export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

function normalCdf(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}
