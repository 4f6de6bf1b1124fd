/** Nodes, edges, names: a pure description of what is computed. */
import type { Initializer } from "./initializers.ts";
import type { Attributes, OpName } from "./ops/index.ts";
import type { Shape } from "./shape.ts";

/** A learned or counted array, named `layer/kernel` in files and errors. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  readonly initializer: Initializer;
  readonly fanIn: number;
  readonly fanOut: number;
  /** False for running statistics: no gradient, no optimizer slots. */
  readonly learned: boolean;
  readonly l1: number;
  readonly l2: number;
  /** The layer it belongs to: what `trainable` is asked of. */
  readonly layer: string;
}

/** What flows along an edge: one activation. */
export interface Value {
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
}

export interface Node<N extends OpName = OpName> {
  readonly op: N;
  /** For errors and the plan view: the layer's name. */
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly attributes: Attributes[N];
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Nodes stand in an order in which every input is written before it is read. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly parameters: readonly Parameter[];
}
