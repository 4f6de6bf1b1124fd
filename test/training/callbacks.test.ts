import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Callback,
  earlyStopping,
  type Logs,
  modelCheckpoint,
  reduceLROnPlateau,
  type TrainingContext,
  terminateOnNaN,
} from "../../src/training/callbacks.ts";
import { csvLogger } from "../../src/training/csvLogger.ts";
import { progressBar, progressLine } from "../../src/training/progressBar.ts";

/** A training whose weights are the epoch's number; `epochs` are its figures. */
class FakeTraining implements TrainingContext {
  readonly epochs = 10;
  readonly stepsPerEpoch = 2;
  learningRate = 1;
  weights: Float32Array[] = [Float32Array.of(-1)];
  isStopped = false;
  readonly saved: string[] = [];
  readonly lines: string[] = [];
  stopTraining(): void {
    this.isStopped = true;
  }
  copyWeights(): Float32Array[] {
    return this.weights.map((weight) => weight.slice());
  }
  restoreWeights(weights: Float32Array[]): void {
    this.weights = weights;
  }
  async save(path: string): Promise<void> {
    this.saved.push(path);
  }
  log(line: string): void {
    this.lines.push(line);
  }

  /** Returns how many epochs ran. */
  async run(callback: Callback, epochs: readonly Logs[]): Promise<number> {
    await callback.onTrainBegin?.(this);
    let epoch = 0;
    while (epoch < epochs.length && !this.isStopped) {
      await callback.onEpochBegin?.(epoch, this);
      this.weights[0]![0] = epoch;
      await callback.onEpochEnd?.(epoch, epochs[epoch]!, this);
      epoch++;
    }
    await callback.onTrainEnd?.(this);
    return epoch;
  }
}

const losses = (...values: number[]): Logs[] => values.map((valLoss) => ({ loss: 0, valLoss }));
const accuracies = (...values: number[]): Logs[] => values.map((valAccuracy) => ({ loss: 0, valAccuracy }));

describe("earlyStopping", () => {
  test.each([
    ["stops at the first epoch that is no better", {}, losses(3, 2, 2, 1), 3],
    ["waits for `patience` epochs in a row", { patience: 2 }, losses(3, 4, 2, 3, 3, 1), 5],
    ["goes on while it gets better", { patience: 1 }, losses(4, 3, 2, 1), 4],
    ["wants more than minDelta", { minDelta: 0.5 }, losses(3, 2.6, 1), 2],
    ["watches accuracies for their maximum", { monitor: "valAccuracy" }, accuracies(0.5, 0.6, 0.4, 0.9), 3],
    ["may be told the mode", { mode: "max" as const }, losses(1, 2, 3, 2), 4],
    ["does not count before startFromEpoch", { startFromEpoch: 2 }, losses(1, 2, 3, 4), 4],
    ["must beat the baseline", { baseline: 1, patience: 2 }, losses(5, 4, 4.5, 3), 3],
    ["starts the patience anew below the baseline", { baseline: 5, patience: 2 }, losses(4, 6, 3, 6, 6, 0), 5],
    ["takes NaN as no better", { patience: 2 }, losses(Number.NaN, Number.NaN, 1), 2],
    ["takes any number as better than NaN", { patience: 2 }, losses(Number.NaN, 3, 2, 1), 4],
  ])("%s", async (_name, options, epochs, expected) => {
    const training = new FakeTraining();
    expect(await training.run(earlyStopping(options), epochs)).toBe(expected);
  });

  test("restores the best weights, whether it stopped or not, and can be used again", async () => {
    const callback = earlyStopping({ patience: 2, restoreBestWeights: true });
    const stopped = new FakeTraining();
    await stopped.run(callback, losses(3, 1, 2, 2, 0));
    expect(stopped.weights[0]![0]).toBe(1);
    expect(stopped.lines).toEqual(["epoch 4: valLoss got no better (patience 2); training stops"]);
    const finished = new FakeTraining();
    await finished.run(callback, losses(9, 8, 9));
    expect(finished.weights[0]![0]).toBe(1);
    expect(finished.isStopped).toBe(false);
  });

  test("restores nothing where nothing was ever good", async () => {
    const training = new FakeTraining();
    await training.run(earlyStopping({ restoreBestWeights: true }), losses(Number.NaN));
    expect(training.weights[0]![0]).toBe(0);
  });

  test("misses a figure that is not there", async () => {
    const run = new FakeTraining().run(earlyStopping(), [{ loss: 1, accuracy: 0 }]);
    await expect(run).rejects.toThrow(
      new RangeError('earlyStopping: no figure named "valLoss" in this epoch, only loss, accuracy; is there validation data?'),
    );
  });
});

describe("reduceLROnPlateau", () => {
  test.each([
    ["multiplies by factor after `patience` epochs", { factor: 0.5, patience: 2 }, losses(1, 1, 1, 1, 1), 0.25],
    ["leaves the rate while it gets better", { patience: 1 }, losses(3, 2, 1), 1],
    ["wants more than minDelta", { factor: 0.5, patience: 1 }, losses(1, 0.99995), 0.5],
    ["stops at minLR", { factor: 0.1, patience: 1, minLR: 0.05 }, losses(1, 1, 1, 1), 0.05],
    ["rests while it cools down", { factor: 0.5, patience: 1, cooldown: 2 }, losses(1, 1, 1, 1, 1), 0.25],
  ])("%s", async (_name, options, epochs, expected) => {
    const training = new FakeTraining();
    await training.run(reduceLROnPlateau(options), epochs);
    expect(training.learningRate).toBeCloseTo(expected, 12);
  });

  test("says so", async () => {
    const training = new FakeTraining();
    await training.run(reduceLROnPlateau({ patience: 1 }), losses(1, 1));
    expect(training.lines).toEqual(["epoch 2: valLoss is on a plateau; learning rate is now 0.1"]);
  });
});

describe("modelCheckpoint", () => {
  test.each([
    ["model.safetensors", {}, ["model.safetensors", "model.safetensors", "model.safetensors"]],
    ["m-{epoch}.st", {}, ["m-1.st", "m-2.st", "m-3.st"]],
    ["m-{epoch:03d}-{valLoss:.2f}.st", {}, ["m-001-3.00.st", "m-002-1.00.st", "m-003-2.00.st"]],
    ["m-{epoch:02}-{valLoss:.1}.st", { saveBestOnly: true }, ["m-01-3.0.st", "m-02-1.0.st"]],
    ["m-{epoch}.st", { saveBestOnly: true, mode: "max" as const }, ["m-1.st"]],
  ])("fills %s with %j", async (path, options, expected) => {
    const training = new FakeTraining();
    await training.run(modelCheckpoint(path, options), losses(3, 1, 2));
    expect(training.saved).toEqual(expected);
  });

  test("misses a figure that is not there", async () => {
    await expect(new FakeTraining().run(modelCheckpoint("{valAcc}"), losses(1))).rejects.toThrow(/^modelCheckpoint: no figure named "valAcc"/);
  });
});

test.each([
  [Number.NaN, "epoch 3, step 5: the loss is NaN; training stops"],
  [Infinity, "epoch 3, step 5: the loss is Infinity; training stops"],
])("terminateOnNaN stops at %d", (loss, line) => {
  const training = new FakeTraining();
  const callback = terminateOnNaN();
  callback.onEpochBegin?.(2, training);
  callback.onBatchEnd?.(3, { loss: 1e30 }, training);
  expect(training.isStopped).toBe(false);
  callback.onBatchEnd?.(4, { loss }, training);
  expect(training.isStopped).toBe(true);
  expect(training.lines).toEqual([line]);
});

describe("csvLogger", () => {
  const epochs: Logs[] = [
    { loss: 0.1, accuracy: 1 / 3 },
    { loss: Number.NaN, accuracy: 1, valLoss: 2 },
  ];

  test("writes a row per epoch to a function", async () => {
    let text = "";
    const sink = (row: string) => {
      text += row;
    };
    await new FakeTraining().run(csvLogger(sink), epochs);
    expect(text).toBe("epoch,loss,accuracy\n0,0.1,0.3333333333333333\n1,NaN,1\n");
  });

  test("replaces a file, or goes on behind it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "csv-"));
    const path = join(folder, "log.csv");
    try {
      await new FakeTraining().run(csvLogger(path, { separator: ";" }), epochs);
      await new FakeTraining().run(csvLogger(path, { separator: ";" }), epochs);
      await new FakeTraining().run(csvLogger(path, { separator: ";", append: true }), epochs);
      const rows = ["0;0.1;0.3333333333333333", "1;NaN;1"];
      expect(await readFile(path, "utf8")).toBe(`${["epoch;loss;accuracy", ...rows, ...rows].join("\n")}\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("progressLine", () => {
  const progress = { epoch: 2, epochs: 10, stepsDone: 25, stepsPerEpoch: 100, samplesDone: 800, seconds: 4, logs: { loss: 0.21426, accuracy: 0.9 } };

  test.each([
    [{}, "Epoch 3/10  ━━━━━━──────────────────  25/100  loss 0.2143  accuracy 0.9000  200 images/s  0:12 left"],
    [{ stepsDone: 100, seconds: 75 }, "Epoch 3/10  ━━━━━━━━━━━━━━━━━━━━━━━━  100/100  loss 0.2143  accuracy 0.9000  11 images/s  1:15"],
    [{ stepsPerEpoch: undefined }, "Epoch 3/10  step 25  loss 0.2143  accuracy 0.9000  200 images/s"],
    [{ logs: { loss: 1.5e-5 }, seconds: 4000 }, "Epoch 3/10  ━━━━━━──────────────────  25/100  loss 1.500e-5  0 images/s  3:20:00 left"],
    [{ logs: { loss: Number.NaN }, seconds: 0 }, "Epoch 3/10  ━━━━━━──────────────────  25/100  loss NaN  0:00 left"],
  ])("%j", (change, line) => {
    expect(progressLine({ ...progress, ...change })).toBe(line);
  });

  test.each([
    [120, "Epoch 3/10  ━━━━━━──────────────────  25/100  loss 0.2143  accuracy 0.9000  200 images/s  0:12 left"],
    [79, "Epoch 3/10  ━───  25/100  loss 0.2143  accuracy 0.9000  200 images/s  0:12 left"],
    [60, "Epoch 3/10  25/100  loss 0.2143  accuracy 0.9000  200 images/s  0:12 left"],
  ])("in %i columns, the bar takes what is left", (width, line) => {
    expect(progressLine(progress, width)).toBe(line);
  });
});

describe("progressBar", () => {
  function written(isTTY: boolean): string[] {
    const texts: string[] = [];
    const training = new FakeTraining();
    const bar = progressBar({ every: 0, stream: { isTTY, columns: 48, write: (text) => texts.push(text) } });
    bar.onTrainBegin?.(training);
    bar.onEpochBegin?.(0, training);
    bar.onBatchEnd?.(0, { size: 30, loss: 1 }, training);
    bar.onBatchEnd?.(1, { size: 10, loss: 3 }, training);
    bar.onEpochEnd?.(0, { loss: 1.5, valLoss: 2 }, training);
    return texts;
  }

  test("redraws one line on a terminal, no wider than it", () => {
    const texts = written(true);
    expect(texts).toHaveLength(3);
    expect(texts[0]).toMatch(/^\rEpoch 1\/10 {2}1\/2 .* images.*\[K$/);
    expect(texts[1]!.length).toBeLessThanOrEqual(1 + 47 + 3);
    expect(texts[2]).toMatch(/^\rEpoch 1\/10 .* loss 1\.5000 {2}valLoss 2\.0000 .*\[K\n$/);
  });

  test("writes a line per epoch elsewhere", () => {
    const texts = written(false);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^Epoch 1\/10 {2}━{24} {2}2\/2 {2}loss 1\.5000 {2}valLoss 2\.0000 .*\n$/);
  });
});

test.each([
  [() => earlyStopping({ patience: -1 }), RangeError, "earlyStopping: patience is -1, needs a whole number ≥ 0"],
  [
    () => earlyStopping({ monitr: "loss" } as never),
    TypeError,
    'earlyStopping: unknown option "monitr"; known: monitor, mode, patience, minDelta, baseline, restoreBestWeights, startFromEpoch',
  ],
  [() => earlyStopping({ mode: "maximum" as never }), RangeError, 'earlyStopping: mode is "maximum", needs auto, min or max'],
  [() => reduceLROnPlateau({ factor: 1 }), RangeError, "reduceLROnPlateau: factor is 1, needs a finite number > 0 and < 1"],
  [() => modelCheckpoint(undefined as never), TypeError, "modelCheckpoint: path is undefined, needs a file name"],
  [() => csvLogger(5 as never), TypeError, "csvLogger: target is 5, needs a file name or a function"],
  [() => progressBar({ every: Number.NaN }), RangeError, "progressBar: every is NaN, needs a finite number ≥ 0"],
])("refuses: %s", (make, kind, message) => {
  expect(make).toThrow(new kind(message));
});
