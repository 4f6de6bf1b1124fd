/** Losses, penalties, clips and optimizers through a whole model, against float64 or by what is learned. */
import { describe, expect, test } from "vitest";
import * as convlet from "../../src/index.ts";
import { expectClose } from "../support/kernels.ts";
import { allWeights, labels, machines, numbers, on, oneHot, xor } from "../support/networks.ts";

const { dense, input, sequential } = convlet;

/** A mean over a few dozen float32 terms against float64. */
const LOSS = 3e-6;
/** One update in float32 from a float32 gradient against the same in float64, relative to the largest weight. */
const UPDATE = 1e-6;

const COUNT = 40;
const rows = numbers(COUNT * 5);
const kinds = labels(COUNT, 3);
const probabilities = numbers(COUNT * 3, 8).map((value) => (value + 1) / 2);

interface LossCase {
  readonly loss: convlet.Loss;
  readonly activation: convlet.ActivationName;
  readonly target: Float32Array | Uint8Array;
  /** From a row of predictions and of targets. */
  row(prediction: number[], target: number[]): number;
}

const softmax = (row: number[]) => row.map((value) => Math.exp(value) / row.reduce((sum, each) => sum + Math.exp(each), 0));
const sigmoid = (row: number[]) => row.map((value) => 1 / (1 + Math.exp(-value)));
const categorical = (p: number[], t: number[]) => t.reduce((sum, target, index) => sum - target * Math.log(p[index] / p.reduce((a, b) => a + b)), 0);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const binary = (p: number[], t: number[]) => mean(p.map((value, index) => -t[index] * Math.log(value) - (1 - t[index]) * Math.log(1 - value)));
const huber = (error: number, delta: number) => (Math.abs(error) <= delta ? error ** 2 / 2 : delta * (Math.abs(error) - delta / 2));

const logits = { fromLogits: true };
const cases: Record<string, LossCase> = {
  "labels of a softmax": { loss: convlet.sparseCategoricalCrossentropy(), activation: "softmax", target: kinds, row: categorical },
  "labels of logits": {
    loss: convlet.sparseCategoricalCrossentropy(logits),
    activation: "linear",
    target: kinds,
    row: (p, t) => categorical(softmax(p), t),
  },
  "labels of other probabilities": { loss: convlet.sparseCategoricalCrossentropy(), activation: "sigmoid", target: kinds, row: categorical },
  "one-hot rows of a softmax": { loss: convlet.categoricalCrossentropy(), activation: "softmax", target: oneHot(kinds, 3), row: categorical },
  "rows of logits": {
    loss: convlet.categoricalCrossentropy(logits),
    activation: "linear",
    target: probabilities,
    row: (p, t) => categorical(softmax(p), t),
  },
  "yes or no of a sigmoid": { loss: convlet.binaryCrossentropy(), activation: "sigmoid", target: oneHot(kinds, 3), row: binary },
  "yes or no of logits": {
    loss: convlet.binaryCrossentropy(logits),
    activation: "linear",
    target: probabilities,
    row: (p, t) => binary(sigmoid(p), t),
  },
  "yes or no of other probabilities": { loss: convlet.binaryCrossentropy(), activation: "softmax", target: probabilities, row: binary },
  "squared error": {
    loss: { name: "meanSquaredError", config: {}, target: "same" },
    activation: "tanh",
    target: probabilities,
    row: (p, t) => mean(p.map((value, index) => (value - t[index]) ** 2)),
  },
  "absolute error": {
    loss: { name: "meanAbsoluteError", config: {}, target: "same" },
    activation: "linear",
    target: probabilities,
    row: (p, t) => mean(p.map((value, index) => Math.abs(value - t[index]))),
  },
  huber: {
    loss: convlet.huber({ delta: 0.4 }),
    activation: "linear",
    target: probabilities,
    row: (p, t) => mean(p.map((value, index) => huber(value - t[index], 0.4))),
  },
};

const rowOf = (values: ArrayLike<number>, row: number) => Array.from({ length: 3 }, (_, index) => values[row * 3 + index]);

describe.each(Object.entries(cases))("loss: %s", (_name, { loss, activation, target, row }) => {
  test.each(machines)("is its formula, and falls, on %s", async (machine) => {
    const layers = [dense({ units: 8, activation: "tanh" }), dense({ units: 3, activation })];
    using net = sequential([input({ shape: [5] }), ...layers], on(machine, { seed: 3 }));
    net.compile({ optimizer: convlet.adam({ learningRate: 0.03 }), loss });
    const sampleWeight = numbers(COUNT, 6).map((value) => value + 1);
    const { data } = await net.predict(rows);
    const dense3 = loss.target === "labels" ? oneHot(kinds, 3) : target;
    const losses = Array.from({ length: COUNT }, (_, sample) => row(rowOf(data, sample), rowOf(dense3, sample)));
    expectClose([(await net.evaluate(rows, target)).loss], [mean(losses)], LOSS);
    const weighed = mean(losses.map((each, sample) => each * sampleWeight[sample]));
    expectClose([(await net.evaluate(rows, target, { sampleWeight, batchSize: 7 })).loss], [weighed], LOSS);
    expectClose([(await net.trainOnBatch(rows, target, { sampleWeight })).loss], [weighed], LOSS);
    const { history } = await net.fit(rows, target, { epochs: 15, batchSize: 10, verbose: 0 });
    expect(history.loss[14]).toBeLessThan(history.loss[0]);
    expect((await net.evaluate(rows, target)).loss).toBeLessThan(mean(losses));
  });
});

test("a loss per pixel is the mean over the pixels", async () => {
  using net = sequential([input({ shape: [3, 4, 2] }), convlet.conv2d({ filters: 3, kernelSize: 1, activation: "softmax" })], on("strict"));
  net.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const x = numbers(5 * 24);
  const y = labels(5 * 12, 3);
  const sampleWeight = Float32Array.of(1, 2, 0.5, 0, 1);
  const { data } = await net.predict(x);
  let sum = 0;
  let hits = 0;
  for (let pixel = 0; pixel < 60; pixel++) {
    const weight = sampleWeight[Math.floor(pixel / 12)];
    const row = rowOf(data, pixel);
    sum -= weight * Math.log(row[y[pixel]]);
    if (row.indexOf(Math.max(...row)) === y[pixel]) hits += weight;
  }
  const { loss, accuracy } = await net.evaluate(x, { data: y, shape: [5, 3, 4] }, { sampleWeight });
  expectClose([loss, accuracy], [sum / 60, hits / (12 * 4.5)], LOSS);
});

describe("penalties", () => {
  const build = (options: object) => {
    const net = sequential([input({ shape: [5] }), dense({ units: 3, biasInitializer: "ones", ...options }), dense({ units: 1 })], on("strict"));
    net.compile({ optimizer: "sgd", loss: "mse" });
    return net;
  };
  const y = numbers(COUNT, 9);
  const { l1, l2, l1l2 } = convlet;

  test.each([
    ["l1", { kernelRegularizer: l1(0.02) }, 0.02, 0, 0],
    ["l2", { kernelRegularizer: l2(0.03) }, 0, 0.03, 0],
    ["both, and of the bias", { kernelRegularizer: l1l2({ l1: 0.02, l2: 0.03 }), biasRegularizer: l2(0.1) }, 0.02, 0.03, 0.3],
  ] as const)("%s: in the loss of fit and evaluate, and in the gradient", async (_name, options, first, second, constant) => {
    using plain = build({});
    using net = build(options);
    const [{ data: kernel }] = net.getWeights();
    const penalty = kernel.reduce((sum, value) => sum + first * Math.abs(value) + second * value ** 2, constant);
    const expected = (await plain.evaluate(rows, y)).loss + penalty;
    for (const batchSize of [COUNT, 7]) expectClose([(await net.evaluate(rows, y, { batchSize })).loss], [expected], LOSS);
    const gradients = await net.gradients(rows, y);
    const { data: without } = (await plain.gradients(rows, y))["dense/kernel"];
    const slopes = kernel.map((value, index) => without[index] + first * Math.sign(value) + 2 * second * value);
    expectClose(gradients["dense/kernel"].data, slopes, LOSS);
    expectClose(gradients["dense/bias"].data.slice(0, 1), [(await plain.gradients(rows, y))["dense/bias"].data[0] + (2 / 3) * constant], LOSS);
    const { history } = await net.fit(rows, y, { batchSize: COUNT, verbose: 0 });
    expectClose(history.loss, [expected], LOSS);
  });
});

describe.each(machines)("one update on %s, computed again in float64", (machine) => {
  const RATE = 0.5;
  const y = labels(COUNT, 3);
  const norm = (arrays: Float64Array[]) => Math.sqrt(arrays.reduce((sum, array) => sum + array.reduce((squares, g) => squares + g * g, 0), 0));
  const scaled = (array: Float64Array, limit: number, length: number) => (length > limit ? array.map((g) => (g * limit) / length) : array);

  test.each([
    ["no clip", {}, (g: Float64Array[]) => g],
    ["clipValue", { clipValue: 0.01 }, (g: Float64Array[]) => g.map((array) => array.map((value) => Math.max(-0.01, Math.min(0.01, value))))],
    ["clipNorm", { clipNorm: 0.05 }, (g: Float64Array[]) => g.map((array) => scaled(array, 0.05, norm([array])))],
    ["globalClipNorm", { globalClipNorm: 0.05 }, (g: Float64Array[]) => g.map((array) => scaled(array, 0.05, norm(g)))],
    ["a norm that is not reached", { globalClipNorm: 1e6 }, (g: Float64Array[]) => g],
  ] as const)("%s", async (_name, clip, clipped) => {
    const layers = [dense({ units: 7, activation: "relu" }), dense({ units: 3, activation: "softmax" })];
    using net = sequential([input({ shape: [5] }), ...layers], on(machine, { seed: 3 }));
    net.compile({ optimizer: convlet.sgd({ learningRate: RATE, ...clip }), loss: "sparseCategoricalCrossentropy" });
    const before = net.getWeights();
    const gradients = await net.gradients(rows, y);
    expect(Object.keys(gradients)).toEqual(before.map(({ name }) => name));
    const steps = clipped(before.map(({ name }) => Float64Array.from(gradients[name].data)));
    await net.trainOnBatch(rows, y);
    for (const [index, { name, data }] of net.getWeights().entries()) {
      const expected = Array.from(before[index].data, (weight, at) => weight - RATE * steps[index][at]);
      expectClose(data, expected, UPDATE, name);
    }
  });
});

describe("optimizers", () => {
  const { x, y } = xor(80);
  const rates: Record<string, convlet.Optimizer> = {
    sgd: convlet.sgd({ learningRate: 0.8 }),
    momentum: convlet.sgd({ learningRate: 0.1, momentum: 0.9 }),
    nesterov: convlet.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
    rmsprop: convlet.rmsprop({ learningRate: 0.02 }),
    "rmsprop with momentum": convlet.rmsprop({ learningRate: 0.005, momentum: 0.8 }),
    adam: convlet.adam({ learningRate: 0.05 }),
    adamW: convlet.adamW({ learningRate: 0.05 }),
    "adam, clipped and scheduled": convlet.adam({
      learningRate: convlet.piecewiseConstant({ boundaries: [100], values: [0.1, 0.02] }),
      globalClipNorm: 0.5,
    }),
    "sgd with steps": convlet.sgd({ learningRate: convlet.stepDecay({ initial: 1, every: 100, factor: 0.7 }), momentum: 0.5 }),
  };

  test.each(Object.entries(rates))("%s learns exclusive or", async (_name, optimizer) => {
    for (const machine of machines) {
      const layers = [dense({ units: 8, activation: "tanh" }), dense({ units: 1, activation: "sigmoid" })];
      using net = sequential([input({ shape: [2] }), ...layers], on(machine, { seed: 1 }));
      net.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] });
      await net.fit(x, y, { epochs: 60, batchSize: 16, verbose: 0 });
      expect((await net.evaluate(x, y)).accuracy, machine).toBeGreaterThanOrEqual(0.95);
    }
  });

  test("a NaN in a batch reaches the loss and the weights, and is not hidden", async () => {
    using net = sequential([input({ shape: [2] }), dense({ units: 4, activation: "relu" }), dense({ units: 1 })], on("strict"));
    net.compile({ optimizer: convlet.sgd({ clipValue: 1 }), loss: "mse" });
    const { loss } = await net.trainOnBatch(Float32Array.of(1, Number.NaN), [1]);
    expect(loss).toBeNaN();
    expect(allWeights(net).some(Number.isNaN)).toBe(true);
  });
});
