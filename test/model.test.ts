/** The model itself: how it is built and named, what goes in and comes out. */
import { describe, expect, test } from "vitest";
import * as convlet from "../src/index.ts";
import { expectClose } from "./support/kernels.ts";
import { allWeights, bits, chain, everything, machines, numbers, on, quarters } from "./support/networks.ts";

const { input, conv2d, dense, flatten, relu, maxPooling2d, model, sequential } = convlet;

const small = (options: convlet.ModelOptions = {}) =>
  sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1], name: "features" }),
      maxPooling2d(),
      flatten(),
      dense({ units: 16 }),
      relu(),
      dense({ units: 3, activation: "softmax" }),
    ],
    { seed: 1, ...options },
  );

describe("building", () => {
  test("names are given, or the type with a number", () => {
    using net = small();
    expect(net.layers.map(({ name, type }) => `${name}:${type}`)).toEqual([
      "features:conv2d",
      "maxPooling2d:maxPooling2d",
      "flatten:flatten",
      "dense:dense",
      "relu:relu",
      "dense_1:dense",
    ]);
    expect(net.inputShapes).toEqual([[8, 8, 1]]);
    expect(net.outputShapes).toEqual([[3]]);
    expect(net.getLayer("maxPooling2d").outputShape).toEqual([3, 3, 4]);
  });

  test("weights have names, shapes and numbers", () => {
    using net = small();
    expect(net.getWeights().map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      "features/kernel 3,3,1,4",
      "features/bias 4",
      "dense/kernel 36,16",
      "dense/bias 16",
      "dense_1/kernel 16,3",
      "dense_1/bias 3",
    ]);
    expect(net.countParams()).toBe(40 + 592 + 51);
    expect(net.getLayer("dense").countParams()).toBe(592);
    expect(net.getLayer("dense").getWeights()).toEqual(net.getWeights().slice(2, 4));
    using counted = everything();
    expect(counted.getLayer("batchNormalization").getWeights()).toHaveLength(4);
    expect(counted.countParams()).toBe(72 + 16 + 195);
  });

  test("setWeights takes copies of values with or without shapes, of a layer or of all", async () => {
    using from = small();
    using to = small({ seed: 2 });
    expect(bits(allWeights(to))).not.toEqual(bits(allWeights(from)));
    to.setWeights(from.getWeights());
    expect(bits(allWeights(to))).toEqual(bits(allWeights(from)));
    const data = [numbers(576), numbers(16)];
    to.getLayer("dense").setWeights(data);
    expect(
      to
        .getLayer("dense")
        .getWeights()
        .map((weight) => weight.data),
    ).toEqual(data);
    data[0].fill(0);
    expect(to.getLayer("dense").getWeights()[0].data[0]).not.toBe(0);
    const before = allWeights(to);
    expect(() => to.setWeights([...from.getWeights().slice(0, 5), new Float32Array(4)])).toThrow(
      "model: weight dense_1/bias got shape [3] with 4 values, needs [3]",
    );
    expect(() => to.setWeights(from.getWeights().slice(1))).toThrow(/^model: setWeights got an array of 5, needs 6 arrays: features\/kernel/);
    expect(bits(allWeights(to))).toEqual(bits(before));
  });

  test("predictions follow setWeights", async () => {
    using net = small(on("strict"));
    using other = small(on("strict", { seed: 9 }));
    const x = numbers(128);
    const first = await net.predict(x);
    other.setWeights(net.getWeights());
    expect(bits((await other.predict(x)).data)).toEqual(bits(first.data));
    net.getLayer("features").setWeights([new Float32Array(36), new Float32Array(4)]);
    expect(bits(net.predictSync(x).data)).not.toEqual(bits(first.data));
  });

  test("functional: a sequence built by hand is the same model", async () => {
    const x = input({ shape: [8, 8, 1] });
    const features = conv2d({ filters: 4, kernelSize: 3, activation: "relu", name: "features" });
    const layers = [features, maxPooling2d(), flatten(), dense({ units: 16 }), relu(), dense({ units: 3, activation: "softmax" })];
    using net = model({ inputs: x, outputs: chain(x, ...layers) }, { seed: 1 });
    using same = small();
    expect(bits(allWeights(net))).toEqual(bits(allWeights(same)));
    expect(bits((await net.predict(numbers(64))).data)).toEqual(bits((await same.predict(numbers(64))).data));
  });

  test("several inputs and outputs", async () => {
    const image = input({ shape: [4, 4, 1], name: "image" });
    const extra = input({ shape: [2], name: "extra" });
    const joined = convlet.concatenate().apply([flatten().apply(image), extra]);
    const outputs = [dense({ units: 3, name: "kind" }).apply(joined), dense({ units: 1, name: "size" }).apply(joined)];
    using net = model({ inputs: [image, extra], outputs }, on("strict"));
    const data = [numbers(5 * 16), numbers(5 * 2, 7)];
    const [kind, size] = await net.predictAll(data);
    expect([kind.shape, size.shape]).toEqual([
      [5, 3],
      [5, 1],
    ]);
    const { data: kernel } = net.getLayer("size").getWeights()[0];
    for (let row = 0; row < 5; row++) {
      const values = [...data[0].subarray(row * 16, row * 16 + 16), ...data[1].subarray(row * 2, row * 2 + 2)];
      expect(size.data[row]).toBeCloseTo(
        values.reduce((sum, value, index) => sum + value * kernel[index], 0),
        5,
      );
    }
    await expect(net.predict(data)).rejects.toThrow("predict: the model has 2 outputs; predictAll gives them all");
    await expect(net.predictAll(data[0])).rejects.toThrow("predictAll: x is a Float32Array, needs a list of 2 inputs (image, extra)");
    await expect(net.predictAll([data[0], numbers(8)])).rejects.toThrow("predictAll: inputs have 5 and 4 samples, needs as many in each");
    expect(() => net.compile({ loss: "mse" })).toThrow("compile: the model has 2 outputs; training knows models with one (predict knows all)");
  });

  test("a model of several inputs trains", async () => {
    const left = input({ shape: [3], name: "left" });
    const right = input({ shape: [2], name: "right" });
    const joined = convlet.concatenate().apply([dense({ units: 4, activation: "tanh" }).apply(left), right]);
    using net = model({ inputs: [left, right], outputs: dense({ units: 1 }).apply(joined) });
    net.compile({ optimizer: "adam", loss: "mse" });
    const { history } = await net.fit([numbers(60), numbers(40, 8)], numbers(20, 9), { epochs: 3, batchSize: 6, verbose: 0 });
    expect(history.loss).toHaveLength(3);
    expect(history.loss[2]).toBeLessThan(history.loss[0]);
  });

  test("the seed decides the first weights", () => {
    using one = small();
    using again = small();
    using other = small({ seed: 2 });
    expect(bits(allWeights(again))).toEqual(bits(allWeights(one)));
    expect(bits(allWeights(other))).not.toEqual(bits(allWeights(one)));
  });
});

describe("summary", () => {
  test("the table of a small model", () => {
    using net = small();
    expect(net.summary()).toMatchInlineSnapshot(`
      "layer                        output     parameters      MFLOP
      ───────────────────────────  ─────────  ──────────  ─────────
      input (input)                [8, 8, 1]           0
      features (conv2d)            [6, 6, 4]          40    0.00259
      maxPooling2d (maxPooling2d)  [3, 3, 4]           0   0.000144
      flatten (flatten)            [36]                0
      dense (dense)                [16]              592    0.00115
      relu (relu)                  [16]                0
      dense_1 (dense)              [3]                51  0.0000960
      683 parameters (2.7 kB), 683 trained; 0.00398 MFLOP per sample"
    `);
  });

  test("counts what is not trained apart", () => {
    using net = everything();
    net.getLayer("conv2d").trainable = false;
    expect(net.summary().split("\n").at(-1)).toMatch(/^283 parameters \(1\.1 kB\), 203 trained; .* MFLOP per sample$/);
  });

  test("with plan: every instruction, and nothing is allocated or needs the kernels", () => {
    using net = small();
    net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const plan = net.summary({ plan: true, batchSize: 64 });
    expect(plan).toMatch(/training program for batches of 64: \d+ instructions, arena \d+ kB, packed weights \d+\.\d kB/);
    for (const kernel of ["packWeights", "conv2dOutput", "pool2dInputGrad", "crossEntropyLoss", "adamUpdate"]) expect(plan).toContain(kernel);
    expect(plan).toMatch(/conv2dOutput +features +matmul/);
  });
});

describe.each(machines)("predictions on %s", (machine) => {
  test("predict, predictSync and predictAll agree", async () => {
    using net = everything(on(machine));
    const { x } = quarters(5);
    // Plain JavaScript has nothing to wait for.
    if (machine !== "plain") expect(() => net.predictSync(x)).toThrow(/await model\.ready/);
    const { data, shape } = await net.predict(x);
    expect(shape).toEqual([5, 3]);
    expect(bits(net.predictSync(x).data)).toEqual(bits(data));
    expect(bits((await net.predictAll(x))[0].data)).toEqual(bits(data));
    for (let row = 0; row < 5; row++) expect(data[row * 3] + data[row * 3 + 1] + data[row * 3 + 2]).toBeCloseTo(1, 5);
  });

  test("a sample has the same bits alone, in a short batch and in a long one", async () => {
    using net = everything(on(machine));
    const { x } = quarters(37);
    const all = (await net.predict(x)).data;
    for (const batchSize of [1, 5, 37, 64]) expect(bits((await net.predict(x, { batchSize })).data)).toEqual(bits(all));
    for (const sample of [0, 17, 36]) {
      const alone = net.predictSync(x.subarray(sample * 128, (sample + 1) * 128)).data;
      expect(bits(alone)).toEqual(bits(all.slice(sample * 3, sample * 3 + 3)));
    }
  });

  test("activations are what a model cut there predicts", async () => {
    using net = everything(on(machine));
    net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const { x, y } = quarters(40);
    await net.fit(x, y, { verbose: 0 });
    const { data } = await net.predict(x);
    const activations = await net.activations(x);
    expect(Object.keys(activations)).toEqual(net.layers.map(({ name }) => name));
    const cuts: Record<string, convlet.Layer[]> = {
      conv2d: [conv2d({ filters: 4, kernelSize: 3, padding: "same", useBias: false })],
    };
    cuts.batchNormalization = [...cuts.conv2d, convlet.batchNormalization()];
    cuts.relu = [...cuts.batchNormalization, relu()];
    cuts.maxPooling2d = [...cuts.relu, maxPooling2d()];
    for (const [name, layers] of Object.entries(cuts)) {
      using cut = sequential([input({ shape: [8, 8, 2] }), ...layers], on(machine));
      cut.setWeights(net.getWeights().slice(0, cut.getWeights().length));
      const expected = await cut.predict(x);
      expect(activations[name].shape).toEqual(expected.shape);
      expectClose(activations[name].data, expected.data, FOLDED);
      expectClose((await net.activations(x, [name]))[name].data, expected.data, FOLDED);
    }
    expect(bits(activations.dropout.data)).toEqual(bits(activations.maxPooling2d.data));
    expect(bits(activations.flatten.data)).toEqual(bits(activations.maxPooling2d.data));
    expectClose(activations.dense.data, data, FOLDED);
    await expect(net.activations(x, ["none"])).rejects.toThrow(/^model: no layer is named "none"; layers: conv2d, /);
  });

  test("what is asked for is neither fused nor written over", async () => {
    const layers = [conv2d({ filters: 3, kernelSize: 3 }), convlet.dropout({ rate: 0.5 }), relu(), convlet.leakyRelu(), flatten(), relu()];
    using net = sequential([input({ shape: [6, 6, 2] }), ...layers], on(machine));
    const x = numbers(72 * 3);
    const all = await net.activations(x);
    for (const { name } of net.layers) expectClose((await net.activations(x, [name]))[name].data, all[name].data, FOLDED);
    expect(bits(all.relu.data)).toEqual(bits(all.conv2d.data.map((value) => Math.max(value, 0))));
  });
});

/** Folding a batch normalization into weights moves the last bits. */
const FOLDED = 3e-6;

describe("what goes in", () => {
  test("typed arrays, nested arrays and { data, shape } are the same", async () => {
    using net = small(on("strict"));
    const data = numbers(3 * 64);
    const rows = Array.from({ length: 3 }, (_, image) =>
      Array.from({ length: 8 }, (_, y) => [...data.subarray((image * 8 + y) * 8, (image * 8 + y) * 8 + 8)]),
    );
    const expected = bits((await net.predict(data)).data);
    const withChannels = rows.map((image) => image.map((row) => row.map((value) => [value])));
    for (const x of [rows, withChannels, [...data], Float64Array.from(data), { data, shape: [3, 8, 8, 1] }, { data: [...data], shape: [3, 8, 8] }]) {
      expect(bits((await net.predict(x)).data)).toEqual(expected);
    }
    expect((await net.predict(rows[0])).shape).toEqual([1, 3]);
  });

  test("bytes go through rescaling", async () => {
    const layers = [convlet.rescaling({ scale: 1 / 255, offset: -0.5 }), flatten(), dense({ units: 2, kernelInitializer: "heNormal" })];
    using net = sequential([input({ shape: [4, 4, 3] }), ...layers], on("strict"));
    const bytes = Uint8Array.from(numbers(96), (value) => Math.floor((value + 1) * 128));
    const { data } = await net.predict(bytes);
    const { data: kernel } = net.getLayer("dense").getWeights()[0];
    for (let row = 0; row < 2; row++)
      for (let unit = 0; unit < 2; unit++) {
        let sum = 0;
        for (let cell = 0; cell < 48; cell++) sum += (bytes[row * 48 + cell] / 255 - 0.5) * kernel[cell * 2 + unit];
        expect(data[row * 2 + unit]).toBeCloseTo(sum, 5);
      }
    expect(bits((await net.predict(new Uint8ClampedArray(bytes))).data)).toEqual(bits(data));
  });

  test("normalization adapts to data", async () => {
    using net = sequential([input({ shape: [4, 4, 2] }), convlet.normalization(), flatten(), dense({ units: 1 })], on("strict"));
    const x = numbers(20 * 32).map((value, index) => (index % 2 === 0 ? 3 * value + 7 : 0.1 * value - 2));
    await net.getLayer("normalization").adapt(x);
    const { data } = (await net.activations(x, ["normalization"])).normalization;
    for (const channel of [0, 1]) {
      const values = data.filter((_, index) => index % 2 === channel);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean).toBeCloseTo(0, 4);
      expect(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length).toBeCloseTo(1, 4);
    }
    await expect(net.getLayer("dense").adapt(x)).rejects.toThrow('dense "dense": only a normalization layer can adapt');
  });
});

test("what happens to its options later changes neither a layer nor its file", async () => {
  const options = { filters: 2, kernelSize: [3, 3], activation: { name: "leakyRelu", alpha: 0.1 } as const } satisfies convlet.Conv2dOptions;
  const first = convlet.conv2d(options);
  options.filters = 3;
  options.kernelSize[0] = 1;
  using net = sequential([input({ shape: [5, 5, 1] }), first, convlet.conv2d(options)], on("strict"));
  expect(net.layers.map(({ outputShape }) => outputShape)).toEqual([
    [3, 3, 2],
    [3, 1, 3],
  ]);
  options.filters = 4;
  using loaded = await convlet.load(net.toBytes());
  expect(loaded.outputShapes).toEqual([[3, 1, 3]]);
});
