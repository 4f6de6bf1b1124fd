/** 50 training steps of a whole network against PyTorch. */
import { describe, expect, test } from "vitest";
import {
  adam,
  batchNormalization,
  conv2d,
  dense,
  flatten,
  input,
  type Model,
  type ModelOptions,
  maxPooling2d,
  relu,
  sequential,
  sparseCategoricalCrossentropy,
} from "../../src/index.ts";
import { readCases } from "./cases.ts";
import { BATCH, networkData, networkWeights, SIZE, STEPS } from "./network.ts";

const [golden] = readCases("network");
test("inputs and labels are those of golden_network.py", () => {
  const { inputs, labels } = networkData();
  expect(inputs.slice(0, 5)).toEqual(golden.data("firstInputs"));
  expect(inputs.slice(-5)).toEqual(golden.data("lastInputs"));
  const squares = inputs.reduce((sum, x) => sum + x * x, 0);
  expect(Math.fround(squares)).toBe(golden.data("inputSquares")[0]);
  expect(labels.slice(0, 32)).toEqual(golden.data("firstLabels"));
});

test("first weights are those of golden_network.py", () => {
  const { conv1, norm1, conv2, norm2, dense } = networkWeights();
  const trainable = [conv1[0], norm1[0], norm1[1], conv2[0], norm2[0], norm2[1], dense[0], dense[1]];
  const norms = trainable.map(({ data }) => Math.fround(Math.sqrt(data.reduce((sum, x) => sum + x * x, 0))));
  expect(norms).toEqual([...golden.data("firstWeightNorms")]);
});

/** DESIGN's promise: 1e-4, or three times what PyTorch's float32 differs from its float64. Relative, at every step. */
const float64 = golden.data("lossFloat64");
const gapOfPyTorch = relativeGap(golden.data("lossFloat32"), float64);
const TOLERANCE = Math.max(1e-4, 3 * gapOfPyTorch);

const machines: [string, ModelOptions][] = [
  ["strict", { numerics: "strict" }],
  ["relaxed", { numerics: "relaxed" }],
  ["plain JavaScript", { machine: "plain" }],
];

describe.each(machines)("the network on %s", (name, options) => {
  test("follows the loss curve and arrives at the weights of PyTorch", async () => {
    const model = goldenModel(options);
    const { inputs, labels } = networkData();
    const losses: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const x = { data: inputs.subarray(step * BATCH * SIZE * SIZE, (step + 1) * BATCH * SIZE * SIZE), shape: [BATCH, SIZE, SIZE, 1] };
      losses.push((await model.trainOnBatch(x, labels.subarray(step * BATCH, (step + 1) * BATCH))).loss);
    }
    const gap = relativeGap(losses, float64);
    console.log(`loss curve against PyTorch float64: ${name} ${gap.toExponential(1)}, PyTorch float32 ${gapOfPyTorch.toExponential(1)}`);
    expect(Math.min(...float64)).toBeGreaterThan(0.1);
    expect(gap).toBeLessThan(TOLERANCE);
    const weights = new Map(model.getWeights().map((weight) => [weight.name, weight.data]));
    for (const [index, expected] of golden.data("weightNormsFloat64").entries()) {
      const weight = golden.texts("weightNames")[index];
      const norm = Math.sqrt(weights.get(weight)!.reduce((sum, x) => sum + x * x, 0));
      expect(Math.abs(norm / expected - 1), weight).toBeLessThan(TOLERANCE);
    }
    model.dispose();
  });
});

function goldenModel(options: ModelOptions): Model {
  const layers = [
    input({ shape: [SIZE, SIZE, 1] }),
    conv2d({ filters: 8, kernelSize: 3, useBias: false, name: "conv1" }),
    batchNormalization({ name: "norm1" }),
    relu(),
    conv2d({ filters: 16, kernelSize: 3, useBias: false, name: "conv2" }),
    batchNormalization({ name: "norm2" }),
    relu(),
    maxPooling2d(),
    flatten(),
    dense({ units: 10, name: "dense" }),
  ];
  const model = sequential(layers, options);
  model.compile({ optimizer: adam({ learningRate: 1e-3 }), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
  for (const [name, weights] of Object.entries(networkWeights())) model.getLayer(name).setWeights(weights);
  return model;
}

function relativeGap(values: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Math.max(...Array.from(expected, (value, index) => Math.abs(values[index] / value - 1)));
}
