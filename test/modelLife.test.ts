/** Models side by side, cloned, disposed, and asked while they train. */
import { describe, expect, test } from "vitest";
import { internals } from "../bench/program.ts";
import * as convlet from "../src/index.ts";
import { allWeights, bits, everything, on, quarters } from "./support/networks.ts";

test("a clone has the weights and goes its own way", async () => {
  using net = everything(on("strict"));
  net.getLayer("dense").trainable = false;
  using copy = net.clone();
  expect(copy.getLayer("dense").trainable).toBe(false);
  const before = allWeights(net);
  expect(bits(allWeights(copy))).toEqual(bits(before));
  const { x, y } = quarters(32);
  copy.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  await copy.fit(x, y, { verbose: 0 });
  copy.getLayer("dense").trainable = true;
  expect(bits(allWeights(copy))).not.toEqual(bits(before));
  expect(bits(allWeights(net))).toEqual(bits(before));
  expect(net.getLayer("dense").trainable).toBe(false);
  await expect(net.fit(x, y)).rejects.toThrow("fit: the model is not compiled; call model.compile({ optimizer, loss }) first");
});

test("two models train side by side as each would alone", async () => {
  const { x, y } = quarters(64);
  const train = async (seed: number, yielding: boolean) => {
    const net = everything(on("strict", { seed }));
    net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const pause: convlet.Callback = { onBatchEnd: () => (yielding ? new Promise((resolve) => setImmediate(resolve)) : undefined) };
    await net.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, callbacks: [pause] });
    return net;
  };
  using first = await train(1, false);
  using second = await train(2, false);
  const together = await Promise.all([train(1, true), train(2, true)]);
  expect(together.map((net) => bits(allWeights(net)))).toEqual([first, second].map((net) => bits(allWeights(net))));
  for (const net of together) net.dispose();
});

test("after dispose every call throws, and dispose may be called again", async () => {
  const net = everything(on("strict"));
  net.compile({ loss: "sparseCategoricalCrossentropy" });
  const { x, y } = quarters(4);
  await net.predict(x);
  {
    using owned = net;
    expect(owned.countParams()).toBe(283);
  }
  net.dispose();
  const gone = "model: it was disposed; make or load a new one";
  await expect(net.predict(x)).rejects.toThrow(gone);
  await expect(net.fit(x, y)).rejects.toThrow(gone);
  await expect(net.activations(x)).rejects.toThrow(gone);
  await expect(net.inputGradient(x, 0)).rejects.toThrow(gone);
  for (const call of [() => net.getWeights(), () => net.clone(), () => net.toBytes(), () => net.compile({ loss: "mse" }), () => net.predictSync(x)]) {
    expect(call).toThrow(gone);
  }
});

describe("inputGradient", () => {
  const { x } = quarters(70);

  test("is the slope of the class's score, ahead of the softmax", async () => {
    using net = everything({ machine: "plain", elementBytes: 8 });
    const kernel = net.getLayer("dense").getWeights()[0];
    using scores = convlet.sequential([convlet.input({ shape: [kernel.shape[0]] }), convlet.dense({ units: 3 })], {
      machine: "plain",
      elementBytes: 8,
    });
    scores.getLayer("dense").setWeights(net.getLayer("dense").getWeights());
    const names = net.layers.map(({ name }) => name);
    const before = names[names.indexOf("dense") - 1];
    const score = async (image: Float64Array) => {
      const { [before]: features } = await net.activations(image, [before]);
      return (await scores.predict(features)).data[1];
    };
    const image = Float64Array.from(x.subarray(0, 128));
    const { data, shape } = await net.inputGradient(image, 1);
    expect(shape).toEqual([1, 8, 8, 2]);
    const step = 2 ** -10;
    for (const at of [0, 37, 64, 127]) {
      const [high, low] = await Promise.all([step, -step].map((by) => score(image.map((value, index) => value + (index === at ? by : 0)))));
      expect(data[at]).toBeCloseTo((high - low) / (2 * step), 3);
    }
  });

  test("of many images is that of each, in the memory of a few", async () => {
    using net = everything(on("strict"));
    const all = await net.inputGradient(x, 2);
    expect(all.shape).toEqual([70, 8, 8, 2]);
    for (const image of [0, 31, 32, 69]) {
      const one = await net.inputGradient(x.subarray(image * 128, (image + 1) * 128), 2);
      expect(bits(all.data.subarray(image * 128, (image + 1) * 128))).toEqual(bits(one.data));
    }
    using few = everything(on("strict"));
    using many = everything(on("strict"));
    const bytesOf = (model: convlet.Model) => internals(model).engine.state.memory.buffer.byteLength;
    await few.inputGradient(x.subarray(0, 32 * 128), 2);
    await many.inputGradient(new Float32Array(5_000 * 128), 2);
    expect(bytesOf(many)).toBe(bytesOf(few));
  });
});

test("predict, activations, evaluate and gradients between the steps of a fit see its weights and leave it alone", async () => {
  const { x, y } = quarters(64);
  const train = async (callback: convlet.Callback) => {
    const net = everything(on("strict"));
    net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    current = net;
    const { history } = await net.fit(x, y, {
      epochs: 2,
      batchSize: 16,
      verbose: 0,
      callbacks: [callback],
    });
    return { net, history };
  };
  let current!: convlet.Model;
  let seen = 0;
  const alone = await train({});
  const watched = await train({
    async onBatchEnd(step) {
      const { data } = await current.predict(x.subarray(0, 128 * 3));
      using copy = current.clone();
      expect(bits((await copy.predict(x.subarray(0, 128 * 3))).data)).toEqual(bits(data));
      if (step === 1) await current.activations(x);
      if (step === 2) expect((await current.evaluate(x, y)).accuracy).toBeGreaterThan(0);
      if (step === 3) await current.gradients(x, y);
      seen++;
    },
  });
  expect(seen).toBe(8);
  expect(bits(allWeights(watched.net))).toEqual(bits(allWeights(alone.net)));
  expect(watched.history).toEqual(alone.history);
  for (const { net } of [alone, watched]) net.dispose();
});

test("one training at a time", async () => {
  using net = everything(on("strict"));
  net.compile({ loss: "sparseCategoricalCrossentropy" });
  const { x, y } = quarters(64);
  const first = net.fit(x, y, { epochs: 2, verbose: 0 });
  await Promise.resolve();
  await Promise.resolve();
  await expect(net.fit(x, y)).rejects.toThrow("fit: the model is already training; await the first fit, or clone the model");
  await expect(net.trainOnBatch(x, y)).rejects.toThrow(/^trainOnBatch: the model is already training/);
  expect(() => net.compile({ loss: "mse" })).toThrow(/^compile: the model is already training/);
  await first;
  await net.trainOnBatch(x, y);
});

test("200 models made, trained and disposed leave nothing behind, even while they are kept", async () => {
  const { x, y } = quarters(8);
  const kept: convlet.Model[] = [];
  const live = async () => {
    const net = everything(on("strict"));
    net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    await net.trainOnBatch(x, y);
    net.dispose();
    kept.push(net);
  };
  const measure = () => {
    for (let round = 0; round < 4; round++) globalThis.gc!();
    const { heapUsed, arrayBuffers, external } = process.memoryUsage();
    return { heapUsed, buffers: arrayBuffers + external };
  };
  for (let count = 0; count < 20; count++) await live();
  kept.length = 0;
  const before = measure();
  for (let count = 0; count < 200; count++) await live();
  const full = measure();
  // Each had at least two pages of 64 kB.
  expect(full.buffers - before.buffers).toBeLessThan(20 * 131072);
  kept.length = 0;
  expect(measure().heapUsed - before.heapUsed).toBeLessThan(2 ** 20);
});
