/** Every bad input has one clear error, and leaves the model as it was: the next prediction and the next step have the bits they would have had. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { State } from "../src/machine/state.ts";
import { badCalls } from "./errors/calls.ts";
import { badData, badIterables } from "./errors/data.ts";
import { badContents, badSources } from "./errors/files.ts";
import { badGraphs, badLayers, badModelOptions, badShapes } from "./errors/layers.ts";
import { type BadInput, convlet, type Kind, loose, type Model, memoryOf, subject, train, untrained, x, y } from "./errors/subject.ts";
import { badCompile, badFitOptions } from "./errors/training.ts";

const machines = ["wasm", "plain"] as const;

/** What `attempt` throws or rejects with. */
async function failureOf(attempt: () => unknown): Promise<Error> {
  try {
    await attempt();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

function expectFailure(error: Error, kind: Kind, text: string | RegExp): void {
  if (typeof text === "string") expect(error.message).toBe(text);
  else expect(error.message).toMatch(text);
  expect(error.constructor).toBe(kind);
}

/** Equal to the bit: weights, statistics, optimizer slots, counters, and what comes out. */
async function expectEqual(model: Model, twin: Model): Promise<void> {
  expect(Buffer.compare(model.toBytes(), twin.toBytes())).toBe(0);
  expect((await model.predict(x)).data).toEqual((await twin.predict(x)).data);
}

describe.each(machines)("on the %s machine", (machine) => {
  let model: Model;
  /** Does the same steps, and never sees a bad input. */
  let twin: Model;
  const start = async () => {
    [model, twin] = [subject({ machine }), subject({ machine })];
    for (const each of [model, twin]) {
      await each.trainOnBatch(x, y);
      await each.predict(x);
    }
  };
  beforeAll(start);
  afterAll(() => {
    model.dispose();
    twin.dispose();
  });

  async function refuses([, attempt, kind, text]: BadInput): Promise<void> {
    const bytes = memoryOf(model);
    expectFailure(await failureOf(() => attempt(model)), kind, text);
    expect(memoryOf(model)).toBe(bytes);
    await expectEqual(model, twin);
    expect(await model.trainOnBatch(x, y)).toEqual(await twin.trainOnBatch(x, y));
    await expectEqual(model, twin);
  }

  /** A failure is one case's: the next one finds two equal models again. */
  async function check(each: BadInput): Promise<void> {
    try {
      await refuses(each);
    } catch (failure) {
      await start();
      throw failure;
    }
  }

  const groups = { shapes: badShapes, layers: badLayers, graphs: badGraphs, "model options": badModelOptions, compile: badCompile };
  const more = { "fit options": badFitOptions, data: badData, iterables: badIterables, calls: badCalls, sources: badSources, files: badContents };
  describe.each(Object.entries({ ...groups, ...more }))("%s", (_group, cases) => {
    test.each(cases.map((each) => ({ name: each[0], each })))("$name", ({ each }) => check(each));
  });
});

describe.each(machines)("what a fit may meet on the %s machine", (machine) => {
  const stepOptions = { batchSize: 2, shuffle: false, verbose: 0 } as const;

  /** The subject after `steps` steps of the same fit. */
  async function after(steps: number): Promise<Model> {
    const model = subject({ machine });
    let done = 0;
    const stop = {
      onBatchEnd: (_step: number, _logs: object, context: { stopTraining(): void }) => void (++done === steps && context.stopTraining()),
    };
    if (steps > 0) await model.fit(x, y, { ...stepOptions, callbacks: [stop] });
    return model;
  }

  /** Weights and slots as after `steps` steps; and a fit, counted as if it were the first, goes on from there. */
  async function expectSteps(model: Model, steps: number): Promise<void> {
    const twin = await after(steps);
    expect(weightsOf(model)).toEqual(weightsOf(twin));
    const [again, expected] = [await model.trainOnBatch(x, y), await twin.trainOnBatch(x, y)];
    expect(again).toEqual(expected);
    expect(await model.fit(x, y, stepOptions)).toEqual(await twin.fit(x, y, stepOptions));
  }

  test("a signal that is aborted already: its reason, no step, no callback", async () => {
    const model = subject({ machine });
    const seen: string[] = [];
    const callbacks = [{ onTrainBegin: () => void seen.push("begin") }];
    const reason = new Error("the user left");
    expect(await failureOf(() => model.fit(x, y, { ...stepOptions, callbacks, signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(seen).toEqual([]);
    await expectSteps(model, 0);
  });

  test.each([1, 2, 3])("a signal aborted in step %i: its reason, and the weights of that step", async (step) => {
    const model = subject({ machine });
    const controller = new AbortController();
    const reason = new Error("the user left");
    const callbacks = [{ onBatchEnd: (index: number) => void (index + 1 === step && controller.abort(reason)) }];
    const options = { ...stepOptions, callbacks, signal: controller.signal };
    expect(await failureOf(() => model.fit(x, y, options))).toBe(reason);
    await expectSteps(model, step);
  });

  test("a signal aborted while a batch is awaited", async () => {
    const model = subject({ machine });
    const controller = new AbortController();
    async function* batches() {
      for (let step = 0; ; step++) {
        if (step === 1) controller.abort();
        yield { x: { data: x.data.slice(step * 32, step * 32 + 32), shape: [2, 4, 4, 1] }, y: y.slice(step * 2, step * 2 + 2) };
      }
    }
    const error = await failureOf(() => model.fit(batches, { verbose: 0, batchSize: 2, signal: controller.signal }));
    expect(error.name).toBe("AbortError");
    await expectSteps(model, 1);
  });

  test("a signal aborted while a batch is awaited that never comes", { timeout: 5_000 }, async () => {
    const model = subject({ machine });
    const controller = new AbortController();
    async function* batches() {
      yield { x: { data: x.data.slice(0, 32), shape: [2, 4, 4, 1] }, y: y.slice(0, 2) };
      setTimeout(() => controller.abort());
      await new Promise(() => {});
    }
    const error = await failureOf(() => model.fit(batches, { verbose: 0, batchSize: 2, signal: controller.signal }));
    expect(error.name).toBe("AbortError");
    await expectSteps(model, 1);
  });

  test("a signal aborted in the validation: its reason, and no further batch of that", async () => {
    const model = subject({ machine });
    const controller = new AbortController();
    const reason = new Error("the user left");
    let batches = 0;
    const update = () => void (++batches === 4 && controller.abort(reason));
    const metric = { name: "watch", reset: () => undefined, update, result: () => 0 };
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy", metrics: [metric] });
    const options = { ...stepOptions, validationData: [x, y] as const, signal: controller.signal };
    expect(await failureOf(() => model.fit(x, y, options))).toBe(reason);
    expect(batches).toBe(4);
  });

  test("a callback that throws, and then the generator as it is closed: the callback's error", async () => {
    const model = subject({ machine });
    const mine = new Error("mine");
    const callbacks = [{ onBatchEnd: () => Promise.reject(mine) }];
    function* batches() {
      try {
        for (;;) yield { x, y };
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what a generator of the user's may do.
        throw new Error("closed");
      }
    }
    expect(await failureOf(() => model.fit(batches, { verbose: 0, callbacks }))).toBe(mine);
    expectFailure(await failureOf(() => model.fit(batches, { verbose: 0, stepsPerEpoch: 1 })), Error, "closed");
    expect(await model.fit(x, y, stepOptions)).toBeDefined();
  });

  test.each([
    ["onTrainBegin", 0],
    ["onEpochBegin", 0],
    ["onBatchEnd", 1],
  ])("a callback that throws in %s", async (event, steps) => {
    const model = subject({ machine });
    const mine = new Error("mine");
    const callbacks = [{ [event]: () => Promise.reject(mine) }];
    expect(await failureOf(() => model.fit(x, y, { ...stepOptions, callbacks }))).toBe(mine);
    await expectSteps(model, steps);
  });

  test("an exhausted generator: the epochs it lasted for are trained", async () => {
    const [model, twin] = [subject({ machine }), subject({ machine })];
    function* once() {
      yield { x, y };
    }
    const error = await failureOf(() => model.fit(once(), { verbose: 0, epochs: 2 }));
    expectFailure(error, RangeError, "fit: the data ended before the first batch of the epoch; a generator gives its batches only once");
    await twin.fit(once(), { verbose: 0 });
    await expectEqual(model, twin);
    expect(await model.fit(once, { verbose: 0, epochs: 2 })).toEqual(await twin.fit(once, { verbose: 0, epochs: 2 }));
    await expectEqual(model, twin);
  });

  test("a batch that is bad behind good ones: the steps before it are made", async () => {
    const model = subject({ machine });
    const first = { x: { data: x.data.slice(0, 32), shape: [2, 4, 4, 1] }, y: y.slice(0, 2) };
    const batches = () => [first, { ...first, y: [0, 3] }];
    expectFailure(await failureOf(() => model.fit(batches, { verbose: 0 })), RangeError, "fit: y: label 1 is 3, needs a whole number from 0 to 2");
    await expectSteps(model, 1);
  });

  test("data that is transferred away between two steps", async () => {
    const model = subject({ machine });
    const mine = { data: x.data.slice(), shape: x.shape };
    const callbacks = [{ onBatchEnd: () => void (mine.data.length > 0 && structuredClone(mine.data.buffer, { transfer: [mine.data.buffer] })) }];
    const error = await failureOf(() => model.fit(mine, y, { ...stepOptions, callbacks }));
    expectFailure(error, RangeError, "the data were given away while they are in use (an array is empty after its buffer was transferred)");
    await expectSteps(model, 1);
  });

  test("NaN in the input is NaN in the loss; terminateOnNaN stops after that step", async () => {
    const model = subject({ machine });
    const spoilt = { data: x.data.slice(), shape: x.shape };
    spoilt.data[2 * 16 + 5] = Number.NaN;
    expect((await model.evaluate(spoilt, y)).loss).toBeNaN();
    const losses: number[] = [];
    const watch = { onBatchEnd: (_step: number, { loss }: { readonly loss: number }) => void losses.push(loss) };
    const log = console.log;
    const lines: unknown[] = [];
    console.log = (line: unknown) => void lines.push(line);
    try {
      await model.fit(spoilt, y, { ...stepOptions, epochs: 3, callbacks: [loose(watch), convlet.terminateOnNaN()] });
    } finally {
      console.log = log;
    }
    expect(losses.map(Number.isNaN)).toEqual([false, true]);
    expect(lines).toEqual(["epoch 1, step 2: the loss is NaN; training stops"]);
  });

  test("other calls while it runs", async () => {
    const [model, twin] = [subject({ machine }), subject({ machine })];
    const errors: Error[] = [];
    const busy = "the model is already training; await the first fit, or clone the model";
    const meddle = {
      async onBatchEnd(step: number) {
        if (step !== 1) return;
        errors.push(await failureOf(() => train(model, {})));
        errors.push(await failureOf(() => model.trainOnBatch(x, y)));
        errors.push(await failureOf(() => model.compile({ optimizer: "sgd", loss: "meanSquaredError" })));
        errors.push(await failureOf(() => model.gradients(x, y)));
        await model.evaluate(x, y);
        await model.predict(x);
      },
    };
    const options = { ...stepOptions, epochs: 2, gradientAccumulation: 2, validationData: [x, y] as const };
    const history = await model.fit(x, y, { ...options, callbacks: [meddle] });
    expect(history).toEqual(await twin.fit(x, y, options));
    await expectEqual(model, twin);
    const once = ["fit", "trainOnBatch", "compile", "gradients"].map((call) => `${call}: ${busy}`);
    expect(errors.map(({ message }) => message)).toEqual([...once, ...once]);
  });

  test("a second fit at the same moment", async () => {
    const [model, twin] = [subject({ machine }), subject({ machine })];
    const [first, second] = await Promise.allSettled([model.fit(x, y, stepOptions), model.fit(x, y, stepOptions)]);
    expect(first.status).toBe("fulfilled");
    expect(String((second as PromiseRejectedResult).reason)).toBe(
      "Error: fit: the model is already training; await the first fit, or clone the model",
    );
    await twin.fit(x, y, stepOptions);
    await expectEqual(model, twin);
  });

  test("two evaluations at the same moment count for themselves", async () => {
    const model = subject({ machine });
    const many = { data: new Float32Array(4000 * 16).map((_, index) => x.data[index % 96]), shape: [4000, 4, 4, 1] };
    const labels = Array.from({ length: 4000 }, (_, index) => y[index % 6]);
    const alone = [await model.evaluate(many, labels, { batchSize: 2 }), await model.evaluate(x, y)];
    expect(await Promise.all([model.evaluate(many, labels, { batchSize: 2 }), model.evaluate(x, y)])).toEqual(alone);
  });

  test("the end of its model", async () => {
    const model = subject({ machine });
    const error = await failureOf(() => model.fit(x, y, { ...stepOptions, callbacks: [{ onBatchEnd: () => model.dispose() }] }));
    expectFailure(error, Error, "model: it was disposed; make or load a new one");
  });
});

describe("memory", () => {
  test("a batch that does not fit is refused before anything grows", async () => {
    const { dense, sequential } = convlet;
    const model = sequential([dense({ units: 4096, inputShape: [1] }), dense({ units: 1 })]);
    const samples = Float32Array.from({ length: 1e6 }, (_, index) => index % 7);
    const before = await model.predict(samples.subarray(0, 100));
    const bytes = memoryOf(model);
    const error = await failureOf(() => model.predict(samples, { batchSize: 1e6 }));
    expectFailure(error, RangeError, /^memory: the model needs 156\d\d MB, a WebAssembly memory ends at 4096 MB; use a smaller batch or model$/);
    expect(memoryOf(model)).toBe(bytes);
    expect(await model.predict(samples.subarray(0, 100))).toEqual(before);
    expect(memoryOf(model)).toBe(bytes);
  });

  test("a batchSize far beyond the samples takes no more than they need", async () => {
    const model = convlet.sequential([convlet.dense({ units: 4096, inputShape: [1] })]);
    await model.predict(new Float32Array(3), { batchSize: 1e9 });
    expect(memoryOf(model)).toBeLessThan(2 ** 21);
  });

  test("a result beyond what the engine gives", async () => {
    const model = convlet.sequential([convlet.dense({ units: 5000, inputShape: [1] })]);
    const error = await failureOf(() => model.predict(new Float32Array(1e6)));
    const text = "predict: the result [1000000, 5000] takes 19073 MB, more than the engine gives; pass fewer samples at a time";
    expectFailure(error, RangeError, text);
    expect((await model.predict(Float32Array.of(1))).shape).toEqual([1, 5000]);
  });

  test("slots that do not fit leave the memory and its layout as they were", () => {
    const weight = {
      name: "w",
      shape: [1 << 14, 1 << 14],
      initializer: convlet.zeros(),
      fanIn: 1,
      fanOut: 1,
      learned: true,
      l1: 0,
      l2: 0,
      layer: "w",
    };
    const state = new State({ inputs: [], outputs: [], nodes: [], parameters: [weight] }, 4);
    const [{ layout }, bytes] = [state, state.memory.buffer.byteLength];
    const text = "memory: the model needs 4096 MB, a WebAssembly memory ends at 4096 MB; use a smaller batch or model";
    expect(() => state.useSlots(["first", "second"])).toThrow(new RangeError(text));
    expect(state.layout).toBe(layout);
    expect(state.memory.buffer.byteLength).toBe(bytes);
  });
});

describe("after dispose", () => {
  const calls: Record<string, (model: Model) => unknown> = {
    getLayer: (model) => model.getLayer("conv"),
    countParams: (model) => model.countParams(),
    getWeights: (model) => model.getWeights(),
    setWeights: (model) => model.setWeights([]),
    compile: (model) => model.compile({ loss: "meanSquaredError" }),
    fit: (model) => train(model, {}),
    trainOnBatch: (model) => model.trainOnBatch(x, y),
    evaluate: (model) => model.evaluate(x, y),
    gradients: (model) => model.gradients(x, y),
    predict: (model) => model.predict(x),
    predictSync: (model) => model.predictSync(x),
    predictAll: (model) => model.predictAll(x),
    classify: (model) => model.classify({ data: new Uint8Array(64), width: 4, height: 4 }),
    activations: (model) => model.activations(x),
    inputGradient: (model) => model.inputGradient(x, 0),
    summary: (model) => model.summary(),
    toBytes: (model) => model.toBytes(),
    save: (model) => model.save("never-written"),
    restore: (model) => model.restore(loose({ json: {} })),
    clone: (model) => model.clone(),
    profile: (model) => model.profile(x),
  };

  test("there is a case for every public method", () => {
    const source = readFileSync(new URL("../src/model.ts", import.meta.url), "utf8");
    const body = source.slice(source.indexOf("export class Model"), source.indexOf("\n}\n", source.indexOf("export class Model")));
    const methods = [...body.matchAll(/^ {2}(?:async )?(\w+)(?:<[^(]*)?\(/gm)].map(([, name]) => name);
    // imageModel tells what the model is of, and needs no memory.
    const lifecycle = ["constructor", "dispose", "imageModel"];
    expect(methods.filter((name) => !lifecycle.includes(name)).sort()).toEqual(Object.keys(calls).sort());
  });

  test.each(Object.entries(calls))("%s throws", async (_name, call) => {
    const model = subject();
    await model.fit(x, y, { verbose: 0 });
    model.dispose();
    model.dispose();
    expectFailure(await failureOf(() => call(model)), Error, "model: it was disposed; make or load a new one");
  });

  test("layers throw as well, and another model goes on", async () => {
    const [model, other] = [subject(), subject()];
    const layer = model.getLayer("conv");
    const normalizer = convlet.sequential([convlet.normalization({ inputShape: [4, 4, 1] })]);
    const normalization = normalizer.layers[0];
    const before = await other.predict(x);
    model[Symbol.dispose]();
    normalizer.dispose();
    const calls = [() => layer.getWeights(), () => layer.setWeights([]), () => normalization.adapt(x)];
    for (const call of calls) expectFailure(await failureOf(call), Error, "model: it was disposed; make or load a new one");
    expect(await other.predict(x)).toEqual(before);
  });

  test("a model disposed before it was ready keeps neither kernels nor memory", async () => {
    const model = untrained();
    model.dispose();
    await model.ready;
    expect(memoryOf(model)).toBe(0);
    expectFailure(await failureOf(() => model.predict(x)), Error, "model: it was disposed; make or load a new one");
  });
});

test("layers and metrics may be named like what every object has", async () => {
  const { accuracy, dense, load, sequential } = convlet;
  const names = ["__proto__", "constructor", "toString"];
  const model = sequential([...names.map((name, index) => dense({ name, units: 3, ...(index === 0 && { inputShape: [2] }) })), convlet.softmax()]);
  model.compile({ loss: "sparseCategoricalCrossentropy", metrics: names.map((name) => accuracy({ name })) });
  const { history } = await model.fit(Float32Array.of(1, 2, 3, 4), [0, 1], { verbose: 0, epochs: 2 });
  for (const name of names) expect(Object.getOwnPropertyDescriptor(history, name)?.value).toHaveLength(2);
  const loaded = await load(model.toBytes());
  expect(Object.keys(await loaded.activations(Float32Array.of(1, 2)))).toEqual([...names, "softmax"]);
  expect(await loaded.predict(Float32Array.of(1, 2))).toEqual(await model.predict(Float32Array.of(1, 2)));
});

function weightsOf(model: Model): number[][] {
  return model.getWeights().map(({ data }) => [...data]);
}
