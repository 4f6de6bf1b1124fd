/** Layers and how they are connected, with names: what a model is made of, and what its file keeps. */

import type { Field } from "../field.ts";
import type { Graph, Value } from "../graph.ts";
import { isOwnInitializer } from "../initializers.ts";
import { shown } from "../options.ts";
import { checkShape, type Shape, shapeText } from "../shape.ts";
import { layerOf } from "./index.ts";
import { GraphBuilder, type Layer, layerWhere, type SymbolicTensor } from "./layer.ts";

/** One application of a layer; inputs and output are numbers of values. */
export interface Call {
  readonly layer: string;
  readonly inputs: readonly number[];
  readonly output: number;
}

export interface Architecture {
  readonly layers: ReadonlyMap<string, Layer>;
  /** In an order in which every value is made before it is used. */
  readonly calls: readonly Call[];
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly value: number }[];
  readonly outputs: readonly number[];
}

/** What the architecture is as JSON. */
export interface ArchitectureJson {
  readonly layers: readonly { readonly name: string; readonly type: string; readonly options: object }[];
  readonly calls: readonly Call[];
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly value: number }[];
  readonly outputs: readonly number[];
}

/** Follows the outputs back to the inputs. Errors: a cycle, an input that is not declared, one that is not used, repeated layer names. */
export function traceArchitecture(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Architecture {
  // There is at least one.
  checkSymbolic(inputs[0]);
  const numbers = new Map<SymbolicTensor, number>();
  for (const value of inputs) {
    checkSymbolic(value);
    if (numbers.has(value)) throw new RangeError(`model: input ${numbers.get(value)} is listed twice`);
    numbers.set(value, numbers.size);
  }
  const ordered = callsInOrder(inputs, outputs);
  for (const value of ordered) numbers.set(value, numbers.size);
  const names = nameLayers(ordered.map((value) => value.layer!));
  const calls = ordered.map((value) => ({
    layer: names.get(value.layer!)!,
    inputs: value.inputs.map((source) => numbers.get(source)!),
    output: numbers.get(value)!,
  }));
  const unused = inputs.findIndex((value) => !ordered.some((call) => call.inputs.includes(value)) && !outputs.includes(value));
  if (unused >= 0) throw new RangeError(`model: input ${unused} is not connected to any output`);
  const layers = new Map([...names].map(([layer, name]) => [name, layer]));
  const named = inputs.map((value, index) => ({ name: value.name ?? (index === 0 ? "input" : `input_${index}`), shape: value.shape }));
  return {
    layers,
    calls,
    inputs: named.map((each, index) => ({ ...each, value: index })),
    outputs: outputs.map((value) => numbers.get(value)!),
  };
}

function callsInOrder(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): SymbolicTensor[] {
  const ordered: SymbolicTensor[] = [];
  const done = new Set<SymbolicTensor>(inputs);
  const open = new Set<SymbolicTensor>();
  const pending = [...outputs].reverse().map((value) => ({ value, expanded: false }));
  while (pending.length > 0) {
    const { value, expanded } = pending.pop()!;
    if (done.has(value)) continue;
    checkSymbolic(value);
    if (expanded) {
      open.delete(value);
      done.add(value);
      ordered.push(value);
      continue;
    }
    if (value.layer === null) {
      const which = value.name === undefined ? "an input" : `input "${value.name}"`;
      throw new RangeError(`model: an output depends on ${which} of shape ${shapeText(value.shape)}, which is not among inputs`);
    }
    open.add(value);
    pending.push({ value, expanded: true });
    // The last pushed is visited first: branches are named, and seeded, from left to right.
    for (const source of [...value.inputs].reverse()) {
      if (open.has(source)) throw new RangeError(`model: the graph has a cycle through ${layerWhere(value.layer.type, value.layer.options.name)}`);
      pending.push({ value: source, expanded: false });
    }
  }
  return ordered;
}

function checkSymbolic(value: SymbolicTensor): void {
  if (value?.kind === "symbolic") return;
  throw new TypeError(`model: got ${shown(value)}, needs inputs and outputs made by input() and apply()`);
}

/** Given names must be unique; the others are the type, numbered from the second on. */
function nameLayers(layers: readonly Layer[]): Map<Layer, string> {
  const unique = [...new Set(layers)];
  const taken = new Set<string>();
  for (const { name } of unique.map(({ options }) => options)) {
    if (name === undefined) continue;
    if (taken.has(name)) throw new RangeError(`model: two layers are named "${name}"; names must be unique`);
    taken.add(name);
  }
  const nameOf = ({ type, options }: Layer): string => {
    if (options.name !== undefined) return options.name;
    let name = type;
    for (let count = 1; taken.has(name); count++) name = `${type}_${count}`;
    taken.add(name);
    return name;
  };
  return new Map(unique.map((layer) => [layer, nameOf(layer)]));
}

/** An architecture with its graph, and the value that each layer's last call gives. */
export interface BuiltArchitecture {
  readonly architecture: Architecture;
  readonly graph: Graph;
  readonly outputOf: ReadonlyMap<string, Value>;
}

export function buildGraph(architecture: Architecture): BuiltArchitecture {
  const { layers, calls, inputs, outputs } = architecture;
  const builder = new GraphBuilder();
  const values = new Map<number, Value>();
  for (const { name, shape, value } of inputs) values.set(value, builder.value(name, shape));
  const outputOf = new Map<string, Value>();
  for (const call of calls) {
    const sources = call.inputs.map((number) => values.get(number)!);
    const output = builder.call(layers.get(call.layer)!, call.layer, sources);
    values.set(call.output, output);
    outputOf.set(call.layer, output);
  }
  const graph = builder.graph(
    inputs.map(({ value }) => values.get(value)!),
    outputs.map((number) => values.get(number)!),
  );
  return { architecture, graph, outputOf };
}

export function architectureToJson({ layers, ...rest }: Architecture): ArchitectureJson {
  return { layers: [...layers].map(([name, { type, options }]) => ({ name, type, options: storedOptions(options) })), ...rest };
}

/** An initializer of the user's own stays out: no file can hold it, and what it gave is among the weights. */
function storedOptions(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([option, value]) => option !== "name" && !isOwnInitializer(value)));
}

/** Checks everything a foreign file may have wrong. */
export function architectureFromJson(json: Field): Architecture {
  const layers = new Map<string, Layer>();
  for (const entry of json.get("layers").list(Infinity, 0)) {
    const name = entry.get("name").text();
    if (layers.has(name)) throw new RangeError(`model: two layers are named "${name}"; names must be unique`);
    layers.set(name, layerOf(entry.get("type").text(), { ...entry.get("options").members(), name }));
  }
  const inputs = json
    .get("inputs")
    .list(Infinity)
    .map((entry) => {
      const name = entry.get("name").text();
      return { name, shape: checkShape(`input "${name}"`, entry.get("shape").value), value: entry.get("value").whole(0) };
    });
  const calls = json
    .get("calls")
    .list(Infinity, 0)
    .map((entry) => ({ layer: entry.get("layer").text(), inputs: valuesOf(entry.get("inputs")), output: entry.get("output").whole(0) }));
  const outputs = valuesOf(json.get("outputs"));
  checkCalls({ layers, calls, inputs, outputs });
  return { layers, calls, inputs, outputs };
}

/** Numbers of values, one at least. */
function valuesOf(list: Field): number[] {
  return list.list(Infinity).map((number) => number.whole(0));
}

/** Whether every value is made once, before it is read, and every layer called. */
function checkCalls({ layers, calls, inputs, outputs }: Architecture): void {
  const known = new Set<number>();
  const make = (value: number) => {
    if (known.has(value)) throw new RangeError(`model: value ${value} is made twice`);
    known.add(value);
  };
  for (const { value } of inputs) make(value);
  for (const { layer, inputs, output } of calls) {
    if (!layers.has(layer)) throw new RangeError(`model: a call names layer "${layer}", which the file does not have`);
    const missing = inputs.find((number) => !known.has(number));
    if (missing !== undefined)
      throw new RangeError(`model: layer "${layer}" reads value ${missing} before anything makes it (a cycle, or a missing layer)`);
    make(output);
  }
  const unknown = outputs.find((number) => !known.has(number));
  if (unknown !== undefined) throw new RangeError(`model: output ${unknown} is not made by any layer`);
  const called = new Set(calls.map(({ layer }) => layer));
  const idle = [...layers.keys()].find((name) => !called.has(name));
  if (idle !== undefined) throw new RangeError(`model: nothing calls layer "${idle}"`);
}
