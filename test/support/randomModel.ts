/** Networks nobody thought of: drawn from a seed, the same on every machine. */
import * as api from "../../src/index.ts";
import { activations } from "./exportable.ts";

type Value = api.SymbolicTensor;

export interface RandomModel {
  /** Layer by layer, for the message of a failure. */
  readonly lines: readonly string[];
  readonly x: api.TensorData;
  readonly y: api.TensorData;
  readonly sampleWeight: Float32Array;
  /** Compiled, with the same weights at every call. */
  build(options: Omit<api.ModelOptions, "seed">): api.Model;
}

const ACTIVATIONS = ["linear", ...activations] as const;

/** Marsaglia's xorshift32. */
class Draw {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed, 0x9e3779b1) | 1;
    for (let round = 0; round < 8; round++) this.unit();
  }

  /** In [0, 1). */
  unit(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 2 ** 32;
  }

  whole(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  of<T>(items: readonly T[]): T {
    return items[Math.floor(this.unit() * items.length)];
  }

  numbers(count: number, scale: number): Float32Array {
    return Float32Array.from({ length: count }, () => (2 * this.unit() - 1) * scale);
  }
}

/** What comes next behind `value`, of [height, width, channels]; undefined where it does not suit. */
type Next = (draw: Draw, value: Value, before: readonly Value[]) => { readonly layer: api.Layer; readonly inputs: readonly Value[] } | undefined;

/** "valid" only where the window fits. */
const padding = (draw: Draw, [height, width]: readonly number[], [windowHeight, windowWidth]: readonly number[]) =>
  windowHeight <= height && windowWidth <= width && draw.chance(0.5) ? "valid" : "same";

const NEXT: readonly Next[] = [
  (draw, value) => {
    const kernelSize = draw.chance(0.5) ? ([3, 3] as const) : ([draw.whole(1, 5), draw.whole(1, 5)] as const);
    const strides = draw.of([
      [1, 1],
      [1, 1],
      [1, 1],
      [2, 2],
      [2, 1],
      [3, 2],
    ] as const);
    const dilationRate =
      strides[0] * strides[1] === 1 && draw.chance(0.2)
        ? draw.of([
            [2, 2],
            [1, 2],
            [3, 1],
          ] as const)
        : ([1, 1] as const);
    const window = kernelSize.map((size, axis) => (size - 1) * dilationRate[axis] + 1);
    const shape = { filters: draw.of([1, 2, 3, 4, 5, 8, 9, 12, 16, 17, 31, 32, 33]), kernelSize, strides, dilationRate };
    const options = { padding: padding(draw, value.shape, window), activation: draw.of(ACTIVATIONS), useBias: draw.chance(0.8) } as const;
    return { layer: api.conv2d({ ...shape, ...options }), inputs: [value] };
  },
  (draw, value) => {
    const groups = draw.of([2, 3, 4].filter((each) => value.shape[2] % each === 0));
    if (groups === undefined) return undefined;
    const shape = { filters: groups * draw.whole(1, 6), kernelSize: draw.whole(1, 3), strides: draw.of([1, 1, 2]) };
    return { layer: api.conv2d({ ...shape, groups, padding: "same", activation: draw.of(ACTIVATIONS) }), inputs: [value] };
  },
  (draw, value) => {
    const kernelSize = draw.of([
      [3, 3],
      [3, 3],
      [5, 5],
      [3, 5],
      [2, 2],
      [1, 1],
    ] as const);
    const shape = { kernelSize, strides: draw.of([1, 1, 2]), depthMultiplier: draw.of([1, 1, 1, 2, 3]) };
    const options = { padding: padding(draw, value.shape, kernelSize), activation: draw.of(ACTIVATIONS) } as const;
    return { layer: api.depthwiseConv2d({ ...shape, ...options }), inputs: [value] };
  },
  (draw, value) => {
    const options = { filters: draw.whole(1, 20), kernelSize: 3, strides: draw.of([1, 2]), activation: draw.of(ACTIVATIONS) };
    return { layer: api.separableConv2d({ ...options, padding: "same" }), inputs: [value] };
  },
  (draw, value) => {
    const poolSize = draw.of([
      [2, 2],
      [2, 2],
      [3, 3],
      [2, 3],
      [1, 2],
      [5, 5],
    ] as const);
    const strides = draw.of([undefined, undefined, 1, 2, [2, 1], 3] as const);
    const options = { poolSize, strides, padding: padding(draw, value.shape, poolSize) } as const;
    return { layer: draw.chance(0.5) ? api.maxPooling2d(options) : api.averagePooling2d(options), inputs: [value] };
  },
  (draw, value) => ({ layer: api.batchNormalization({ center: draw.chance(0.8), scale: draw.chance(0.8), momentum: 0.9 }), inputs: [value] }),
  (draw, value) => ({ layer: draw.of([api.relu, api.gelu, api.leakyRelu, api.softplus, api.softmax])(), inputs: [value] }),
  (_, value) => ({ layer: api.dropout({ rate: 0.3 }), inputs: [value] }),
  (_, value) => ({ layer: api.rescaling({ scale: 0.7, offset: 0.1 }), inputs: [value] }),
  (draw, value) => {
    const [top, bottom, left, right] = [draw.whole(0, 2), draw.whole(0, 3), draw.whole(0, 2), draw.whole(0, 1)];
    return {
      layer: api.zeroPadding2d({
        padding: [
          [top, bottom],
          [left, right],
        ],
      }),
      inputs: [value],
    };
  },
  (draw, value, before) =>
    joined(
      draw.of([api.add, api.multiply])(),
      draw,
      value,
      before.filter(({ shape }) => `${shape}` === `${value.shape}`),
    ),
  (draw, value, before) => {
    const [height, width] = value.shape;
    return joined(
      api.concatenate(),
      draw,
      value,
      before.filter(({ shape }) => shape[0] === height && shape[1] === width),
    );
  },
];

function joined(layer: api.Layer, draw: Draw, value: Value, others: readonly Value[]) {
  return others.length === 0 ? undefined : { layer, inputs: draw.chance(0.5) ? [value, draw.of(others)] : [draw.of(others), value] };
}

const LOSSES = [
  { loss: "sparseCategoricalCrossentropy", activation: "softmax" },
  { loss: "categoricalCrossentropy", activation: "softmax" },
  { loss: "binaryCrossentropy", activation: "sigmoid" },
  { loss: "meanSquaredError", activation: "linear" },
  { loss: "meanAbsoluteError", activation: "linear" },
  { loss: "huber", activation: "linear" },
] as const;

const OPTIMIZERS: readonly (() => api.Optimizer)[] = [
  () => api.adam(),
  () => api.adam({ clipNorm: 1 }),
  () => api.adamW(),
  () => api.rmsprop(),
  () => api.sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true }),
  () => api.sgd({ learningRate: 0.01, globalClipNorm: 1 }),
];

/** Elements of a map, at most: the obvious loops of plain JavaScript take part. */
const LARGEST = 20_000;

export function randomModel(seed: number): RandomModel {
  const draw = new Draw(seed);
  const lines: string[] = [];
  const apply = (layer: api.Layer, ...inputs: Value[]): Value => {
    lines.push(`${layer.type} ${JSON.stringify(layer.options)} of ${inputs.map(({ shape }) => `[${shape}]`).join(", ")}`);
    return inputs.length > 1 ? layer.apply(inputs) : layer.apply(inputs[0]);
  };
  const shape = [draw.whole(1, 23), draw.whole(1, 23), draw.of([1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17])] as const;
  const inputs = api.input({ shape });
  const values: Value[] = [inputs];
  for (let count = draw.whole(1, 6); count > 0; count--) {
    const next = draw.of(NEXT)(draw, values.at(-1)!, values);
    if (next === undefined) continue;
    values.push(apply(next.layer, ...next.inputs));
    if (values.at(-1)!.shape.reduce((product, size) => product * size) > LARGEST) break;
  }
  let value = apply(draw.of([api.flatten, api.flatten, api.globalAveragePooling2d, api.globalMaxPooling2d])(), values.at(-1)!);
  if (draw.chance(0.5)) value = apply(api.dense({ units: draw.whole(1, 40), activation: draw.of(ACTIVATIONS) }), value);
  const { loss, activation } = draw.of(LOSSES);
  const classes = draw.whole(2, 11);
  const outputs = apply(api.dense({ units: classes, activation }), value);
  const optimizer = draw.of(OPTIMIZERS);
  const samples = draw.whole(2, 9);
  const x = { data: draw.numbers(samples * shape[0] * shape[1] * shape[2], 1), shape: [samples, ...shape] };
  return {
    lines: [...lines, loss],
    x,
    y:
      loss === "sparseCategoricalCrossentropy" ? labels(draw, samples, classes) : targets(draw, samples, classes, loss === "categoricalCrossentropy"),
    sampleWeight: draw.numbers(samples, 1).map((weight) => 1 + weight / 2),
    build(options) {
      const model = api.model({ inputs, outputs }, { seed, ...options });
      model.compile({ optimizer: optimizer(), loss });
      return model;
    },
  };
}

function labels(draw: Draw, samples: number, classes: number): api.TensorData {
  return { data: Float32Array.from({ length: samples }, () => draw.whole(0, classes - 1)), shape: [samples, 1] };
}

function targets(draw: Draw, samples: number, classes: number, oneHot: boolean): api.TensorData {
  const data = new Float32Array(samples * classes);
  if (oneHot) for (let sample = 0; sample < samples; sample++) data[sample * classes + draw.whole(0, classes - 1)] = 1;
  else data.set(draw.numbers(data.length, 0.5).map((target) => target + 0.5));
  return { data, shape: [samples, classes] };
}
