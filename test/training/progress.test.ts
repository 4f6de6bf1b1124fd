/** What `fit` gives besides its promise. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import * as convlet from "../../src/index.ts";

const x = Float32Array.from({ length: 20 * 3 }, (_, index) => Math.sin(index));
const y = Uint8Array.from({ length: 20 }, (_, index) => index % 2);

let model: convlet.Model;
beforeEach(() => {
  model?.dispose();
  model = convlet.sequential([convlet.dense({ units: 2, activation: "softmax", inputShape: [3] })], { seed: 1 });
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
});
afterAll(() => model.dispose());

const options = { epochs: 3, batchSize: 8, verbose: 0 } as const;

describe("for await over fit", () => {
  test("gives every step and every epoch, with the figures that callbacks see", async () => {
    const told: unknown[] = [];
    const callback: convlet.Callback = {
      onBatchEnd: (step, logs) => void told.push([step, logs]),
      onEpochEnd: (_epoch, logs) => void told.push([undefined, logs]),
    };
    const training = model.fit(x, y, { ...options, callbacks: [callback] });
    const seen: unknown[] = [];
    const epochs: number[] = [];
    for await (const { epoch, step, logs } of training) {
      seen.push([step, logs]);
      epochs.push(epoch);
    }
    expect(seen).toEqual(told);
    expect(epochs).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect((await training).epochs).toEqual([0, 1, 2]);
  });

  test("a slow reader loses nothing and holds nothing up", async () => {
    const training = model.fit(x, y, { ...options, epochs: 40 });
    let count = 0;
    for await (const _ of training) {
      if (count++ === 0) await training;
    }
    expect(count).toBe(40 * 4);
  });

  test("two loops see the same; leaving one stops the training for both", async () => {
    const training = model.fit(x, y, { ...options, epochs: 1_000_000 });
    let count = 0;
    const other = (async () => {
      for await (const { step } of training) if (step !== undefined) count++;
    })();
    for await (const _ of training) break;
    await other;
    expect((await training).epochs.length).toBeLessThan(1_000_000);
    expect(count).toBeGreaterThan(0);
  });

  test("whoever leaves it, by break or by an error, may train on at once", async () => {
    for await (const _ of model.fit(x, y, { ...options, epochs: 1_000_000 })) break;
    expect((await model.fit(x, y, options)).epochs).toEqual([0, 1, 2]);
    const loop = async () => {
      for await (const _ of model.fit(x, y, { ...options, epochs: 1_000_000 })) throw new Error("mine");
    };
    await expect(loop()).rejects.toThrow("mine");
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  });

  test("an error comes out of the loop, and out of the promise", async () => {
    const training = model.fit(x, y.subarray(1), options);
    const loop = async () => {
      for await (const _ of training);
    };
    await expect(loop()).rejects.toThrow("fit: x has 20 samples, y has 19");
    await expect(training).rejects.toThrow("fit: x has 20 samples, y has 19");
  });

  test("changes no bit, and epoch counts on", async () => {
    const twin = model.clone();
    twin.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    for await (const _ of model.fit(x, y, options));
    await twin.fit(x, y, options);
    expect(Buffer.compare(model.toBytes(), twin.toBytes())).toBe(0);
    expect(model.epoch).toBe(3);
    const loaded = await convlet.load(model.toBytes());
    expect(loaded.epoch).toBe(3);
    twin.dispose();
    loaded.dispose();
  });
});

test("callbacks of the library are made again from what they say of themselves", async () => {
  const { callback } = await import("../../src/training/callbacks.ts");
  const made = [
    convlet.earlyStopping({ monitor: "loss", patience: 2 }),
    convlet.reduceLROnPlateau({ factor: 0.5 }),
    convlet.modelCheckpoint("a-{epoch}", { saveBestOnly: true }),
    convlet.terminateOnNaN(),
  ];
  for (const each of made) {
    expect(structuredClone(each.made)).toEqual(each.made);
    expect(callback(each.made!).made).toEqual(each.made);
  }
  expect(() => callback({ name: "mine" })).toThrow(
    'unknown callback "mine"; known: earlyStopping, reduceLROnPlateau, modelCheckpoint, terminateOnNaN',
  );
});
