/** Callbacks, history and metrics of real trainings. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as convlet from "../../src/index.ts";
import { allWeights, bits, everything, labels, numbers, on, oneHot, quarters } from "../support/networks.ts";

const { dense, input, load, sequential } = convlet;
const loss = "sparseCategoricalCrossentropy";
const { x, y } = quarters(50);
const held = quarters(30, 77);
const quiet = { verbose: 0, batchSize: 16 } as const;

function compiled(metrics: convlet.CompileOptions["metrics"] = ["accuracy"], optimizer: convlet.Optimizer = convlet.adam({ learningRate: 0.01 })) {
  const net = everything(on("strict"));
  net.compile({ optimizer, loss, metrics });
  return net;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "convlet-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("callbacks", () => {
  test("are all called, each waited for, in order, with what they need", async () => {
    using net = compiled();
    const calls: string[] = [];
    let waiting = false;
    const say = async (line: string) => {
      expect(waiting, "the one before was not waited for").toBe(false);
      waiting = true;
      await new Promise((resolve) => setTimeout(resolve, 1));
      waiting = false;
      calls.push(line);
    };
    const sizes: number[] = [];
    const first: convlet.Callback = {
      onTrainBegin: (context) => say(`begin ${context.epochs} ${context.stepsPerEpoch}`),
      onEpochBegin: (epoch) => say(`epoch ${epoch}`),
      onBatchEnd: (step, logs) => {
        sizes.push(logs.size);
        return say(`step ${step} ${Object.keys(logs)}`);
      },
      onEpochEnd: (epoch, logs) => say(`end ${epoch} ${Object.keys(logs)}`),
      onTrainEnd: () => say("finished"),
    };
    const second: convlet.Callback = { onEpochEnd: (epoch) => say(`second ${epoch}`), onTrainEnd: () => say("second finished") };
    const options = { ...quiet, epochs: 5, initialEpoch: 3, validationData: [held.x, held.y], callbacks: [first, second] } as const;
    const { epochs } = await net.fit(x, y, options);
    expect(epochs).toEqual([3, 4]);
    const steps = [0, 1, 2, 3].map((step) => `step ${step} loss,size,accuracy`);
    expect(calls).toEqual([
      "begin 5 4",
      "epoch 3",
      ...steps,
      "end 3 loss,accuracy,valLoss,valAccuracy",
      "second 3",
      "epoch 4",
      ...steps,
      "end 4 loss,accuracy,valLoss,valAccuracy",
      "second 4",
      "finished",
      "second finished",
    ]);
    expect(sizes).toEqual([16, 16, 16, 2, 16, 16, 16, 2]);
  });

  test("the loss of an epoch is the mean over its samples, the metrics count from its start", async () => {
    using net = compiled();
    const batchLogs: convlet.Logs[] = [];
    const { history } = await net.fit(x, y, { ...quiet, callbacks: [{ onBatchEnd: (_step, logs) => void batchLogs.push(logs) }] });
    expect(history.loss[0]).toBeCloseTo(batchLogs.reduce((sum, logs) => sum + logs.loss * logs.size, 0) / 50, 12);
    expect(history.accuracy[0]).toBe(batchLogs[3].accuracy);
  });

  test("history has a list per figure, as long as the epochs, without the confusion matrix", async () => {
    using net = compiled(["accuracy", convlet.precision({ classId: 0 }), convlet.recall({ classId: 0, name: "found" }), convlet.confusionMatrix(3)]);
    const result = await net.fit(x, y, { ...quiet, epochs: 2, validationSplit: 0.2 });
    expect(result.epochs).toEqual([0, 1]);
    const names = ["loss", "accuracy", "precision", "found", "valLoss", "valAccuracy", "valPrecision", "valFound"];
    expect(Object.keys(result.history)).toEqual(names);
    for (const figures of Object.values(result.history)) expect(figures.every(Number.isFinite) && figures.length === 2).toBe(true);
  });

  test("stopTraining ends it after the step, with a last epoch", async () => {
    using net = compiled();
    let steps = 0;
    const stop: convlet.Callback = {
      onBatchEnd(_step, _logs, context) {
        if (++steps === 6) context.stopTraining();
      },
    };
    const { epochs } = await net.fit(x, y, { ...quiet, epochs: 9, callbacks: [stop] });
    expect([steps, epochs]).toEqual([6, [0, 1]]);
  });

  test("earlyStopping gives the weights of the best epoch back", async () => {
    // A rate that overshoots.
    using net = compiled(["accuracy"], convlet.sgd({ learningRate: 0.02, momentum: 0.9 }));
    const weights: number[][] = [];
    const keep: convlet.Callback = { onEpochEnd: () => void weights.push(bits(allWeights(net))) };
    const stop = convlet.earlyStopping({ patience: 3, restoreBestWeights: true });
    vi.spyOn(console, "log").mockImplementation(() => {});
    const { history, epochs } = await net.fit(x, y, { ...quiet, epochs: 200, validationData: [held.x, held.y], callbacks: [keep, stop] });
    expect(console.log).toHaveBeenCalledWith(`epoch ${epochs.length}: valLoss got no better (patience 3); training stops`);
    vi.restoreAllMocks();
    expect(epochs.length).toBeLessThan(200);
    const best = history.valLoss.indexOf(Math.min(...history.valLoss));
    expect(best).toBe(epochs.length - 4);
    expect(bits(allWeights(net))).toEqual(weights[best]);
    expect((await net.evaluate(held.x, held.y)).loss).toBe(history.valLoss[best]);
  });

  test("reduceLROnPlateau lowers the rate, and a schedule refuses it", async () => {
    using net = compiled(["accuracy"], convlet.sgd({ learningRate: 0.5 }));
    const rates: number[] = [];
    const watch: convlet.Callback = { onEpochBegin: (_epoch, context) => void rates.push(context.learningRate) };
    const reduce = () => convlet.reduceLROnPlateau({ monitor: "loss", minDelta: 100, patience: 2, factor: 0.1, minLR: 0.01 });
    vi.spyOn(console, "log").mockImplementation(() => {});
    await net.fit(x, y, { ...quiet, epochs: 8, callbacks: [watch, reduce()] });
    expect(rates.map((rate) => Number(rate.toPrecision(6)))).toEqual([0.5, 0.5, 0.5, 0.05, 0.05, 0.01, 0.01, 0.01]);
    using scheduled = compiled(["accuracy"], convlet.sgd({ learningRate: convlet.stepDecay({ initial: 0.1, every: 4, factor: 0.5 }) }));
    const fitting = scheduled.fit(x, y, { ...quiet, epochs: 8, callbacks: [reduce()] });
    await expect(fitting).rejects.toThrow("learningRate: a schedule decides it; compile with a number to set it");
    vi.restoreAllMocks();
  });

  test("modelCheckpoint writes a file per epoch, from which the training goes on", async () => {
    using net = compiled();
    const callbacks = [
      convlet.modelCheckpoint(join(folder, "m-{epoch:02}-{valAccuracy:.2}.safetensors")),
      convlet.modelCheckpoint(join(folder, "best.safetensors"), { saveBestOnly: true }),
    ];
    const { history } = await net.fit(x, y, { ...quiet, epochs: 4, validationData: [held.x, held.y], callbacks });
    const files = await readdir(folder);
    expect(files.sort()).toEqual([
      "best.safetensors",
      ...history.valAccuracy.map((accuracy, epoch) => `m-0${epoch + 1}-${accuracy.toFixed(2)}.safetensors`),
    ]);
    using second = await load(join(folder, files[2]));
    await second.fit(x, y, { ...quiet, epochs: 2 });
    expect(bits(allWeights(second))).toEqual(bits(allWeights(net)));
    using best = await load(join(folder, "best.safetensors"));
    expect((await best.evaluate(held.x, held.y)).loss).toBe(Math.min(...history.valLoss));
  });

  test("csvLogger writes what the history has", async () => {
    using net = compiled();
    const path = join(folder, "log.csv");
    const { history } = await net.fit(x, y, { ...quiet, epochs: 2, validationSplit: 0.2, callbacks: [convlet.csvLogger(path)] });
    const names = Object.keys(history);
    const lines = [0, 1].map((epoch) => [epoch, ...names.map((name) => history[name][epoch])].join(","));
    expect(await readFile(path, "utf8")).toBe(`${[`epoch,${names}`, ...lines].join("\n")}\n`);
  });

  test("terminateOnNaN ends a training that diverges", async () => {
    using net = sequential([input({ shape: [4] }), dense({ units: 4 }), dense({ units: 1 })], on("strict"));
    net.compile({ optimizer: convlet.sgd({ learningRate: 1e6 }), loss: "mse" });
    vi.spyOn(console, "log").mockImplementation(() => {});
    const { history } = await net.fit(numbers(400), numbers(100), { ...quiet, epochs: 50, callbacks: [convlet.terminateOnNaN()] });
    expect(console.log).toHaveBeenCalledWith(expect.stringMatching(/^epoch \d, step \d: the loss is (NaN|Infinity); training stops$/));
    vi.restoreAllMocks();
    expect(history.loss.length).toBeLessThan(10);
    expect(history.loss.at(-1)).not.toSatisfy(Number.isFinite);
  });

  test("a bar is shown unless verbose is 0", async () => {
    using net = compiled();
    const written: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
    await net.fit(x, y, { batchSize: 16 });
    const shown = written.length;
    await net.fit(x, y, quiet);
    vi.restoreAllMocks();
    expect(shown).toBeGreaterThan(0);
    expect(written).toHaveLength(shown);
    expect(written.join("")).toMatch(/Epoch 1\/1 .* 4\/4 .*loss \d\.\d{4} {2}accuracy \d\.\d{4}/);
  });
});

describe("metrics against a direct count", () => {
  const COUNT = 60;
  const CLASSES = 4;
  const samples = numbers(COUNT * 6);
  const kinds = labels(COUNT, CLASSES);
  const sampleWeight = numbers(COUNT, 12).map((value) => Math.max(0, value + 0.6));

  function classifier(activation: convlet.ActivationName, units = CLASSES): convlet.Model {
    return sequential([input({ shape: [6] }), dense({ units, activation, kernelInitializer: "heNormal" })], { seed: 3, ...on("strict") });
  }
  const rowsOf = (data: Float32Array, width: number) =>
    Array.from({ length: data.length / width }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);
  const part = (chosen: (row: number) => boolean, among: (row: number) => boolean = () => true) => {
    let hits = 0;
    let all = 0;
    for (let row = 0; row < COUNT; row++) {
      if (!among(row)) continue;
      all += sampleWeight[row];
      if (chosen(row)) hits += sampleWeight[row];
    }
    return hits / all;
  };

  test.each(["labels", "one-hot"] as const)("of classes, %s", async (kind) => {
    using net = classifier("softmax");
    const isSparse = kind === "labels";
    const topK = isSparse ? convlet.sparseTopKCategoricalAccuracy : convlet.topKCategoricalAccuracy;
    const metrics = [
      "accuracy",
      topK({ k: 2 }),
      convlet.precision({ classId: 1 }),
      convlet.recall({ classId: 1 }),
      convlet.precision({ classId: 2, threshold: 0.2, name: "eager" }),
      convlet.confusionMatrix(CLASSES),
    ];
    net.compile({ optimizer: "sgd", loss: isSparse ? loss : "categoricalCrossentropy", metrics });
    const target = isSparse ? kinds : oneHot(kinds, CLASSES);
    const rows = rowsOf((await net.predict(samples)).data, CLASSES);
    const predicted = rows.map((row) => row.indexOf(Math.max(...row)));
    const matrix = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
    for (let row = 0; row < COUNT; row++) matrix[kinds[row]][predicted[row]] += sampleWeight[row];
    const { confusionMatrix, ...figures } = (await net.evaluate(samples, target, { sampleWeight, batchSize: 7 })) as unknown as {
      confusionMatrix: number[][];
      [name: string]: unknown;
    };
    const expected = {
      loss: expect.any(Number),
      accuracy: part((row) => predicted[row] === kinds[row]),
      [isSparse ? "sparseTopKCategoricalAccuracy" : "topKCategoricalAccuracy"]: part(
        (row) => rows[row].filter((value) => value > rows[row][kinds[row]]).length < 2,
      ),
      precision: part(
        (row) => kinds[row] === 1,
        (row) => predicted[row] === 1,
      ),
      recall: part(
        (row) => predicted[row] === 1,
        (row) => kinds[row] === 1,
      ),
      eager: part(
        (row) => kinds[row] === 2,
        (row) => rows[row][2] > 0.2,
      ),
    };
    expect(Object.keys(figures)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) if (name !== "loss") expect(figures[name], name).toBeCloseTo(value as number, 12);
    for (const [row, cells] of matrix.entries())
      for (const [column, cell] of cells.entries()) expect(confusionMatrix[row][column]).toBeCloseTo(cell, 12);
    // Before its update, a step has the figures of the weights it began with; without dropout or batch norm they are those of evaluate.
    const trained = await net.trainOnBatch(samples, target, { sampleWeight });
    expect(trained.accuracy).toBeCloseTo(expected.accuracy, 12);
    expect(trained.loss).toBeCloseTo(figures.loss as number, 5);
    expect(trained).not.toHaveProperty("confusionMatrix");
  });

  test("of yes or no, from a sigmoid and from logits", async () => {
    const target = Float32Array.from(kinds, (kind) => (kind > 1 ? 1 : 0));
    for (const fromLogits of [false, true]) {
      using net = classifier(fromLogits ? "linear" : "sigmoid", 1);
      const metrics = ["accuracy", "precision", "recall", convlet.binaryAccuracy({ threshold: 0.7, name: "strict" })];
      net.compile({ optimizer: "sgd", loss: convlet.binaryCrossentropy({ fromLogits }), metrics });
      const { data } = await net.predict(samples);
      const [half, high] = fromLogits ? [0, Math.log(0.7 / 0.3)] : [0.5, 0.7];
      const figures = await net.evaluate(samples, target, { sampleWeight });
      expect(figures.accuracy).toBeCloseTo(
        part((row) => data[row] > half === target[row] > 0.5),
        12,
      );
      expect(figures.strict).toBeCloseTo(
        part((row) => data[row] > high === target[row] > 0.5),
        12,
      );
      const positive = (row: number) => data[row] > half;
      const actual = (row: number) => target[row] > 0.5;
      expect(figures.precision).toBeCloseTo(part(actual, positive), 12);
      expect(figures.recall).toBeCloseTo(part(positive, actual), 12);
    }
  });

  test("a metric of one's own", async () => {
    let rows = 0;
    const count: convlet.Metric = {
      name: "rows",
      reset() {
        rows = 0;
      },
      update(_prediction, _target, _weight, batch) {
        rows += batch;
      },
      result: () => rows,
    };
    using net = compiled([count]);
    const { history } = await net.fit(x, y, { ...quiet, validationSplit: 0.2 });
    expect(history).toMatchObject({ rows: [40], valRows: [10] });
    expect(await net.evaluate(x, y)).toMatchObject({ rows: 50 });
  });
});
