/** The short way of a single sample must never be noticed: the same bits and the same errors as the long one. */
import { expect, test } from "vitest";
import type { Engine } from "../src/engine.ts";
import * as convlet from "../src/index.ts";

const { conv2d, dense, flatten, maxPooling2d, sequential, softmax } = convlet;

function net(options: convlet.ModelOptions = {}, size = 6): convlet.Model {
  return sequential(
    [
      conv2d({ filters: 1, kernelSize: 3, activation: "relu", inputShape: [size, size, 1] }),
      maxPooling2d(),
      flatten(),
      dense({ units: 2 }),
      softmax(),
    ],
    { seed: 2, ...options },
  );
}

const sample = (size: number, phase: number) => Float32Array.from({ length: size * size }, (_, index) => Math.sin(index + phase));

/** What the long way gives: a sample with its shape. */
function long(model: convlet.Model, x: Float32Array): convlet.TensorData {
  const [shape] = model.inputShapes;
  return model.predictSync({ data: x, shape: [1, ...shape] });
}

/** The short way first: the long one mends what it finds old. */
function expectSame(model: convlet.Model, x: Float32Array): void {
  const short = [model.predictSync(x), model.predictSync(x)];
  const expected = long(model, x);
  for (const result of [...short, model.predictSync(x)]) expect(result).toEqual(expected);
}

const machines = [
  ["relaxed", {}],
  ["strict", { numerics: "strict" }],
  ["plain", { machine: "plain" }],
  ["float64", { machine: "plain", elementBytes: 8 }],
  ["two threads", { threads: 2 }],
] as const;

test.each(machines)("gives what the long way gives, samples small and large: %s", async (_name, options) => {
  for (const size of [6, 12]) {
    using model = net(options, size);
    await model.ready;
    for (const phase of [0, 1, 2]) expectSame(model, sample(size, phase));
  }
});

test("follows weights that are set, trained and loaded", async () => {
  using model = net({ numerics: "strict" });
  await model.ready;
  const x = sample(6, 0);
  const seen: number[] = [];
  const look = () => {
    expectSame(model, x);
    seen.push(model.predictSync(x).data[0]);
  };
  look();
  model.setWeights(model.getWeights().map(({ data }) => data.map((value) => value + 0.25)));
  look();
  model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  look();
  await model.fit(x, [1], { verbose: 0, epochs: 3, callbacks: [{ onBatchEnd: look }] });
  look();
  // Compiling changes nothing, and after the last step nothing changes any more.
  expect(new Set(seen).size).toBe(seen.length - 2);
});

test("survives that the memory grows and programs move", async () => {
  using model = net();
  await model.ready;
  const x = sample(6, 0);
  const before = model.predictSync(x);
  const { engine } = model as unknown as { engine: Engine };
  const { buffer } = engine.state.memory;
  await model.predict(new Float32Array(36 * 4096), { batchSize: 4096 });
  expect(engine.state.memory.buffer).not.toBe(buffer);
  expect(model.predictSync(x)).toEqual(before);
  expectSame(model, x);
  // Other programs push the one for a single sample out, and the memory has room for them: the views stay as they are.
  engine.state.memory.grow(100);
  expectSame(model, x);
  const roomy = engine.state.memory.buffer;
  for (let batch = 2; batch < 12; batch++) await model.predict(new Float32Array(36 * 40), { batchSize: batch });
  expect(engine.state.memory.buffer).toBe(roomy);
  expect(model.predictSync(x)).toEqual(before);
  // The memory grows behind the back of the programs.
  engine.state.memory.grow(1);
  expect(model.predictSync(x)).toEqual(before);
});

test("gives arrays of the caller's own", async () => {
  using model = net();
  await model.ready;
  const x = sample(6, 0);
  model.predictSync(x);
  const first = model.predictSync(x);
  const kept = structuredClone(first);
  (first.shape as number[]).push(7);
  expect(model.predictSync(sample(6, 1)).data).not.toEqual(first.data);
  expect(first.data).toEqual(kept.data);
  expect(model.predictSync(x)).toEqual(kept);
});

test("takes what the long way takes, and refuses what it refuses", async () => {
  using model = net();
  await model.ready;
  const x = sample(6, 0);
  const expected = long(model, x).data;
  model.predictSync(x);
  expect(model.predictSync(Float64Array.from(x)).data).toEqual(expected);
  expect(model.predictSync([...x]).data).toEqual(expected);
  expect([...model.predictSync(Float32Array.of(...x, ...x)).data]).toEqual([...expected, ...expected]);
  for (const batchSize of [1, 7, undefined]) expect(model.predictSync(x, { batchSize }).data).toEqual(expected);
  const wrong: [unknown, unknown, string][] = [
    [x.subarray(1), {}, 'predict: x (input "input"): 35 values are no whole number of samples'],
    [new Float32Array(0), {}, 'predict: x (input "input"): got 0 samples'],
    [x, { batchsize: 1 }, 'predict: unknown option "batchsize"; known: batchSize'],
    [x, { batchSize: 0 }, "predict: batchSize is 0, needs a whole number ≥ 1"],
    [x, { batchSize: "1" }, 'predict: batchSize is "1", needs a whole number ≥ 1'],
    [x, null, "predict: got null, needs an object of options"],
    [x, [], "predict: got an array of 0, needs an object of options"],
  ];
  for (const [input, options, message] of wrong) {
    expect(() => model.predictSync(input as never, options as never)).toThrow(message);
    expect(model.predictSync(x).data).toEqual(expected);
  }
  structuredClone(x, { transfer: [x.buffer] });
  expect(() => model.predictSync(x)).toThrow("got 0 samples");
});

test("throws after dispose, and keeps no memory then", async () => {
  const model = net();
  await model.ready;
  const x = sample(6, 0);
  model.predictSync(x);
  model.predictSync(x);
  model.dispose();
  expect(() => model.predictSync(x)).toThrow("model: it was disposed; make or load a new one");
  expect((model as unknown as { inference: { single: unknown } }).inference.single).toBeUndefined();
});

test("models of several inputs or outputs go the long way", async () => {
  const [left, right] = [convlet.input({ shape: [2] }), convlet.input({ shape: [2] })];
  const sum = convlet.add().apply([left, right]);
  using two = convlet.model({ inputs: [left, right], outputs: sum });
  await two.ready;
  for (let again = 0; again < 3; again++) expect([...two.predictSync([Float32Array.of(1, 2), Float32Array.of(3, 4)]).data]).toEqual([4, 6]);
  using outputs = convlet.model({ inputs: left, outputs: [dense({ units: 1 }).apply(left), dense({ units: 3 }).apply(left)] });
  for (let again = 0; again < 3; again++)
    expect((await outputs.predictAll(Float32Array.of(1, 2))).map(({ shape }) => shape)).toEqual([
      [1, 1],
      [1, 3],
    ]);
});
