/** What fit promises: a training can be cut anywhere, weighed, split and fed in any way, and stays the same training. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { internals } from "../bench/program.ts";
import * as convlet from "../src/index.ts";
import { expectClose } from "./support/kernels.ts";
import { allWeights, bits, compiled, F32_SUMS, independent, labels, machines, numbers, on, quarters } from "./support/networks.ts";

const { dense, input, l2, load, relu, sequential } = convlet;
const loss = "sparseCategoricalCrossentropy";
const { x, y } = quarters(50);
const quiet = { verbose: 0, batchSize: 16 } as const;

const cosine = convlet.cosineDecay({ initialLearningRate: 0.001, warmupTarget: 0.01, warmupSteps: 5, decaySteps: 15 });
const optimizers: Record<string, convlet.Optimizer> = {
  adam: convlet.adam({ learningRate: cosine }),
  adamW: convlet.adamW({ learningRate: 0.01, globalClipNorm: 1 }),
  momentum: convlet.sgd({ learningRate: convlet.exponentialDecay({ initialLearningRate: 0.05, decaySteps: 4, decayRate: 0.9 }), momentum: 0.9 }),
  rmsprop: convlet.rmsprop({ learningRate: 0.003, momentum: 0.5, clipNorm: 0.5 }),
};

const rows = numbers(48 * 4);
const kinds = labels(48, 3);

describe.each(machines)("cut in two on %s", (machine) => {
  test.each(Object.entries(optimizers))("%s: 5 epochs are 3 and 2, the same model or one from its file", async (_name, optimizer) => {
    const whole = compiled(optimizer, on(machine));
    const all = await whole.fit(x, y, { ...quiet, epochs: 5 });
    const expected = bits(allWeights(whole));
    const cut = compiled(optimizer, on(machine));
    const first = await cut.fit(x, y, { ...quiet, epochs: 3 });
    const bytes = cut.toBytes();
    const second = await cut.fit(x, y, { ...quiet, epochs: 5, initialEpoch: 3 });
    expect(bits(allWeights(cut))).toEqual(expected);
    expect([...first.epochs, ...second.epochs]).toEqual(all.epochs);
    for (const key of ["loss", "accuracy"]) expect([...first.history[key], ...second.history[key]]).toEqual(all.history[key]);
    const { machine: kind, numerics } = on(machine);
    const loaded = await load(bytes, { machine: kind, numerics });
    const third = await loaded.fit(x, y, { ...quiet, epochs: 2 });
    expect(bits(allWeights(loaded))).toEqual(expected);
    expect(third.history).toEqual(second.history);
    expect(Buffer.compare(loaded.toBytes(), whole.toBytes())).toBe(0);
    for (const net of [whole, cut, loaded]) net.dispose();
  });
});

describe("files", () => {
  test("saved to a path, loaded and trained on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "convlet-"));
    try {
      const path = join(folder, "model.safetensors");
      using net = compiled(optimizers.adam, { ...on("strict"), classNames: ["left", "right", "below"] });
      await net.fit(x, y, { ...quiet, epochs: 2 });
      net.getLayer("conv2d").trainable = false;
      await net.save(path);
      await net.save(path);
      expect(await readdir(folder)).toEqual(["model.safetensors"]);
      using loaded = await load(path, { machine: "wasm", numerics: "strict" });
      expect(loaded.classNames).toEqual(["left", "right", "below"]);
      expect(loaded.seed).toBe(4);
      expect(loaded.getLayer("conv2d").trainable).toBe(false);
      expect(await loaded.evaluate(x, y)).toEqual(await net.evaluate(x, y));
      const options = { ...quiet, epochs: 2 };
      expect(await loaded.fit(x, y, options)).toEqual(await net.fit(x, y, options));
      expect(bits(allWeights(loaded))).toEqual(bits(allWeights(net)));
      await expect(net.save(join(folder, "none", "model"))).rejects.toThrow(/^cannot write .*none/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a rate that a callback lowered, metrics with options and a layer's options are kept", async () => {
    using net = sequential(
      [
        convlet.conv2d({ filters: 2, kernelSize: [3, 2], kernelInitializer: convlet.heNormal(), kernelRegularizer: l2(), inputShape: [8, 8, 2] }),
        convlet.leakyRelu({ alpha: 0.2 }),
        convlet.normalization({ mean: [1, 2], variance: 4 }),
        convlet.flatten(),
        dense({ units: 3, activation: { name: "elu", alpha: 0.5 }, biasInitializer: convlet.constant(0.1) }),
      ],
      on("strict"),
    );
    const metrics = [convlet.precision({ classId: 1, name: "right" }), convlet.confusionMatrix(3), "acc"];
    net.compile({ optimizer: "adam", loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }), metrics });
    const lower: convlet.Callback = { onEpochEnd: (_epoch, _logs, context) => void Object.assign(context, { learningRate: 0.25 }) };
    await net.fit(x, y, { ...quiet, callbacks: [lower] });
    using loaded = await load(net.toBytes(), { machine: "wasm", numerics: "strict" });
    const figures = await loaded.evaluate(x, y);
    expect(figures).toEqual(await net.evaluate(x, y));
    expect(Object.keys(figures)).toEqual(["loss", "right", "confusionMatrix", "acc"]);
    await net.fit(x, y, quiet);
    await loaded.fit(x, y, quiet);
    expect(bits(allWeights(loaded))).toEqual(bits(allWeights(net)));
  });
});

test("a callback may set the learning rate to 0: nothing moves, and the file keeps it", async () => {
  using net = compiled("sgd", on("strict"));
  const stop: convlet.Callback = { onTrainBegin: (context) => void Object.assign(context, { learningRate: 0 }) };
  const before = net.getLayer("dense").getWeights();
  await net.fit(x, y, { ...quiet, callbacks: [stop] });
  expect(net.getLayer("dense").getWeights()).toEqual(before);
  using loaded = await load(net.toBytes(), { machine: "wasm", numerics: "strict" });
  await loaded.fit(x, y, quiet);
  expect(loaded.getLayer("dense").getWeights()).toEqual(before);
});

describe("gradient accumulation", () => {
  test.each([
    ["sgd with penalties", "sgd", 48],
    ["adam", "adam", 48],
    ["an uneven last group", "sgd", 45],
    ["a last group of a single sample", "sgd", 33],
    ["clipped together", convlet.sgd({ globalClipNorm: 0.05 }), 45],
  ] as const)("%s: 4 batches of 8 are one of 32", async (_name, optimizer, count) => {
    const train = async (options: object) => {
      using net = independent();
      net.compile({ optimizer, loss });
      const { history } = await net.fit(rows.subarray(0, count * 4), kinds.subarray(0, count), { epochs: 3, verbose: 0, ...options });
      return { weights: allWeights(net), losses: history.loss };
    };
    const whole = await train({ batchSize: 32 });
    const parts = await train({ batchSize: 8, gradientAccumulation: 4 });
    expectClose(parts.weights, whole.weights, F32_SUMS);
    const plain = await train({ batchSize: 8 });
    expect(() => expectClose(plain.weights, whole.weights, F32_SUMS)).toThrow();
  });

  test("of batches that arrive one by one, of any size", async () => {
    using whole = independent();
    whole.compile({ optimizer: "sgd", loss });
    await whole.trainOnBatch(rows.subarray(0, 80), kinds.subarray(0, 20));
    await whole.trainOnBatch(rows.subarray(80, 120), kinds.subarray(20, 30));
    using parts = independent();
    parts.compile({ optimizer: "sgd", loss });
    const reused = { x: new Float32Array(0), y: new Uint8Array(0) };
    function* batches() {
      for (const [from, to] of [
        [0, 5],
        [5, 8],
        [8, 20],
        [20, 29],
        [29, 30],
      ]) {
        reused.x = rows.slice(from * 4, to * 4);
        reused.y = kinds.slice(from, to);
        yield reused;
        reused.x.fill(9);
      }
    }
    await parts.fit(batches, { gradientAccumulation: 3, verbose: 0 });
    expectClose(allWeights(parts), allWeights(whole), F32_SUMS);
  });
});

describe("trainable", () => {
  const changed = (net: convlet.Model, before: readonly convlet.WeightArray[]) =>
    net
      .getWeights()
      .filter(({ data }, index) => bits(data).join() !== bits(before[index].data).join())
      .map(({ name }) => name);

  test("what is not trained stays, bit for bit, and may be switched in the middle of a fit", async () => {
    using net = compiled("adam", on("strict"));
    const all = net.getWeights().map(({ name }) => name);
    const conv = ["conv2d/kernel"];
    const normalization = all.filter((name) => name.startsWith("batchNormalization"));
    let before = net.getWeights();
    net.getLayer("conv2d").trainable = false;
    await net.fit(x, y, quiet);
    expect(changed(net, before)).toEqual(all.filter((name) => !conv.includes(name)));
    net.getLayer("batchNormalization").trainable = false;
    before = net.getWeights();
    await net.fit(x, y, quiet);
    expect(changed(net, before)).toEqual(all.filter((name) => !conv.includes(name) && !normalization.includes(name)));
    const seen: string[][] = [];
    const toggle: convlet.Callback = {
      onBatchEnd(step) {
        seen.push(changed(net, before));
        before = net.getWeights();
        net.getLayer("conv2d").trainable = step % 2 === 0;
        net.getLayer("batchNormalization").trainable = step % 2 === 0;
      },
    };
    before = net.getWeights();
    await net.fit(x, y, { ...quiet, callbacks: [toggle] });
    expect(seen).toEqual([["dense/kernel", "dense/bias"], all, ["dense/kernel", "dense/bias"], all]);
  });

  test.each(machines)("on %s weights that stay are packed once, and again when they are set", async (machine) => {
    const conv = (name: string, trainable: boolean) => convlet.conv2d({ name, filters: 16, kernelSize: 3, padding: "same", trainable });
    const net = () => {
      const layers = [
        conv("first", false),
        convlet.batchNormalization({ trainable: false }),
        conv("second", true),
        convlet.flatten(),
        dense({ units: 3 }),
      ];
      const model = sequential([input({ shape: [8, 8, 2] }), ...layers], { seed: 2, ...on(machine) });
      model.compile({ optimizer: "sgd", loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }) });
      return model;
    };
    using once = net();
    for (const step of [0, 1, 2, 3]) {
      const first = once.getLayer("first");
      if (step === 2) first.setWeights(first.getWeights().map(({ data }) => data.map((value) => value / 2)));
      using anew = net();
      anew.setWeights(once.getWeights());
      for (const model of [once, anew]) await model.trainOnBatch(x, y);
      expect(bits(allWeights(once))).toEqual(bits(allWeights(anew)));
    }
    const { session, compiled } = internals(once);
    const packed = session.trainingProgram(compiled, 50).program.steps.filter(({ kernel }) => kernel === "packWeights");
    expect(new Set(packed.filter(({ section }) => section === "prepare").map(({ name }) => name))).toEqual(new Set(["first"]));
    expect(packed.some(({ name, section }) => name === "second" && section === "repack")).toBe(true);
  });

  test("a frozen batch normalization uses the running statistics", async () => {
    using frozen = sequential(
      [input({ shape: [8, 8, 2] }), convlet.batchNormalization({ trainable: false }), convlet.flatten(), dense({ units: 3 })],
      on("strict"),
    );
    frozen.compile({ optimizer: convlet.sgd({ learningRate: 0 }), loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }) });
    frozen.getLayer("batchNormalization").setWeights([Float32Array.of(1, 2), Float32Array.of(0, 1), Float32Array.of(3, 4), Float32Array.of(5, 6)]);
    const before = allWeights(frozen);
    const trained = await frozen.trainOnBatch(x, y);
    const evaluated = await frozen.evaluate(x, y);
    expect(trained.loss).toBeCloseTo(evaluated.loss, 5);
    expect(bits(allWeights(frozen))).toEqual(bits(before));
    frozen.getLayer("batchNormalization").trainable = true;
    expect(Math.abs((await frozen.trainOnBatch(x, y)).loss - evaluated.loss)).toBeGreaterThan(0.01);
    expect(bits(allWeights(frozen))).not.toEqual(bits(before));
  });

  test("frozen from the start, and only penalties left to say", async () => {
    using net = sequential([input({ shape: [4] }), dense({ units: 3, trainable: false, kernelRegularizer: l2(0.5) })], on("strict"));
    net.compile({ optimizer: "adam", loss: "mse" });
    const before = allWeights(net);
    const { history } = await net.fit(rows, numbers(48 * 3), { epochs: 2, verbose: 0 });
    expect(history.loss[1]).toBeCloseTo(history.loss[0], 5);
    expect(bits(allWeights(net))).toEqual(bits(before));
    expect(await net.gradients(rows, numbers(48 * 3))).toEqual({});
  });
});

describe("stopping", () => {
  test("a signal ends the training after a step, and the model can go on", async () => {
    using net = compiled("adam", on("strict"));
    const controller = new AbortController();
    let steps = 0;
    const callbacks: convlet.Callback[] = [{ onBatchEnd: () => void (++steps === 5 && controller.abort(new Error("enough"))) }];
    await expect(net.fit(x, y, { ...quiet, epochs: 9, callbacks, signal: controller.signal })).rejects.toThrow("enough");
    expect(steps).toBe(5);
    await net.fit(x, y, quiet);
    await expect(net.fit(x, y, { ...quiet, signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });

  test("an error in a callback or a source ends it, and the model can go on", async () => {
    using net = compiled("adam", on("strict"));
    const callbacks: convlet.Callback[] = [{ onEpochEnd: () => Promise.reject(new Error("disk full")) }];
    await expect(net.fit(x, y, { ...quiet, callbacks })).rejects.toThrow("disk full");
    await net.fit(x, y, quiet);
  });
});

describe("seeds", () => {
  const train = async (model: number, fit?: number) => {
    using net = compiled("adam", on("strict", { seed: model }));
    await net.fit(x, y, { ...quiet, epochs: 2, seed: fit });
    return bits(allWeights(net));
  };

  test("the same seed gives the same bits, another one others", async () => {
    expect(await train(1)).toEqual(await train(1));
    expect(await train(1, 1)).toEqual(await train(1));
    expect(await train(1, 2)).not.toEqual(await train(1));
    expect(await train(2)).not.toEqual(await train(1));
    expect(await train(-5)).toEqual(await train(-5));
  });
});

test("layers in a row: relu behind a dense layer learns as the option does", async () => {
  const train = async (layers: convlet.Layer[]) => {
    using net = sequential([input({ shape: [4] }), ...layers, dense({ units: 3, activation: "softmax" })], on("strict"));
    net.compile({ optimizer: "adam", loss });
    await net.fit(rows, kinds, quiet);
    return bits(allWeights(net));
  };
  expect(await train([dense({ units: 5 }), relu()])).toEqual(await train([dense({ units: 5, activation: "relu" })]));
});
