/** What the page needs to know of a model's layers, read from the model. */
import type { Model, WeightArray } from "../../../src/index.ts";

/** A convolution, as far as its sums can be followed by hand. */
export interface Convolution {
  /** The layer whose maps it reads; null: the picture itself. */
  readonly source: string | null;
  readonly inputShape: readonly number[];
  /** [height, width, input maps per group, filters] */
  readonly kernel: WeightArray;
  readonly bias: Float32Array | null;
  readonly groups: number;
  readonly window: WindowShape;
  /** What is applied to the sum: "linear", "relu", … */
  readonly activation: string;
}

export interface WindowShape {
  readonly height: number;
  readonly width: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padLeft: number;
}

export interface Pooling {
  readonly kind: "max" | "mean";
  readonly source: string | null;
  readonly inputShape: readonly number[];
  readonly window: WindowShape;
}

export interface LayerInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly convolution: Convolution | null;
  readonly pooling: Pooling | null;
}

type Node = Model["graph"]["nodes"][number];

export function layersOf(model: Model): LayerInfo[] {
  const { nodes } = model.graph;
  return model.layers.map((layer) => {
    const own = nodes.filter(({ name }) => name === layer.name);
    return {
      name: layer.name,
      type: layer.type,
      shape: layer.outputShape,
      parameters: layer.countParams(),
      convolution: convolutionOf(model, layer.name, own),
      pooling: poolingOf(nodes, own),
    };
  });
}

/** Layers whose output is a stack of maps [height, width, maps]. */
export function hasMaps({ shape }: LayerInfo): boolean {
  return shape.length === 3;
}

/** Of layers with one convolution; a dense layer is one to the compiler, but has no window over a picture. */
function convolutionOf(model: Model, name: string, own: readonly Node[]): Convolution | null {
  const [node, ...others] = own.filter(({ op }) => op === "conv2d");
  const [kernel, bias] = model.getLayer(name).getWeights();
  if (node === undefined || others.length > 0 || kernel === undefined || kernel.shape.length !== 4) return null;
  const { geometry, groups } = node.attributes as { geometry: Geometry; groups: number };
  const activation = own.find(({ op }) => op === "activation")?.attributes as { kind: string } | undefined;
  return {
    source: sourceOf(model.graph.nodes, node),
    inputShape: node.inputs[0]!.shape,
    kernel: { ...kernel, shape: depthwiseShape(kernel, groups) },
    bias: bias?.data ?? null,
    groups,
    window: windowOf(geometry),
    activation: activation?.kind ?? "linear",
  };
}

/** A depthwise kernel [height, width, maps, multiplier] as one of groups: [height, width, 1, filters], the same numbers in the same order. */
function depthwiseShape({ name, shape }: WeightArray, groups: number): readonly number[] {
  const [height, width, maps, multiplier] = shape as [number, number, number, number];
  return name.endsWith("depthwiseKernel") && maps === groups ? [height, width, 1, maps * multiplier] : shape;
}

function poolingOf(nodes: readonly Node[], own: readonly Node[]): Pooling | null {
  const node = own.find(({ op }) => op === "pool2d");
  if (node === undefined) return null;
  const { kind, geometry } = node.attributes as { kind: Pooling["kind"]; geometry: Geometry };
  return { kind, source: sourceOf(nodes, node), inputShape: node.inputs[0]!.shape, window: windowOf(geometry) };
}

function sourceOf(nodes: readonly Node[], node: Node): string | null {
  return nodes.find(({ output }) => output.id === node.inputs[0]!.id)?.name ?? null;
}

/** The op's own description of its window. */
interface Geometry {
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padLeft: number;
}

function windowOf({ windowHeight, windowWidth, ...rest }: Geometry): WindowShape {
  return { height: windowHeight, width: windowWidth, ...rest };
}
