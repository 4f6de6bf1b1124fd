/** The same bits on any number of threads, and what happens when a worker is lost. */
import { afterEach, describe, expect, test } from "vitest";
import { Kernel } from "../build/records.ts";
import type { Model, SymbolicTensor } from "../src/index.ts";
import * as convlet from "../src/index.ts";
import type { ModelOptions } from "../src/modelOptions.ts";
import type { CompileOptions } from "../src/training/compile.ts";
import { seededRandom } from "./support/kernels.ts";
import { crewOf, kernelsOf, kill, machineOf, shareEverything, weightsOf } from "./support/threads.ts";

const { add, batchNormalization, concatenate, conv2d, dense, dropout, flatten, input, l1l2, maxPooling2d, multiply } = convlet;

interface Network extends CompileOptions {
  build(x: SymbolicTensor): SymbolicTensor;
}

const networks: Record<string, Network> = {
  "convolutions, batch normalization, dropout, Adam": {
    build: (x) => {
      let value = conv2d({ filters: 17, kernelSize: 3, padding: "same", useBias: false }).apply(x);
      value = convlet.relu().apply(batchNormalization().apply(value));
      value = dropout({ rate: 0.3 }).apply(maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }).apply(value));
      value = conv2d({ filters: 12, kernelSize: 3, strides: 2, groups: 1, kernelRegularizer: l1l2({ l1: 0.01, l2: 0.02 }) }).apply(value);
      return dense({ units: 10, activation: "softmax" }).apply(flatten().apply(value));
    },
    optimizer: convlet.adam({ globalClipNorm: 0.5 }),
    loss: "sparseCategoricalCrossentropy",
  },
  "depthwise, groups, dilation, residual, RMSprop": {
    build: (x) => {
      const first = conv2d({ filters: 8, kernelSize: 1, activation: "swish" }).apply(x);
      const second = convlet.depthwiseConv2d({ kernelSize: 3, padding: "same" }).apply(first);
      const third = conv2d({ filters: 8, kernelSize: 3, padding: "same", groups: 2, dilationRate: 2 }).apply(second);
      const joined = concatenate().apply([add().apply([first, third]), second]);
      const pooled = convlet.averagePooling2d({ poolSize: 2 }).apply(batchNormalization().apply(joined));
      return dense({ units: 10, activation: "softmax" }).apply(convlet.globalAveragePooling2d().apply(pooled));
    },
    optimizer: convlet.rmsprop({ momentum: 0.5 }),
    loss: "sparseCategoricalCrossentropy",
  },
  "factors, rescaling, softmax inside, another loss, SGD": {
    build: (x) => {
      const first = conv2d({ filters: 10, kernelSize: 3, activation: "tanh" }).apply(convlet.rescaling({ scale: 0.5, offset: 0.1 }).apply(x));
      const factor = dense({ units: 10, activation: "sigmoid" }).apply(convlet.globalAveragePooling2d().apply(first));
      const scaled = multiply().apply([first, convlet.reshape({ targetShape: [1, 1, 10] }).apply(factor)]);
      const mapped = conv2d({ filters: 10, kernelSize: 3, padding: "same" }).apply(convlet.softmax().apply(scaled));
      return dense({ units: 10, activation: "sigmoid" }).apply(convlet.globalMaxPooling2d().apply(mapped));
    },
    optimizer: convlet.sgd({ momentum: 0.9, nesterov: true }),
    loss: "meanSquaredError",
  },
};

const SHAPE = [13, 11, 3] as const;
const CLASSES = 10;

const models: Model[] = [];
afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
});

function build({ build: graph, ...compile }: Network, options: ModelOptions): Model {
  const x = input({ shape: [...SHAPE] });
  const model = convlet.model({ inputs: x, outputs: graph(x) }, { seed: 3, ...options });
  model.compile(compile);
  models.push(model);
  return model;
}

function data(model: Model, count: number) {
  const random = seededRandom(5);
  const x = Float32Array.from({ length: count * SHAPE[0] * SHAPE[1] * SHAPE[2] }, random);
  const isSparse = (model as unknown as { compiled: { loss: { name: string } } }).compiled.loss.name.startsWith("sparse");
  const y = isSparse ? Float32Array.from({ length: count }, (_, i) => (i * 7) % CLASSES) : Float32Array.from({ length: count * CLASSES }, random);
  return { x, y };
}

/** Five steps, the last of each epoch a short one, then a prediction. */
async function results(network: Network, threads: number, prepare: (model: Model) => void = () => {}): Promise<Float32Array[]> {
  const model = build(network, { threads, numerics: "strict" });
  await model.ready;
  if (threads > 1) expect(crewOf(model).length).toBeGreaterThanOrEqual(threads - 1);
  prepare(model);
  const { x, y } = data(model, 21);
  const { history } = await model.fit(x, y, { epochs: 2, batchSize: 8, gradientAccumulation: 1, verbose: 0 });
  const { data: output } = await model.predict(x, { batchSize: 16 });
  return [Float32Array.from(history.loss), ...weightsOf(model), output];
}

describe("the same bits on 1, 2, 3 and 7 threads", () => {
  const met = new Set<string>();
  test.each(Object.entries(networks))("%s", async (_, network) => {
    const expected = await results(network, 1);
    expect(expected.every((values) => values.every(Number.isFinite))).toBe(true);
    for (const threads of [2, 3, 7]) {
      const actual = await results(network, threads, (model) => shareEverything(model));
      expect(actual).toEqual(expected);
    }
    for (const model of models) for (const kernel of kernelsOf(model)) met.add(kernel);
    expect(await results(network, 2)).toEqual(expected);
  });

  test("these networks use every kernel", () => {
    expect(Object.keys(Kernel).filter((kernel) => !met.has(kernel))).toEqual([]);
  });
});

const network = networks["convolutions, batch normalization, dropout, Adam"];

/** A model with `threads` threads that has made a step, and one on one thread that is where it is. */
async function trained(threads: number) {
  const [model, reference] = [build(network, { threads }), build(network, {})];
  await model.ready;
  shareEverything(model);
  const { x, y } = data(model, 16);
  const step = async (each: Model) => each.trainOnBatch(x, y);
  await step(model);
  await step(reference);
  expect(weightsOf(model)).toEqual(weightsOf(reference));
  return { model, reference, step, x, y };
}

describe("a lost worker", () => {
  test.each([2, 4])("ended in the middle of a step on %i threads: an error within 5 s, weights of the last step, and on it goes", async (threads) => {
    const { model, reference, step, x } = await trained(threads);
    for (const worker of crewOf(model)) kill(worker);
    const began = performance.now();
    const errors = await step(model).then(
      () => [],
      (reason) => {
        // The event loop has not turned since: the end of the worker cannot have been seen.
        expect(() => model.predictSync(x)).toThrow("a worker of the run that failed is still being ended; await model.ready first");
        return [reason.message];
      },
    );
    expect(errors).toEqual([expect.stringContaining("a worker was lost in the middle of a run (no progress for 3 seconds)")]);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(weightsOf(model)).toEqual(weightsOf(reference));
    await step(model);
    await step(reference);
    expect(weightsOf(model)).toEqual(weightsOf(reference));
    expect(crewOf(model)).toHaveLength(threads - 1);
  });

  test("ended between two steps: nothing is lost, another takes its place", async () => {
    const { model, reference, step } = await trained(2);
    const [worker] = crewOf(model);
    kill(worker);
    await worker.ended;
    await step(model);
    await step(reference);
    expect(weightsOf(model)).toEqual(weightsOf(reference));
    expect(crewOf(model)).toHaveLength(1);
    expect(crewOf(model)[0]).not.toBe(worker);
  });

  test("a kernel that traps on all threads leaves them usable", async () => {
    const { model, reference, step, x } = await trained(3);
    const crew = crewOf(model);
    const placed = (model as unknown as { session: { inferenceProgram(outputs: unknown, capacity: number): never } }).session.inferenceProgram(
      model.graph.outputs,
      32,
    ) as { sections: Map<string, { first: number }> };
    model.predictSync(x);
    const words = new Int32Array((model as unknown as { engine: { state: { memory: WebAssembly.Memory } } }).engine.state.memory.buffer);
    const at = placed.sections.get("forward")!.first / 4;
    const kernel = words[at];
    words[at] = 999;
    expect(() => model.predictSync(x)).toThrow("unreachable");
    words[at] = kernel;
    await model.ready;
    expect(crewOf(model)).toHaveLength(crew.length);
    await step(model);
    await step(reference);
    expect(weightsOf(model)).toEqual(weightsOf(reference));
  });
});

describe("the life of threads", () => {
  test("more threads than rows, more than cores", async () => {
    const { model, reference, x } = await trained(7);
    const one = x.subarray(0, SHAPE[0] * SHAPE[1] * SHAPE[2]);
    expect((await model.predict(one)).data).toEqual((await reference.predict(one)).data);
  });

  test("a memory that grows under workers", async () => {
    const { model, reference } = await trained(2);
    const { x } = data(model, 500);
    const before = machineOf(model);
    expect((await model.predict(x, { batchSize: 500 })).data).toEqual((await reference.predict(x, { batchSize: 500 })).data);
    expect(machineOf(model)).toBe(before);
  });

  test("models share workers", async () => {
    const [first, second] = [await trained(3), await trained(2)];
    expect(crewOf(second.model)[0]).toBe(crewOf(first.model)[0]);
    expect(machineOf(first.model).parts.pool.size).toBe(2);
  });

  test("dispose while fit runs: fit rejects, the workers go", async () => {
    const { model, x, y } = await trained(2);
    const { pool } = machineOf(model).parts;
    const callbacks = [{ onBatchEnd: () => model.dispose() }];
    await expect(model.fit(x, y, { batchSize: 4, verbose: 0, callbacks })).rejects.toThrow("it was disposed");
    expect(pool.size).toBe(0);
  });

  test("dispose before the workers are there", async () => {
    const model = build(network, { threads: 2 });
    model.dispose();
    await model.ready;
    await expect(model.predict(data(model, 1).x)).rejects.toThrow("it was disposed");
  });

  test("fit is aborted: the weights are those of the last complete step", async () => {
    const { model, reference, x, y } = await trained(2);
    const controller = new AbortController();
    const callbacks = [{ onBatchEnd: (step: number) => step === 1 && controller.abort(new Error("enough")) } as convlet.Callback];
    const options = { batchSize: 4, shuffle: false, verbose: 0 } as const;
    await expect(model.fit(x, y, { ...options, signal: controller.signal, callbacks })).rejects.toThrow("enough");
    const half = { x: x.subarray(0, x.length / 2), y: y.subarray(0, 8) };
    await reference.fit(half.x, half.y, options);
    expect(weightsOf(model)).toEqual(weightsOf(reference));
  });

  test("100 models made and disposed leave no worker", async () => {
    for (let cycle = 0; cycle < 100; cycle++) {
      const model = build(network, { threads: 2 });
      await model.ready;
      expect(crewOf(model)).toHaveLength(1);
      const { pool } = machineOf(model).parts;
      model.dispose();
      models.length = 0;
      expect(pool.size).toBe(0);
    }
    await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === "Worker" || kind === "MessagePort").length).toBe(0);
  }, 120_000);

  test("models that are forgotten without dispose give their workers back", async () => {
    const make = async () => {
      const model = build(network, { threads: 2 });
      models.length = 0;
      await model.ready;
      return machineOf(model).parts.pool;
    };
    const pool = await make();
    expect(pool.size).toBe(1);
    const collect = (globalThis as unknown as { gc(): void }).gc;
    const sizeAfterCollection = () => {
      collect();
      return pool.size;
    };
    await expect.poll(sizeAfterCollection, { timeout: 10_000 }).toBe(0);
  });

  test.each([0, 1.5, 33, "two", Number.NaN])("threads: %s is refused", (threads) => {
    expect(() => build(network, { threads: threads as number })).toThrow(/model: threads is/);
  });

  test('"auto" and machine "plain" work', async () => {
    const [auto, plain] = [build(network, { threads: "auto" }), build(network, { threads: 2, machine: "plain" })];
    await Promise.all([auto.ready, plain.ready]);
    const { x } = data(auto, 2);
    expect(auto.predictSync(x).data).toHaveLength(2 * CLASSES);
    expect(plain.predictSync(x).data).toHaveLength(2 * CLASSES);
  });
});
