/** One float64 check of a whole program per graph feature: gradients against central differences. */
import { describe, expect, test } from "vitest";
import * as convlet from "../src/index.ts";
import type { Layer, LossSpec, Model, SymbolicTensor } from "./support/api.ts";
import { FLOAT64_GRADIENT, gradientErrors, randomSamples } from "./support/gradients.ts";

const { input, conv2d, dense, flatten, maxPooling2d, averagePooling2d, batchNormalization, dropout, add, multiply, concatenate } = convlet;
const float64 = { elementBytes: 8, machine: "plain", seed: 3 } as const;

interface Case {
  readonly name: string;
  /** Builds the model's outputs from its input [7, 6, 3]. */
  build(x: SymbolicTensor): SymbolicTensor;
  readonly loss?: LossSpec;
  readonly weighted?: boolean;
}

const head = (value: SymbolicTensor): SymbolicTensor => dense({ units: 4, activation: "softmax" }).apply(flatten().apply(value));
const chain = (value: SymbolicTensor, ...layers: Layer[]): SymbolicTensor => layers.reduce((each, layer) => layer.apply(each), value);
const conv = (filters: number, options: object = {}) => conv2d({ filters, kernelSize: 3, padding: "same", ...options });

const cases: Case[] = [
  { name: "one convolution", build: (x) => head(chain(x, conv2d({ filters: 2, kernelSize: 3 }))) },
  { name: "same padding, stride 2", build: (x) => head(chain(x, conv(3), conv(2, { strides: 2, activation: "tanh" }))) },
  { name: "dilation", build: (x) => head(chain(x, conv(3), conv(2, { dilationRate: 2 }))) },
  { name: "groups", build: (x) => head(chain(x, conv(4), conv(6, { groups: 2 }))) },
  { name: "depthwise with multiplier", build: (x) => head(chain(x, conv(2), convlet.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }))) },
  { name: "separable", build: (x) => head(chain(x, conv(3), convlet.separableConv2d({ filters: 2, kernelSize: [3, 2], strides: 2 }))) },
  { name: "fused relu before a pooling", build: (x) => head(chain(x, conv(4, { activation: "relu" }), maxPooling2d())) },
  {
    name: "relu behind a normalization, before overlapping poolings",
    build: (x) => head(chain(x, conv(3), batchNormalization(), convlet.relu(), maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }))),
  },
  {
    name: "relu before a pooling and another reader",
    build: (x) => {
      const first = conv(4, { activation: "relu" }).apply(x);
      return head(concatenate().apply([maxPooling2d().apply(first), maxPooling2d().apply(conv(2).apply(first))]));
    },
  },
  { name: "leakyRelu, elu, selu", build: (x) => head(chain(x, conv(2, { activation: "leakyRelu" }), convlet.elu(), conv(2), convlet.selu())) },
  {
    name: "swish, gelu, hardSwish",
    build: (x) => head(chain(x, conv(2, { activation: "swish" }), conv(2, { activation: "gelu" }), conv(2), convlet.hardSwish())),
  },
  {
    name: "sigmoid, softplus, hardSigmoid",
    build: (x) => head(chain(x, conv(2, { activation: "sigmoid" }), conv(2), convlet.softplus(), convlet.hardSigmoid())),
  },
  { name: "mean pooling, overlapping", build: (x) => head(chain(x, conv(2), averagePooling2d({ poolSize: 3, strides: 2, padding: "same" }))) },
  { name: "max pooling, overlapping", build: (x) => head(chain(x, conv(2), maxPooling2d({ poolSize: 3, strides: 1, padding: "same" }))) },
  {
    name: "global poolings",
    build: (x) => head(concatenate().apply([convlet.globalAveragePooling2d().apply(conv(2).apply(x)), convlet.globalMaxPooling2d().apply(x)])),
  },
  { name: "batch normalization", build: (x) => head(chain(x, conv(3, { useBias: false }), batchNormalization(), convlet.relu(), conv(2))) },
  {
    name: "batch normalization without scale",
    build: (x) => head(chain(x, conv(3), batchNormalization({ scale: false }), conv(2), batchNormalization({ center: false }))),
  },
  { name: "frozen batch normalization", build: (x) => head(chain(x, conv(3), batchNormalization({ trainable: false }), conv(2))) },
  { name: "dropout", build: (x) => head(chain(x, conv(3), dropout({ rate: 0.4 }), conv(2), dropout({ rate: 0.2 }))) },
  {
    name: "residual: one value read twice",
    build: (x) => {
      const first = conv(3, { activation: "tanh" }).apply(x);
      return head(add().apply([first, conv(3).apply(first)]));
    },
  },
  {
    name: "residual: two convolutions into a relu, the later one takes the sum in",
    build: (x) => {
      const first = conv(3, { activation: "relu" }).apply(x);
      const sum = add().apply([conv(4).apply(conv(2).apply(first)), conv2d({ filters: 4, kernelSize: 1 }).apply(first)]);
      return head(maxPooling2d().apply(convlet.relu().apply(sum)));
    },
  },
  {
    name: "residual: the input itself, twice",
    build: (x) => head(add().apply([add().apply([x, conv(3).apply(x)]), conv(3, { groups: 3 }).apply(x)])),
  },
  {
    name: "fan-out of three, added and multiplied",
    build: (x) => {
      const first = conv(3).apply(x);
      const second = multiply().apply([first, conv(3, { activation: "sigmoid" }).apply(first)]);
      return head(add().apply([second, first, second]));
    },
  },
  { name: "a value times itself", build: (x) => head(((first) => multiply().apply([first, first]))(conv(3).apply(x))) },
  {
    name: "squeeze and excite: a broadcast factor",
    build: (x) => {
      const first = conv(4).apply(x);
      const factor = chain(
        first,
        convlet.globalAveragePooling2d(),
        dense({ units: 2, activation: "tanh" }),
        dense({ units: 4, activation: "sigmoid" }),
      );
      return head(multiply().apply([first, convlet.reshape({ targetShape: [1, 1, 4] }).apply(factor)]));
    },
  },
  {
    name: "a broadcast term",
    build: (x) => {
      const first = conv(4).apply(x);
      return head(add().apply([convlet.globalMaxPooling2d().apply(first), first]));
    },
  },
  {
    name: "concatenation of branches",
    build: (x) => {
      const first = conv(3, { activation: "tanh" }).apply(x);
      const joined = concatenate().apply([conv(2).apply(first), first, conv2d({ filters: 3, kernelSize: 1 }).apply(first)]);
      return head(conv(2).apply(joined));
    },
  },
  {
    name: "dense connections: concatenated twice",
    build: (x) => {
      const first = conv(2).apply(x);
      const joined = concatenate().apply([first, conv(2).apply(first)]);
      return head(concatenate().apply([joined, conv(2).apply(joined), first]));
    },
  },
  {
    name: "a shared layer",
    build: (x) => {
      const shared = conv(3, { activation: "tanh" });
      return head(shared.apply(shared.apply(x)));
    },
  },
  {
    name: "a shared batch normalization",
    build: (x) => {
      const shared = batchNormalization();
      return head(shared.apply(conv(3).apply(shared.apply(x))));
    },
  },
  {
    name: "zero padding",
    build: (x) =>
      head(
        chain(
          x,
          conv(2),
          convlet.zeroPadding2d({
            padding: [
              [1, 0],
              [2, 1],
            ],
          }),
          conv2d({ filters: 2, kernelSize: 3, strides: 2 }),
        ),
      ),
  },
  {
    name: "reshape of a haloed value",
    build: (x) =>
      head(
        ((first) =>
          add().apply([
            chain(first, convlet.reshape({ targetShape: [6, 7, 3] }), convlet.reshape({ targetShape: [7, 6, 3] })),
            conv(3).apply(first),
          ]))(conv(3).apply(x)),
      ),
  },
  {
    name: "rescaling and normalization",
    build: (x) =>
      head(chain(x, conv(3), convlet.rescaling({ scale: 0.5, offset: 1 }), convlet.normalization({ mean: [0.1, 0.2, 0.3], variance: 2 }), conv(2))),
  },
  { name: "softmax in the middle", build: (x) => head(chain(x, conv(3), convlet.softmax(), conv(2))) },
  { name: "penalties", build: (x) => head(chain(x, conv(2, { kernelRegularizer: { l1: 0.02, l2: 0.03 }, biasRegularizer: { l2: 0.1 } }))) },
  { name: "sample weights", build: (x) => head(conv(2).apply(x)), weighted: true },
  { name: "categorical cross-entropy", build: (x) => head(conv(2).apply(x)), loss: "categoricalCrossentropy" },
  {
    name: "cross-entropy of probabilities that are no softmax",
    build: (x) => dense({ units: 4, activation: "sigmoid" }).apply(flatten().apply(x)),
    loss: "categoricalCrossentropy",
  },
  {
    name: "logits",
    build: (x) => dense({ units: 4 }).apply(flatten().apply(conv(2).apply(x))),
    loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }),
  },
  { name: "binary cross-entropy", build: (x) => dense({ units: 4, activation: "sigmoid" }).apply(flatten().apply(x)), loss: "binaryCrossentropy" },
  {
    name: "binary cross-entropy of other probabilities",
    build: (x) => chain(x, flatten(), dense({ units: 4 }), convlet.hardSigmoid()),
    loss: "binaryCrossentropy",
  },
  { name: "mean squared error per pixel", build: (x) => conv(4).apply(x), loss: "meanSquaredError" },
  { name: "mean absolute error", build: (x) => head(x), loss: "meanAbsoluteError" },
  { name: "huber", build: (x) => conv(4).apply(x), loss: convlet.huber({ delta: 0.3 }) },
  { name: "a class per pixel", build: (x) => conv(4, { activation: "softmax" }).apply(x), loss: "sparseCategoricalCrossentropy", weighted: true },
  {
    name: "dense over the last axis",
    build: (x) => head(chain(x, convlet.reshape({ targetShape: [6, 21] }), dense({ units: 5, activation: "tanh" }))),
  },
];

function build({ build: graph, loss = "sparseCategoricalCrossentropy" }: Case): Model {
  const x = input({ shape: [7, 6, 3] });
  const model = convlet.model({ inputs: x, outputs: graph(x) }, float64);
  model.compile({ optimizer: "sgd", loss });
  return model;
}

describe("gradients of whole programs in float64", () => {
  test.each(cases)("$name", async (each) => {
    const model = build(each);
    const [output] = model.outputShapes;
    const { loss = "sparseCategoricalCrossentropy" } = each;
    const isSparse = (typeof loss === "string" ? loss : loss.name) === "sparseCategoricalCrossentropy";
    const target = isSparse ? { shape: output.slice(0, -1), classes: 4 } : { shape: output };
    const errors = await gradientErrors(model, randomSamples(model, 3, target, each.weighted));
    expect(errors.size).toBeGreaterThan(0);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(FLOAT64_GRADIENT);
  });
});
