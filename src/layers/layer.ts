/** What a layer is: a name, options, and how it becomes nodes. It holds no numbers; those live in a model. */
import type { Graph, Node, Parameter, Value } from "../graph.ts";
import { type Initializer, type InitializerSpec, initializer } from "../initializers.ts";
import type { Attributes, OpName } from "../ops/index.ts";
import { checkFlag, checkOptions, shown, within } from "../options.ts";
import { checkShape, type Shape } from "../shape.ts";
import { type RegularizerSpec, regularizer } from "./regularizers.ts";

/** A value of a model under construction: what `input` and `layer.apply` give. */
export interface SymbolicTensor {
  readonly kind: "symbolic";
  /** Without the batch. */
  readonly shape: Shape;
  /** What computes it; null for an input. */
  readonly layer: Layer | null;
  readonly inputs: readonly SymbolicTensor[];
  /** The name of an input. */
  readonly name?: string;
}

/** Options every layer has. */
export interface LayerOptions {
  /** Unique in its model. Default: the type, with `_1`, `_2`, … where it repeats. */
  readonly name?: string;
  /** false: its parameters stay as they are, and a batch normalization uses its running statistics. Default true. */
  readonly trainable?: boolean;
  /** Shape of one sample, on the first layer of a `sequential` without `input`. */
  readonly inputShape?: Shape;
}

export interface Layer {
  /** The factory's name: "conv2d". */
  readonly type: string;
  readonly options: LayerOptions & Readonly<Record<string, unknown>>;
  /** Puts the layer behind one or several values. Applied twice, it is shared: the same parameters serve both. */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor;
  /** @internal Emits the layer's nodes. */
  build(scope: LayerScope, inputs: readonly Value[]): Value;
}

export interface ParameterOptions {
  readonly initializer: InitializerSpec;
  readonly fans?: { readonly fanIn: number; readonly fanOut: number };
  readonly regularizer?: RegularizerSpec;
  /** Default true; false for statistics. */
  readonly learned?: boolean;
}

/** What a layer builds with. */
export interface LayerScope {
  /** `conv2d "conv1"`: how errors begin. */
  readonly where: string;
  readonly name: string;
  node<N extends OpName>(op: N, made: NodeParts<N>): Value;
  parameter(role: string, shape: Shape, options: ParameterOptions): Parameter;
}

export interface NodeParts<N extends OpName> {
  readonly inputs: readonly Value[];
  readonly shape: Shape;
  readonly attributes: Attributes[N];
  readonly parameters?: Readonly<Record<string, Parameter>>;
}

/** A placeholder for one sample's values: `input({ shape: [28, 28, 1] })`. */
export function input(options: { readonly shape: Shape; readonly name?: string }): SymbolicTensor {
  checkOptions("input", options, ["shape", "name"]);
  const { shape, name } = options;
  if (typeof (name ?? "") !== "string") throw new TypeError(`input: name is ${shown(name)}, needs a text`);
  return { kind: "symbolic", shape: checkShape(`input ${name ?? ""}`.trim(), shape), layer: null, inputs: [], name };
}

export interface LayerParts<O extends LayerOptions> {
  readonly type: string;
  readonly options: O;
  /** Names of the options it knows besides LayerOptions. */
  readonly known: readonly string[];
  /** Inputs it takes; [2, Infinity] for merging layers. Default exactly one. */
  readonly arity?: readonly [number, number];
  /** `options` are a copy of those it was made with: the caller may change its own for the next layer. */
  build(scope: LayerScope, inputs: readonly Value[], options: O): Value;
}

/** Makes a layer and checks its options' names. */
export function makeLayer<O extends LayerOptions>({ type, options: given, known, arity = [1, 1], build }: LayerParts<O>): Layer {
  checkOptions(layerWhere(type, given?.name), given, ["name", "trainable", "inputShape", ...known]);
  const options = copied(given);
  const { name, trainable } = options;
  if (name !== undefined) checkName(type, name);
  if (trainable !== undefined) checkFlag(layerWhere(type, name), "trainable", trainable);
  const layer: Layer = {
    type,
    options: options as unknown as Layer["options"],
    build(scope, inputs) {
      if (inputs.length < arity[0] || inputs.length > arity[1]) {
        const needs = arity[0] === arity[1] ? `${arity[0]}` : `at least ${arity[0]}`;
        throw new RangeError(`${scope.where}: got ${inputs.length} inputs, needs ${needs}`);
      }
      return build(scope, inputs, options);
    },
    apply(inputs) {
      const list = Array.isArray(inputs) ? inputs : [inputs];
      for (const value of list) {
        if (value?.kind !== "symbolic") {
          throw new TypeError(`${layerWhere(type, options.name)}: apply got ${shown(value)}, needs values made by input() or apply()`);
        }
      }
      const shape = outputShape(
        layer,
        list.map((value) => value.shape),
      );
      return { kind: "symbolic", shape, layer, inputs: [...list] };
    },
  };
  return layer;
}

/** Of lists and plain objects all the way down; functions and what has a class of its own are kept. */
function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T;
  if (Object.getPrototypeOf(value ?? 0) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value as object).map(([name, part]) => [name, copied(part)])) as T;
}

/** The slash parts a layer's name from its parameters' in files. */
function checkName(type: string, name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`${type}: name is ${shown(name)}, needs a text without "/"`);
  if (name === "" || name.includes("/")) throw new RangeError(`${type}: name is ${shown(name)}, needs a text without "/"`);
}

export function layerWhere(type: string, name?: string): string {
  return name === undefined ? type : `${type} "${name}"`;
}

/** The shape a layer gives for these inputs, with its errors. */
function outputShape(layer: Layer, inputShapes: readonly Shape[]): Shape {
  const builder = new GraphBuilder();
  const values = inputShapes.map((shape, index) => builder.value(`input ${index}`, shape));
  return builder.call(layer, layer.options.name, values).shape;
}

/** Collects nodes and parameters while layers build. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly parameters: Parameter[] = [];
  private readonly byLayer = new Map<Layer, Map<string, Parameter>>();
  private values = 0;

  value(name: string, shape: Shape): Value {
    return { id: this.values++, name, shape };
  }

  /** Builds one call of a layer. A second call of the same layer finds the first one's parameters. */
  call(layer: Layer, name: string | undefined, inputs: readonly Value[]): Value {
    const label = name ?? layer.type;
    const known = this.byLayer.get(layer) ?? new Map<string, Parameter>();
    this.byLayer.set(layer, known);
    return layer.build(
      {
        where: layerWhere(layer.type, name),
        name: label,
        node: (op, { inputs: nodeInputs, shape, attributes, parameters = {} }) => {
          const output = this.value(label, shape);
          this.nodes.push({ op, name: label, inputs: nodeInputs, output, attributes, parameters } as Node);
          return output;
        },
        parameter: (role, shape, options) => {
          const where = layerWhere(layer.type, name);
          const parameter = known.get(role) ?? within(where, () => makeParameter(label, role, { shape, ...options }));
          if (parameter.shape.join() !== shape.join()) {
            throw new RangeError(`${where}: shared, its ${role} has shape [${parameter.shape}], this input needs [${shape}]`);
          }
          if (!known.has(role)) this.parameters.push(parameter);
          known.set(role, parameter);
          return parameter;
        },
      },
      inputs,
    );
  }

  graph(inputs: readonly Value[], outputs: readonly Value[]): Graph {
    return { inputs, outputs, nodes: this.nodes, parameters: this.parameters };
  }
}

function makeParameter(layer: string, role: string, options: ParameterOptions & { shape: Shape }): Parameter {
  const { shape, fans = { fanIn: 1, fanOut: 1 }, learned = true } = options;
  const { l1, l2 } = regularizer(options.regularizer);
  const start: Initializer = initializer(options.initializer);
  return { name: `${layer}/${role}`, shape, initializer: start, ...fans, learned, l1, l2, layer };
}
