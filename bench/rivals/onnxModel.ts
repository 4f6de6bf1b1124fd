/** Writes a workload's layers as an ONNX file: protobuf by hand, fields as numbered in onnx.proto3 (github.com/onnx/onnx). */
import { convWeightOihw, denseWeightByOutput } from "./layout.ts";
import { type Layer, readBy } from "./workload.ts";

const OPSET = 13;
const IR_VERSION = 7;
const FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** Input "x" [n, channels, height, width] → output "y". */
export function onnxModel(layers: readonly Layer[], [height, width, channels]: readonly [number, number, number]): Uint8Array {
  const graph = new Graph();
  const values: string[] = [];
  for (const [place, layer] of layers.entries()) {
    const [first, ...others] = readBy(layer, place).map((each) => values[each] ?? "x");
    graph.value = first;
    graph.add(layer, others);
    values.push(graph.value);
  }
  const inputs = valueInfo("x", ["n", channels, height, width]);
  const body = [...graph.nodes, text(2, "bench"), ...graph.initializers, bytes(11, inputs), bytes(12, valueInfo(graph.value, null))];
  const opset = bytes(8, concatenate([text(1, ""), integer(2, OPSET)]));
  return concatenate([integer(1, IR_VERSION), text(2, "bench"), bytes(7, concatenate(body)), opset]);
}

class Graph {
  readonly nodes: Uint8Array[] = [];
  readonly initializers: Uint8Array[] = [];
  /** The last node's result; what the next reads. */
  value = "x";

  /** Of `value` and, where it reads more, `others`. */
  add(layer: Layer, others: readonly string[]): void {
    const name = `${layer.type}${this.nodes.length}`;
    if (layer.type === "conv") {
      const { window, stride, padding, groups, inChannels, outChannels } = layer;
      const weight = this.initializer(`${name}.weight`, [outChannels, inChannels / groups, window, window], convWeightOihw(layer));
      const bias = this.initializer(`${name}.bias`, [outChannels], layer.bias);
      const pads = [padding, padding, padding, padding];
      this.node("Conv", [weight, bias], { kernel_shape: [window, window], strides: [stride, stride], pads, group: groups, dilations: [1, 1] });
    } else if (layer.type === "dense") {
      if (layer.flattened !== undefined) this.node("Flatten", [], { axis: 1 });
      const weight = this.initializer(`${name}.weight`, [layer.outputs, layer.inputs], denseWeightByOutput(layer));
      this.node("Gemm", [weight, this.initializer(`${name}.bias`, [layer.outputs], layer.bias)], { transB: 1 });
    } else if (layer.type === "globalAveragePool") {
      this.node("GlobalAveragePool", [], {});
      this.node("Flatten", [], { axis: 1 });
    } else if (layer.type === "maxPool") {
      const { window, stride, padding } = layer;
      const pads = [padding, padding, padding, padding];
      this.node("MaxPool", [], { kernel_shape: [window, window], strides: [stride, stride], pads });
    } else if (layer.type === "add") this.node("Add", others, {});
    else this.node("Softmax", [], { axis: 1 });
    if ("relu" in layer && layer.relu) this.node("Relu", [], {});
  }

  private node(opType: string, operands: readonly string[], attributes: Readonly<Record<string, number | readonly number[]>>): void {
    const inputs = [this.value, ...operands].map((name) => text(1, name));
    this.value = `y${this.nodes.length}`;
    const written = Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value)));
    this.nodes.push(bytes(1, concatenate([...inputs, text(2, this.value), text(4, opType), ...written])));
  }

  private initializer(name: string, shape: readonly number[], data: Float32Array): string {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dimensions = shape.map((size) => integer(1, size));
    this.initializers.push(bytes(5, concatenate([...dimensions, integer(2, FLOAT), text(8, name), bytes(9, raw)])));
    return name;
  }
}

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  if (typeof value === "number") return concatenate([text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)]);
  return concatenate([text(1, name), ...value.map((each) => integer(8, each)), integer(20, ATTRIBUTE_INTS)]);
}

/** A name stands for a dimension known only at run time; null for a shape that is to be inferred. */
function valueInfo(name: string, shape: readonly (number | string)[] | null): Uint8Array {
  const dimensions = shape?.map((size) => bytes(1, typeof size === "number" ? integer(1, size) : text(2, size)));
  const tensor = [integer(1, FLOAT), ...(dimensions ? [bytes(2, concatenate(dimensions))] : [])];
  return concatenate([text(1, name), bytes(2, bytes(1, concatenate(tensor)))]);
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field << 3), ...varint(value)]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return concatenate([Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
