/** How data reach a training: weighed, split, in arrays or batch by batch. */
import { describe, expect, test } from "vitest";
import * as convlet from "../../src/index.ts";
import { expectClose } from "../support/kernels.ts";
import { allWeights, bits, compiled, F32_SUMS, independent, labels, numbers, on, oneHot, quarters } from "../support/networks.ts";

const { dense, input, sequential } = convlet;
const loss = "sparseCategoricalCrossentropy";
const { x, y } = quarters(50);
const quiet = { verbose: 0, batchSize: 16 } as const;
const rows = numbers(48 * 4);
const kinds = labels(48, 3);

describe("weights of samples", () => {
  const train = async (options: convlet.ModelFitOptions, targets: convlet.DataLike = kinds, net = independent()) => {
    net.compile({ optimizer: "adam", loss: targets === kinds ? loss : "categoricalCrossentropy", metrics: ["accuracy"] });
    const { history } = await net.fit(rows, targets, { epochs: 2, batchSize: 10, verbose: 0, ...options });
    const result = { weights: bits(allWeights(net)), history };
    net.dispose();
    return result;
  };
  const classWeight = { 0: 0.25, 2: 3 };
  const factors = Float32Array.from(kinds, (kind) => [0.25, 1, 3][kind]);

  test("classWeight is the sampleWeight of the classes", async () => {
    const expected = await train({ sampleWeight: factors });
    expect(await train({ classWeight })).toEqual(expected);
    expect(await train({ classWeight, sampleWeight: factors })).toEqual(await train({ sampleWeight: factors.map((factor) => factor ** 2) }));
    expect((await train({})).weights).not.toEqual(expected.weights);
    expect(await train({ classWeight }, oneHot(kinds, 3))).toEqual(await train({ sampleWeight: factors }, oneHot(kinds, 3)));
  });

  test("a single output has two classes", async () => {
    const binary = Float32Array.from(kinds, (kind) => Math.min(kind, 1));
    const weigh = async (options: convlet.ModelFitOptions) => {
      using net = sequential([input({ shape: [4] }), dense({ units: 1, activation: "sigmoid" })], on("strict"));
      net.compile({ optimizer: "sgd", loss: "binaryCrossentropy" });
      await net.fit(rows, binary, { ...quiet, ...options });
      return bits(allWeights(net));
    };
    expect(await weigh({ classWeight: { 1: 5 } })).toEqual(await weigh({ sampleWeight: binary.map((target) => 1 + 4 * target) }));
    await expect(weigh({ classWeight: { 2: 5 } })).rejects.toThrow("classWeight: class 2 is 2, needs a whole number ≥ 0 and < 2");
  });

  test("classWeight is for training: the validation counts its samples as they are", async () => {
    const { history } = await train({ classWeight, validationSplit: 0.25 });
    const { history: same } = await train({
      classWeight: {},
      validationSplit: 0.25,
      sampleWeight: factors.map((factor, index) => (index < 36 ? factor : 1)),
    });
    expect(history).toEqual(same);
  });

  test("a weight of 0 removes a sample, whatever it holds", async () => {
    const sampleWeight = Float32Array.from({ length: 48 }, (_, index) => (index % 3 === 0 ? 0 : 1));
    const others = rows.map((value, index) => (Math.floor(index / 4) % 3 === 0 ? 100 : value));
    const gradients = async (x: Float32Array, weight?: Float32Array, y: Uint8Array = kinds) => {
      using net = independent();
      net.compile({ optimizer: "sgd", loss, metrics: ["accuracy"] });
      return { gradients: await net.gradients(x, y, { sampleWeight: weight }), figures: await net.evaluate(x, y, { sampleWeight: weight }) };
    };
    const weighed = await gradients(rows, sampleWeight);
    expect(await gradients(others, sampleWeight)).toEqual(weighed);
    const kept = await gradients(
      rows.filter((_, index) => sampleWeight[Math.floor(index / 4)] === 1),
      undefined,
      kinds.filter((_, index) => sampleWeight[index] === 1),
    );
    expect(kept.figures.accuracy).toBeCloseTo(weighed.figures.accuracy, 12);
    const { data: bias } = weighed.gradients["dense_1/bias"];
    // The loss is the sum over the samples by their number, weighed or not (Keras).
    expectClose(
      bias.map((value) => value * 1.5),
      kept.gradients["dense_1/bias"].data,
      F32_SUMS,
    );
  });
});

describe("validation", () => {
  const run = async (x: Float32Array, y: Uint8Array, options: convlet.ModelFitOptions) => {
    using net = compiled("adam", on("strict"));
    const { history } = await net.fit(x, y, { ...quiet, epochs: 3, ...options });
    return { history, weights: bits(allWeights(net)) };
  };

  test("validationSplit is validationData of the last part", async () => {
    const split = await run(x, y, { validationSplit: 0.3 });
    const data = await run(x.subarray(0, 35 * 128), y.subarray(0, 35), { validationData: [x.subarray(35 * 128), y.subarray(35)] });
    expect(split).toEqual(data);
    expect(Object.keys(split.history)).toEqual(["loss", "accuracy", "valLoss", "valAccuracy"]);
  });

  test("it changes nothing in the training, and is what evaluate says", async () => {
    const without = await run(x, y, {});
    using net = compiled("adam", on("strict"));
    const held = quarters(20, 77);
    const weights = numbers(20).map(Math.abs);
    const evaluated: convlet.Logs[] = [];
    const compare: convlet.Callback = {
      async onEpochEnd() {
        evaluated.push(await net.evaluate(held.x, held.y, { sampleWeight: weights, batchSize: 16 }));
      },
    };
    const { history } = await net.fit(x, y, { ...quiet, epochs: 3, validationData: [held.x, held.y, weights], callbacks: [compare] });
    expect(history.loss).toEqual(without.history.loss);
    expect(bits(allWeights(net))).toEqual(without.weights);
    expect(history.valLoss).toEqual(evaluated.map((figures) => figures.loss));
    expect(history.valAccuracy).toEqual(evaluated.map((figures) => figures.accuracy));
  });

  test("evaluations side by side count for themselves", async () => {
    using net = compiled("adam", on("strict"));
    const [one, two] = [quarters(300), quarters(300, 9)];
    const alone = [await net.evaluate(one.x, one.y), await net.evaluate(two.x, two.y)];
    expect(await Promise.all([net.evaluate(one.x, one.y), net.evaluate(two.x, two.y)])).toEqual(alone);
  });
});

describe("batches that arrive", () => {
  const batch = (start: number) => ({ x: x.subarray(start * 128, Math.min(start + 16, 50) * 128), y: y.subarray(start, Math.min(start + 16, 50)) });
  const starts = [0, 16, 32, 48];
  function* epoch() {
    for (const start of starts) yield batch(start);
  }
  async function* slowly() {
    for (const each of epoch()) {
      await new Promise((resolve) => setTimeout(resolve));
      yield each;
    }
  }
  function* forever() {
    while (true) yield* epoch();
  }
  const train = async (feed: (net: convlet.Model) => Promise<convlet.History>) => {
    using net = compiled("adam", on("strict"));
    return { ...(await feed(net)), weights: bits(allWeights(net)) };
  };
  const epochs = { epochs: 3, verbose: 0 } as const;

  test.each([
    ["a generator for every epoch", epoch, {}],
    ["an async generator for every epoch", slowly, {}],
    ["an array", starts.map(batch), {}],
    ["an endless generator, cut", forever(), { stepsPerEpoch: 4 }],
    ["a function that gives an endless one", forever, { stepsPerEpoch: 4 }],
    ["with room to spare", epoch, { batchSize: 40 }],
  ] as const)("%s trains as arrays do without shuffle", async (_name, source, options) => {
    const expected = await train((net) => net.fit(x, y, { ...epochs, batchSize: 16, shuffle: false }));
    expect(await train((net) => net.fit(source as convlet.BatchSource, { ...epochs, ...options }))).toEqual(expected);
  });

  test.each([
    ["as many as it has", 4, [4, 4, 4]],
    ["fewer: the last ones are an epoch", 3, [3, 1, 3]],
    ["more: it ends the epoch", 9, [4, 4, 4]],
  ])("stepsPerEpoch over data that end, %s", async (_name, stepsPerEpoch, expected) => {
    for (const source of [epoch, slowly, starts.map(batch)]) {
      const steps: number[] = [];
      const count: convlet.Callback = { onEpochBegin: () => void steps.push(0), onBatchEnd: () => void steps.push(steps.pop()! + 1) };
      await train((net) => net.fit(source, { ...epochs, stepsPerEpoch, callbacks: [count] }));
      expect(steps).toEqual(expected);
    }
  });

  test("with weights and validation", async () => {
    const sampleWeight = numbers(50).map(Math.abs);
    const validationData = [x, y] as const;
    function* weighed() {
      for (const start of starts) yield { ...batch(start), sampleWeight: sampleWeight.subarray(start, Math.min(start + 16, 50)) };
    }
    const options = { ...epochs, classWeight: { 1: 2 }, validationData };
    const expected = await train((net) => net.fit(x, y, { ...options, batchSize: 16, shuffle: false, sampleWeight }));
    const arrived = await train((net) => net.fit(weighed, options));
    expect(arrived.weights).toEqual(expected.weights);
    expect(arrived.history.loss).toEqual(expected.history.loss);
    expect(arrived.history.valLoss[2]).toBeCloseTo(expected.history.valLoss[2], 6);
  });

  test("a source that is not read to its end is closed", async () => {
    let closed = 0;
    function* source() {
      try {
        yield* forever();
      } finally {
        closed++;
      }
    }
    await train((net) => net.fit(source, { ...epochs, stepsPerEpoch: 2 }));
    expect(closed).toBe(1);
    await expect(train((net) => net.fit(source, { ...epochs, stepsPerEpoch: 2, batchSize: 8 }))).rejects.toThrow(
      "fit: a batch has 16 samples, more than batchSize 8",
    );
    expect(closed).toBe(2);
  });

  test("says what cannot be", async () => {
    using net = compiled("adam", on("strict"));
    await expect(net.fit(epoch(), epochs)).rejects.toThrow(
      "fit: the data ended before the first batch of the epoch; a generator gives its batches only once",
    );
    await expect(net.fit(epoch, { ...epochs, validationSplit: 0.5 })).rejects.toThrow("fit: validationSplit is for arrays, got an iterable");
    await expect(net.fit(x, y, { ...epochs, stepsPerEpoch: 2 })).rejects.toThrow("fit: stepsPerEpoch is for iterables, got arrays");
    await expect(net.fit([x, y] as never, epochs)).rejects.toThrow(/^fit: x \(input "input"\)/);
    await expect(
      net.fit(function* () {
        yield [x, y] as never;
      }, epochs),
    ).rejects.toThrow("fit: a batch { x, y }: got an array of 2, needs an object of options");
  });
});
