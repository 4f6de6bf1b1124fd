/** Rewrites a graph for one program: what inference drops or folds, and what is applied where an output is written. */
import type { Graph, Node, Value } from "../graph.ts";
import type { ActivationAttributes } from "../ops/activation.ts";
import { statisticsParameters } from "../ops/batchNormalization.ts";
import type { Attributes } from "../ops/index.ts";
import { sameShape } from "../shape.ts";

export interface FuseOptions {
  readonly training: boolean;
  /** With a backward section nothing is folded: gradients want the unfolded weights. */
  readonly backward: boolean;
  /** Values the host asked for: never fused away. */
  readonly requested: ReadonlySet<Value>;
  usesRunningStatistics(node: Node): boolean;
}

/** Activations that a convolution applies to the sums it still holds in registers. */
const IN_CONV2D: ReadonlySet<string> = new Set(["relu", "relu6", "leakyRelu"]);

export interface FusedGraph {
  readonly nodes: readonly Node[];
  /** What stands for a value of the original graph. */
  resolve(value: Value): Value;
}

export function fuse(graph: Graph, options: FuseOptions): FusedGraph {
  const replaced = new Map<Value, Value>();
  const resolve = (value: Value): Value => replaced.get(value) ?? value;
  const readers = countReaders(graph);
  const requested = new Set(options.requested);
  const nodes: Node[] = [];
  /** Index in `nodes` of a convolution whose output nobody but the next node sees. */
  const soleProducer = (value: Value): number => {
    const index = nodes.findLastIndex((node) => node.output === value);
    const free = index >= 0 && nodes[index].op === "conv2d" && readers.get(value) === 1 && !requested.has(value);
    return free && conv2dOf(nodes[index]).activation === undefined ? index : -1;
  };
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(resolve) };
    if (node.op === "dropout" && !options.training) {
      replaced.set(node.output, node.inputs[0]);
      if (requested.has(node.output)) requested.add(node.inputs[0]);
      readers.set(node.inputs[0], (readers.get(node.inputs[0]) ?? 1) - 1 + (readers.get(node.output) ?? 0));
      continue;
    }
    const summand = isSum(node) ? node.inputs.findIndex((value) => soleProducer(value) >= 0 && !conv2dOf(nodes[soleProducer(value)]).residual) : -1;
    if (summand >= 0) {
      const [conv2d] = nodes.splice(soleProducer(node.inputs[summand]), 1);
      const inputs = [conv2d.inputs[0], node.inputs[1 - summand]];
      nodes.push({ ...conv2d, inputs, attributes: { ...conv2dOf(conv2d), residual: true }, output: node.output });
      continue;
    }
    const into = soleProducer(node.inputs[0]);
    const attributes = into < 0 ? undefined : absorb(conv2dOf(nodes[into]), node, options);
    if (attributes === undefined) nodes.push(node);
    else nodes[into] = { ...nodes[into], attributes, output: node.output };
  }
  const alone = (value: Value) => readers.get(value) === 1;
  return { nodes: options.backward ? gatePools(nodes, alone) : nodes, resolve };
}

/** A max pooling that alone reads what a relu wrote keeps no cell where the relu is closed: its gradient is then the one before the relu. */
function gatePools(nodes: readonly Node[], alone: (value: Value) => boolean): Node[] {
  const gated = new Set<Value>();
  const pools = nodes.map((node) => {
    const [input] = node.inputs;
    if (node.op !== "pool2d" || !alone(input) || !nodes.some((producer) => producer.output === input && isRelu(producer))) return node;
    const attributes = node.attributes as Attributes["pool2d"];
    if (attributes.kind !== "max") return node;
    gated.add(input);
    return { ...node, attributes: { ...attributes, activation: "relu" as const } };
  });
  return pools.map((node) => (gated.has(node.output) ? { ...node, attributes: { ...node.attributes, gated: true } } : node));
}

function isRelu(node: Node): boolean {
  if (node.op === "conv2d") return conv2dOf(node).activation?.kind === "relu";
  return node.op === "activation" && (node.attributes as ActivationAttributes).kind === "relu";
}

/** Of two values of one shape: a convolution takes the other one in, and moves to where it has been written. */
function isSum(node: Node): boolean {
  const sum = node.op === "binary" && (node.attributes as Attributes["binary"]).kind === "add";
  return sum && node.inputs.every(({ shape }) => sameShape(shape, node.output.shape));
}

/** The convolution's attributes with `node` taken in, or undefined where it cannot be. */
function absorb(conv2d: Attributes["conv2d"], node: Node, options: FuseOptions): Attributes["conv2d"] | undefined {
  if (node.op === "activation") {
    const activation = node.attributes as ActivationAttributes;
    return IN_CONV2D.has(activation.kind) ? { ...conv2d, activation } : undefined;
  }
  if (
    node.op === "batchNormalization" &&
    !options.backward &&
    !conv2d.residual &&
    conv2d.folded === undefined &&
    options.usesRunningStatistics(node)
  ) {
    return { ...conv2d, folded: statisticsParameters(node as Parameters<typeof statisticsParameters>[0]) };
  }
  return undefined;
}

function conv2dOf(node: Node): Attributes["conv2d"] {
  return node.attributes as Attributes["conv2d"];
}

function countReaders(graph: Graph): Map<Value, number> {
  const readers = new Map<Value, number>();
  for (const value of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs]) readers.set(value, (readers.get(value) ?? 0) + 1);
  return readers;
}
