/** Running allocates nothing: neither WebAssembly memory nor anything that a collection leaves. */
import { afterEach, describe, expect, test } from "vitest";
import * as convlet from "../src/index.ts";
import { everything, labels, machines, numbers, on, quarters } from "./support/networks.ts";

/** Bytes that the heap may grow by over STEPS runs. */
const HEAP_GROWTH = 64 * 1024;
const STEPS = 1000;
const WARM_UP = 200;
/** What leaks grows in every window; what the engine's compiler allocates when code gets hot (up to 300 kB) ends after one or two. */
const WINDOWS = 8;

const x = numbers(40 * 25);
const y = labels(40, 3);
let net: convlet.Model;
afterEach(() => net.dispose());

/** Everything that has state, as small as can be: plain JavaScript runs it too. */
function compiled(machine: (typeof machines)[number]): convlet.Model {
  net = convlet.sequential(
    [
      convlet.input({ shape: [5, 5, 1] }),
      convlet.conv2d({ filters: 2, kernelSize: 3, padding: "same" }),
      convlet.batchNormalization(),
      convlet.relu(),
      convlet.maxPooling2d(),
      convlet.dropout({ rate: 0.25 }),
      convlet.flatten(),
      convlet.dense({ units: 3, activation: "softmax", kernelRegularizer: convlet.l2() }),
    ],
    on(machine),
  );
  const schedule = convlet.cosineDecay({ initialLearningRate: 0.01, decaySteps: 1000 });
  const metrics = ["accuracy", convlet.confusionMatrix(3)];
  net.compile({ optimizer: convlet.adam({ learningRate: schedule, globalClipNorm: 1 }), loss: "sparseCategoricalCrossentropy", metrics });
  return net;
}

function memory(): WebAssembly.Memory {
  return (net as unknown as { engine: { state: { memory: WebAssembly.Memory } } }).engine.state.memory;
}

/** What is in use after everything else was collected. */
async function heapInUse(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc!();
  }
  return process.memoryUsage().heapUsed;
}

async function expectNoGrowth(run: (steps: number) => Promise<unknown>): Promise<void> {
  await run(WARM_UP);
  const { buffer } = memory();
  let before = await heapInUse();
  let growth = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS && growth >= HEAP_GROWTH; window++) {
    await run(STEPS);
    expect(memory().buffer, "the memory grew").toBe(buffer);
    const after = await heapInUse();
    growth = after - before;
    before = after;
  }
  expect(growth).toBeLessThan(HEAP_GROWTH);
}

describe.each(machines)("on %s", (machine) => {
  test("a thousand steps of fit, with validation, a short last batch and accumulation", async () => {
    compiled(machine);
    const options = { batchSize: 7, validationSplit: 0.2, gradientAccumulation: 2, classWeight: { 1: 2 }, verbose: 0 } as const;
    await expectNoGrowth((steps) => net.fit(x, y, { ...options, epochs: steps / 5 }));
  });

  test("a thousand calls of trainOnBatch", async () => {
    compiled(machine);
    await expectNoGrowth(async (steps) => {
      for (let step = 0; step < steps; step++) await net.trainOnBatch(x.subarray(0, 7 * 25), y.subarray(0, 7));
    });
  });

  test("a thousand predictions of two sizes", async () => {
    compiled(machine);
    await expectNoGrowth(async (steps) => {
      for (let step = 0; step < steps; step++) await net.predict(x.subarray(0, (step % 2 === 0 ? 1 : 5) * 25));
    });
  });
});

test("training, evaluation, predictions and gradients of many sizes reach a size of memory and stay there", async () => {
  net = everything(on("strict"));
  net.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const data = quarters(40);
  const sizes: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const batchSize of [1, 3, 8, 40]) {
      await net.fit(data.x, data.y, { batchSize, verbose: 0 });
      await net.evaluate(data.x, data.y, { batchSize });
      await net.predict(data.x, { batchSize });
    }
    await net.inputGradient(data.x, 1);
    await net.gradients(data.x, data.y);
    sizes.push(memory().buffer.byteLength);
  }
  expect(sizes[2]).toBe(sizes[0]);
});

test("a model has memory for gradients from compile on", () => {
  const weightBytes = 4 * 512 * 1024;
  net = convlet.sequential([convlet.dense({ units: 1024, inputShape: [512] })]);
  expect(memory().buffer.byteLength).toBeLessThan(1.1 * weightBytes);
  net.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  expect(memory().buffer.byteLength).toBeGreaterThan(2 * weightBytes);
});

test.each(machines)("on %s a second compile finds no trace of the first training", async (machine) => {
  compiled(machine);
  await net.fit(x, y, { verbose: 0 });
  const copy = net.clone();
  for (const model of [net, copy]) {
    model.compile({ optimizer: convlet.sgd({ learningRate: 0.1, momentum: 0.9 }), loss: "sparseCategoricalCrossentropy" });
    await model.fit(x, y, { verbose: 0 });
  }
  expect(net.getWeights()).toEqual(copy.getWeights());
  copy.dispose();
});
