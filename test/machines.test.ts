/** Whole networks on every machine: one program, three ways to run it. */
import { beforeAll, describe, expect, test } from "vitest";
import * as convlet from "../src/index.ts";
import { expectClose } from "./support/kernels.ts";
import { allWeights, bits, chain, labels, type MachineChoice, machines, numbers, on, oneHot } from "./support/networks.ts";

const { input, conv2d, depthwiseConv2d, batchNormalization, relu, maxPooling2d, averagePooling2d, dense, flatten, add, concatenate } = convlet;
const { globalAveragePooling2d, zeroPadding2d, multiply, reshape, dropout, model } = convlet;

/** Loss of one step, relative: float32 sums in another order, and once more after every update. */
const LOSS = 2e-5;
/** Weights after ten updates, relative to the largest of the model. */
const WEIGHTS = 5e-5;
/** Predictions of a model whose batch normalizations were folded into weights against those of one where they were not. */
const FOLDED = 5e-6;

const STEPS = 10;
const BATCH = 12;
const SHAPE = [10, 9, 3];

type Value = convlet.SymbolicTensor;
const conv = (filters: number, options: object = {}) => conv2d({ filters, kernelSize: 3, padding: "same", ...options });
const head = (value: Value) => chain(value, flatten(), dense({ units: 4, activation: "softmax" }));

const networks: Record<string, (x: Value) => Value> = {
  "convolution, batch normalization, relu, max pooling, dense": (x) =>
    head(
      chain(
        x,
        conv(8, { useBias: false }),
        batchNormalization(),
        relu(),
        maxPooling2d(),
        conv(12, { useBias: false }),
        batchNormalization(),
        relu(),
        maxPooling2d(),
        flatten(),
        dense({ units: 16, activation: "relu" }),
        dropout({ rate: 0.3 }),
      ),
    ),
  "residual, depthwise": (x) => {
    let value = conv(8).apply(x);
    for (const strides of [1, 1]) {
      const block = chain(value, depthwiseConv2d({ kernelSize: 3, padding: "same", strides, useBias: false }), batchNormalization());
      value = add().apply([value, chain(block, convlet.relu6(), conv2d({ filters: 8, kernelSize: 1 }))]);
    }
    const narrow = depthwiseConv2d({ kernelSize: [5, 3], strides: 2, depthMultiplier: 2, padding: "same" }).apply(value);
    return head(globalAveragePooling2d().apply(convlet.separableConv2d({ filters: 6, kernelSize: 3, activation: "swish" }).apply(narrow)));
  },
  concatenations: (x) => {
    const first = conv(5, { activation: "relu" }).apply(x);
    const branches = [
      conv2d({ filters: 3, kernelSize: 1 }).apply(first),
      chain(first, conv2d({ filters: 4, kernelSize: 1, activation: "tanh" }), conv(4, { kernelSize: 5 })),
      averagePooling2d({ poolSize: 3, strides: 1, padding: "same" }).apply(first),
    ];
    const joined = concatenate().apply(branches);
    const gate = chain(joined, globalAveragePooling2d(), dense({ units: 12, activation: "sigmoid" }), reshape({ targetShape: [1, 1, 12] }));
    const gated = multiply().apply([joined, gate]);
    return head(maxPooling2d({ poolSize: 3, strides: 2 }).apply(concatenate().apply([gated, conv(2).apply(gated), first])));
  },
  "shared layers": (x) => {
    const shared = [conv(3, { activation: "relu" }), batchNormalization(), depthwiseConv2d({ kernelSize: 3, padding: "same" })];
    const once = chain(x, ...shared);
    return head(add().apply([once, chain(once, ...shared), chain(x, shared[0], shared[2])]));
  },
  "every activation": (x) => {
    const layers = [convlet.relu(), convlet.relu6(), convlet.leakyRelu({ alpha: 0.1 }), convlet.elu(), convlet.selu(), convlet.sigmoid()];
    layers.push(convlet.tanh(), convlet.softplus(), convlet.swish(), convlet.gelu(), convlet.hardSigmoid(), convlet.hardSwish(), convlet.softmax());
    return head(add().apply(layers.map((layer) => chain(x, conv(3), layer, conv(2)))));
  },
};

function build(network: (x: Value) => Value, machine: MachineChoice): convlet.Model {
  const x = input({ shape: SHAPE });
  return model({ inputs: x, outputs: network(x) }, on(machine, { seed: 6 }));
}

const x = numbers(STEPS * BATCH * 270);
const y = labels(STEPS * BATCH, 4);

async function trained(network: (x: Value) => Value, machine: MachineChoice): Promise<{ net: convlet.Model; losses: number[] }> {
  const net = build(network, machine);
  net.compile({ optimizer: convlet.sgd({ learningRate: 0.02, momentum: 0.9 }), loss: "sparseCategoricalCrossentropy" });
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const batch = x.subarray(step * BATCH * 270, (step + 1) * BATCH * 270);
    losses.push((await net.trainOnBatch(batch, y.subarray(step * BATCH, (step + 1) * BATCH))).loss);
  }
  return { net, losses };
}

describe.each(Object.entries(networks))("%s", (_name, network) => {
  let runs: { machine: MachineChoice; net: convlet.Model; losses: number[] }[];
  beforeAll(async () => {
    runs = await Promise.all(machines.map(async (machine) => ({ machine, ...(await trained(network, machine)) })));
  });
  const some = x.subarray(0, 15 * 270);

  test("ten steps on every machine", async () => {
    const plain = runs.at(-1)!;
    const weights = allWeights(plain.net);
    expect(bits(weights)).not.toEqual(bits(allWeights(build(network, "plain"))));
    const expected = (await plain.net.predict(some)).data;
    for (const { machine, net, losses } of runs.slice(0, -1)) {
      expectClose(losses, plain.losses, LOSS, `${machine} losses`);
      expectClose(allWeights(net), weights, WEIGHTS, `${machine} weights`);
      expectClose((await net.predict(some)).data, expected, WEIGHTS, `${machine} predictions`);
    }
  });

  test("folded inference is evaluation layer by layer", async () => {
    for (const { machine, net } of runs) {
      const whole = await net.predict(some);
      const { [net.layers.at(-1)!.name]: layered } = await net.activations(some);
      expectClose(whole.data, layered.data, FOLDED, machine);
      const { loss } = await net.evaluate(some, y.subarray(0, 15));
      let sum = 0;
      for (let row = 0; row < 15; row++) sum -= Math.log(layered.data[row * 4 + y[row]]) / 15;
      expect(Math.abs(loss - sum) / sum, machine).toBeLessThan(LOSS);
    }
  });
});

/** Every value is read in two ways: where the compiler lets values share memory, and alone. */
describe.each(machines)("values that share memory on %s", (machine) => {
  const shapes: Record<string, (x: Value) => Value[]> = {
    "a zero padding in a concatenation": (x) => [zeroPadding2d({ padding: 1 }).apply(conv(2).apply(x)), zeroPadding2d({ padding: 1 }).apply(x)],
    "a concatenation of inputs in another": (x) => [concatenate().apply([x, x]), conv(3).apply(x)],
    "a concatenation in two others": (x) => {
      const joined = concatenate().apply([conv(2).apply(x), conv(3).apply(x)]);
      return [concatenate().apply([joined, x]), joined, concatenate().apply([x, joined])];
    },
    "a value twice": (x) => ((first) => [first, first, relu().apply(first)])(conv(2).apply(x)),
    "a broadcast factor": (x) => {
      const factor = chain(x, globalAveragePooling2d(), dense({ units: 3 }), reshape({ targetShape: [1, 1, 3] }));
      const other = conv2d({ filters: 3, kernelSize: 1 }).apply(factor);
      return [other, factor, globalAveragePooling2d().apply(multiply().apply([x, other]))].map((value) => flatten().apply(value));
    },
    "a reshaped value": (x) => {
      const first = conv(2).apply(x);
      return [reshape({ targetShape: [9, 10, 2] }).apply(first), reshape({ targetShape: [9, 10, 2] }).apply(conv(2).apply(first))];
    },
    "poolings, normalizations, sums": (x) => {
      const first = conv(4).apply(x);
      return [
        batchNormalization().apply(first),
        add().apply([first, first]),
        averagePooling2d({ poolSize: 3, strides: 1, padding: "same" }).apply(first),
      ];
    },
  };

  test.each(Object.entries(shapes))("%s", async (_name, parts) => {
    const from = input({ shape: SHAPE });
    const values = parts(from);
    const x = numbers(3 * 270);
    using joined = model({ inputs: from, outputs: concatenate().apply(values) }, on(machine));
    const { data, shape } = await joined.predict(x);
    const channels = shape[shape.length - 1];
    let channel = 0;
    for (const value of values) {
      using alone = model({ inputs: from, outputs: value }, on(machine));
      alone.setWeights(alone.getWeights().map(({ name }) => joined.getWeights().find((weight) => weight.name === name)!));
      const part = await alone.predict(x);
      const width = part.shape[part.shape.length - 1];
      const slice = part.data.map((_, index) => data[Math.floor(index / width) * channels + channel + (index % width)]);
      expectClose(slice, part.data, FOLDED, `channel ${channel}`);
      channel += width;
    }
    expect(channel).toBe(channels);
  });
});

describe("numerics", () => {
  test('"auto": training and evaluation have the strict bits, predictions those of the fastest', async () => {
    const network = networks["convolution, batch normalization, relu, max pooling, dense"];
    const runs = await Promise.all(
      (["auto", "strict", "relaxed"] as const).map(async (numerics) => {
        const value = input({ shape: SHAPE });
        const net = model({ inputs: value, outputs: network(value) }, { machine: "wasm", numerics, seed: 6 });
        net.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
        const fitted = await net.fit(x, oneHot(y, 4), { epochs: 2, verbose: 0, validationSplit: 0.2 });
        const evaluated = await net.evaluate(x, oneHot(y, 4));
        const gradients = await net.gradients(x, oneHot(y, 4));
        const predictions = bits((await net.predict(x)).data);
        const weights = bits(allWeights(net));
        net.dispose();
        return { trained: { fitted, evaluated, gradients, weights }, predictions };
      }),
    );
    const [auto, strict, relaxed] = runs;
    expect(auto.trained).toEqual(strict.trained);
    if (!machines.includes("relaxed")) return;
    expect(auto.predictions).not.toEqual(strict.predictions);
    expect(relaxed.trained).not.toEqual(strict.trained);
  });
});
