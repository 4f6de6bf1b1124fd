/** The ways to a model: from layers, from symbolic values, from a file. */
import { readModelFile } from "./formats/modelFile.ts";
import { traceArchitecture } from "./layers/architecture.ts";
import { input, type Layer, type SymbolicTensor } from "./layers/layer.ts";
import { Model, type ModelOptions } from "./model.ts";
import { nodeModule } from "./nodeModule.ts";
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
export async function load(source: string | URL | ArrayBuffer | Uint8Array, options: Omit<ModelOptions, "seed" | "classNames"> = {}): Promise<Model> {
  checkOptions("load", options, ["machine", "numerics", "threads", "wasm"]);
  if (!(typeof source === "string" || source instanceof URL || source instanceof ArrayBuffer || source instanceof Uint8Array)) {
    throw new TypeError(`load: got ${describe(source)}, needs a path, a URL, or the file's bytes as a Uint8Array or ArrayBuffer`);
  }
  const where = typeof source === "string" ? source : source instanceof URL ? source.href : "load";
  const file = readModelFile(await bytesOf(source), where);
  const { seed, classNames, preprocessing } = file.json;
  const loaded = new Model(file.architecture, { ...options, seed, ...(classNames && { classNames }), ...(preprocessing && { preprocessing }) });
  try {
    loaded.restore(file, where);
    await loaded.ready;
  } catch (reason) {
    loaded.dispose();
    throw reason;
  }
  return loaded;
}

async function bytesOf(source: string | URL | ArrayBuffer | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  const isPath = typeof source === "string" && typeof process === "object" && !/^https?:/.test(source);
  if (isPath) return (await nodeModule("node:fs/promises")).readFile(source);
  return download(source);
}

async function download(address: string | URL): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(address);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new Error(`load: ${address} cannot be had: ${(cause as Error).message}`, { cause });
  }
  throw new Error(`load: ${address} answered ${response.status} ${response.statusText}`);
}
