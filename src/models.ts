/** The ways to a model: from layers, from symbolic values, from a file. */
import { readModelFile } from "./formats/modelFile.ts";
import { type ModelSource, openSource } from "./formats/source.ts";
import { traceArchitecture } from "./layers/architecture.ts";
import { input, type Layer, type SymbolicTensor } from "./layers/layer.ts";
import { Model, type ModelOptions } from "./model.ts";
import { checkOptions } from "./options.ts";
import { describe } from "./shape.ts";

/** Layers one behind the other. The first may be `input(…)`, or have `inputShape`. */
export function sequential(layers: readonly (Layer | SymbolicTensor)[], options: ModelOptions = {}): Model {
  if (!Array.isArray(layers)) throw new TypeError(`sequential: got ${describe(layers)}, needs an array of layers`);
  const [first, ...rest]: (Layer | SymbolicTensor)[] = layers;
  if (layers.length === 0) throw new RangeError("sequential: got no layers");
  if (typeof first !== "object" || first === null) throw new TypeError(`sequential: expected a layer, got ${describe(first)}`);
  const isInput = "kind" in first;
  const shape = isInput ? undefined : first.options?.inputShape;
  if (!isInput && shape === undefined) throw new RangeError("sequential: the first layer needs inputShape, or put input({ shape }) before it");
  const start = isInput ? first : input({ shape: shape! });
  let value = start;
  for (const layer of isInput ? rest : layers) {
    if (typeof layer !== "object" || typeof (layer as Layer)?.apply !== "function")
      throw new TypeError(`sequential: expected a layer, got ${describe(layer)}`);
    value = (layer as Layer).apply(value);
  }
  return model({ inputs: start, outputs: value }, options);
}

/** A model from symbolic values: branches, residual connections, shared layers, several inputs and outputs. */
export function model(
  ends: { readonly inputs: SymbolicTensor | readonly SymbolicTensor[]; readonly outputs: SymbolicTensor | readonly SymbolicTensor[] },
  options: ModelOptions = {},
): Model {
  checkOptions("model", ends, ["inputs", "outputs"]);
  return new Model(traceArchitecture([ends.inputs].flat() as SymbolicTensor[], [ends.outputs].flat() as SymbolicTensor[]), options);
}

/** A model from its file: a path (Node), a URL (`fetch`), or the bytes. Continues to the bit where it was saved. */
export async function load(source: ModelSource, options: Omit<ModelOptions, "seed" | "classNames"> = {}): Promise<Model> {
  checkOptions("load", options, ["machine", "numerics", "threads", "wasm"]);
  const opened = await openSource(source);
  try {
    const file = await readModelFile(opened);
    const { seed, classNames, preprocessing } = file.json;
    const own = { seed, ...(classNames && { classNames }), ...(preprocessing && { preprocessing }) };
    const loaded = new Model(file.architecture, { ...options, ...own }, "zeros");
    try {
      await loaded.restore(file);
    } catch (reason) {
      loaded.dispose();
      throw reason;
    }
    return loaded;
  } finally {
    opened.close();
  }
}
