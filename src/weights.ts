/** The weights of a model: drawn, checked, set. */
import type { Engine } from "./engine.ts";
import type { Parameter } from "./graph.ts";
import { shown, within } from "./options.ts";
import { streamOf } from "./random.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { isTyped } from "./training/data.ts";

/** Values with their shape, [samples, …]. */
export interface TensorData {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** What `setWeights` takes: values with their shape, or values alone. */
export type TensorLike = TensorData | Float32Array;

/** Gives every parameter what its initializer makes of the seed. */
export function drawWeights({ graph, state }: Engine, seed: number): void {
  for (const parameter of graph.parameters) {
    const { name, shape, initializer, fanIn, fanOut } = parameter;
    const target = new Float32Array(sizeOf(shape));
    within(name, () => initializer.fill(target, shape, { fanIn, fanOut }, seed, streamOf(name)));
    state.view(parameter, "value").set(target);
  }
}

/** Sets parameters; `where` is the model or the layer. RangeError or TypeError, with nothing changed, when one does not fit. */
export function setWeights(where: string, { state }: Engine, parameters: readonly Parameter[], weights: readonly TensorLike[]): void {
  if (!Array.isArray(weights) || weights.length !== parameters.length) {
    const names = parameters.map(({ name, shape }) => `${name} [${shape}]`).join(", ");
    throw new RangeError(`${where}: setWeights got ${shown(weights)}, needs ${parameters.length} arrays: ${names}`);
  }
  parameters.forEach(({ name, shape }, index) => {
    const { data, shape: given = shape } = tensorOf(weights[index]);
    if (!isTyped(data) || !Array.isArray(given)) {
      throw new TypeError(`${where}: weight ${name} is ${shown(weights[index])}, needs a typed array or { data, shape }`);
    }
    if (given.join() !== shape.join() || data.length !== sizeOf(shape)) {
      throw new RangeError(`${where}: weight ${name} got shape [${given}] with ${data.length} values, needs [${shape}]`);
    }
  });
  for (const [index, parameter] of parameters.entries()) state.view(parameter, "value").set(tensorOf(weights[index]).data);
  state.version++;
}

function tensorOf(weight: TensorLike): { readonly data: Float32Array; readonly shape?: Shape } {
  if (ArrayBuffer.isView(weight)) return { data: weight };
  return typeof weight === "object" && weight !== null ? weight : { data: weight };
}
