/** Activations: as layers, and as the `activation` option of layers that have weights. */
import type { Value } from "../graph.ts";
import { ACTIVATION_KINDS, type ActivationKind } from "../ops/activation.ts";
import { checkNumber, checkOptions, shown } from "../options.ts";
import { type Layer, type LayerOptions, type LayerScope, makeLayer } from "./layer.ts";

/** "relu", "softmax", … or a name with its slope: `{ name: "leakyRelu", alpha: 0.1 }`. */
export type ActivationSpec = ActivationName | { readonly name: ActivationName; readonly alpha?: number };
export type ActivationName = ActivationKind | "softmax";

/** Slope or scale where an activation has one: Keras's layer defaults. */
const DEFAULT_ALPHA: Partial<Record<ActivationName, number>> = { leakyRelu: 0.3, elu: 1 };

const NAMES: readonly string[] = [...ACTIVATION_KINDS, "softmax"];

export interface AlphaOptions extends LayerOptions {
  /** Slope below 0 (leakyRelu, default 0.3) or scale of the exponential (elu, default 1, above 0). At least 0. */
  readonly alpha?: number;
}

/** max(x, 0) */
export const relu = (options: LayerOptions = {}) => activationLayer("relu", options);
/** min(max(x, 0), 6) */
export const relu6 = (options: LayerOptions = {}) => activationLayer("relu6", options);
/** x above 0, alpha · x below. */
export const leakyRelu = (options: AlphaOptions = {}) => activationLayer("leakyRelu", options);
/** x above 0, alpha · (eˣ − 1) below. */
export const elu = (options: AlphaOptions = {}) => activationLayer("elu", options);
/** The self-normalizing elu of Klambauer et al. 2017; start weights with lecunNormal. */
export const selu = (options: LayerOptions = {}) => activationLayer("selu", options);
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (options: LayerOptions = {}) => activationLayer("sigmoid", options);
/** Hyperbolic tangent. */
export const tanh = (options: LayerOptions = {}) => activationLayer("tanh", options);
/** log(1 + eˣ) */
export const softplus = (options: LayerOptions = {}) => activationLayer("softplus", options);
/** x · sigmoid(x), also called silu. */
export const swish = (options: LayerOptions = {}) => activationLayer("swish", options);
/** x · Φ(x) with the exact error function (Keras's approximate=False). */
export const gelu = (options: LayerOptions = {}) => activationLayer("gelu", options);
/** relu6(x + 3) / 6 */
export const hardSigmoid = (options: LayerOptions = {}) => activationLayer("hardSigmoid", options);
/** x · relu6(x + 3) / 6 */
export const hardSwish = (options: LayerOptions = {}) => activationLayer("hardSwish", options);
/** eˣ / Σ eˣ over the last axis: probabilities. */
export const softmax = (options: LayerOptions = {}) => activationLayer("softmax", options);

function activationLayer(name: ActivationName, options: AlphaOptions): Layer {
  const known = DEFAULT_ALPHA[name] === undefined ? [] : ["alpha"];
  return makeLayer({
    type: name,
    options,
    known,
    build: (scope, [value], { alpha }) => activate(scope, value, { name, alpha }),
  });
}

/** Puts an activation behind a value; "linear" and undefined are the value itself. */
export function activate(scope: LayerScope, value: Value, spec: ActivationSpec | undefined): Value {
  const { name, alpha } = checkedSpec(scope.where, spec);
  if (!NAMES.includes(name)) throw new RangeError(`${scope.where}: unknown activation ${shown(name)}; known: ${NAMES.join(", ")}`);
  if (name === "linear") return value;
  if (name === "softmax") return scope.node("softmax", { inputs: [value], shape: value.shape, attributes: {} });
  const slope = checkNumber(scope.where, "alpha", alpha ?? DEFAULT_ALPHA[name] ?? 0, name === "elu" ? { above: 0 } : { atLeast: 0 });
  return scope.node("activation", { inputs: [value], shape: value.shape, attributes: { kind: name, alpha: slope } });
}

function checkedSpec(where: string, spec: ActivationSpec = "linear"): { readonly name: ActivationName; readonly alpha?: number } {
  if (typeof spec === "string") return { name: spec };
  if (typeof spec !== "object" || spec === null) throw new TypeError(`${where}: activation is ${shown(spec)}, needs a name or { name, alpha }`);
  checkOptions(`${where}: activation`, spec, ["name", "alpha"]);
  return spec;
}
