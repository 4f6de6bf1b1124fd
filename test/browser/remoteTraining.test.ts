/** Training in a worker: progress, abort, callbacks, batches from the page, and a page that stays quick. */
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { type BrowserName, needs, test } from "./support/test.ts";

declare global {
  var work: { remote: Awaited<ReturnType<typeof kit.convlet.toWorker>>; x: Float32Array; y: Uint8Array };
}

const browsers: readonly BrowserName[] = ["chromium", "firefox"];

describe.each(browsers)("%s", (browser) => {
  test("for await: every step and every epoch, in order, on both sides alike", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const logs: string[][] = [[], []];
      const histories: unknown[] = [];
      for (const [index, model] of [local, remote].entries()) {
        const training = model.fit(x, y, { epochs: 3, batchSize: 4, validationSplit: 0.25, verbose: 0 });
        for await (const { epoch, step, logs: figures } of training) logs[index].push(`${epoch} ${step} ${JSON.stringify(figures)}`);
        histories.push(await training);
      }
      return { logs, isSame: JSON.stringify(histories[0]) === JSON.stringify(histories[1]) };
    });
    expect(found.logs[0]).toHaveLength(3 * 5);
    expect(found.logs[1]).toEqual(found.logs[0]);
    expect(found.isSame).toBe(true);
    expect(found.logs[0][4]).toMatch(/^0 undefined .*valAccuracy/);
  });

  test("abort, break, stopTraining, errors of the page's own code", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const remote = await kit.convlet.toWorker(kit.smallModel());
      const options = { epochs: 1e6, verbose: 0 } as const;
      const message = (promise: Promise<unknown>) => promise.then(String, (reason: Error) => `${reason.name}: ${reason.message}`);
      const results: Record<string, unknown> = {};

      const controller = new AbortController();
      const training = remote.fit(x, y, { ...options, signal: controller.signal });
      setTimeout(() => controller.abort(new RangeError("enough")), 100);
      results.abort = await message(training);
      results.abortedBefore = await message(remote.fit(x, y, { ...options, signal: AbortSignal.abort() }));

      let steps = 0;
      const broken = remote.fit(x, y, options);
      for await (const _ of broken) if (++steps === 3) break;
      results.breaks = (await broken).epochs.length < 1e6;

      const late = remote.fit(x, y, options);
      await new Promise((resolve) => setTimeout(resolve, 100));
      for await (const { epoch } of late) {
        results.late = epoch > 0;
        break;
      }
      await late;

      const seen: number[] = [];
      const history = await remote.fit(x, y, {
        ...options,
        callbacks: [
          {
            onEpochEnd: async (epoch, { loss }, context) => {
              seen.push(epoch);
              if (!(loss >= 0)) throw new Error("no loss");
              context.learningRate = 0.001;
              if (epoch === 2) context.stopTraining();
            },
          },
        ],
      });
      results.stop = [history.epochs, seen];
      class Mine extends Error {}
      const mine = new Mine("mine");
      const callbacks = [
        {
          onBatchEnd() {
            throw mine;
          },
        },
      ];
      results.own = (await remote.fit(x, y, { ...options, callbacks }).catch((reason) => reason)) === mine;
      results.misspelt = await message(remote.fit(x, y, { epoch: 3 } as never));
      const first = new AbortController();
      const running = message(remote.fit(x, y, { ...options, signal: first.signal }));
      results.twice = await message(remote.fit(x, y, options));
      first.abort();
      await running;
      remote.dispose();
      return results;
    });
    expect(found).toMatchObject({
      abort: "RangeError: enough",
      breaks: true,
      late: true,
      stop: [
        [0, 1, 2],
        [0, 1, 2],
      ],
      own: true,
    });
    expect(found.abortedBefore).toMatch(/^AbortError/);
    expect(found.misspelt).toMatch(/^TypeError: fit: unknown option "epoch"/);
    expect(found.twice).toMatch(/^Error: fit: the model is already training/);
  });

  test("callbacks of the library and batches of the page give the same bits", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const { earlyStopping, reduceLROnPlateau, terminateOnNaN } = kit.convlet;
      const batch = (start: number) => ({ x: x.data.slice(start * 36, start * 36 + 216), y: y.slice(start, start + 6) });
      async function* generated() {
        for (const start of [0, 6, 12]) yield batch(start);
      }
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const results: string[] = [];
      for (const model of [local, remote]) {
        const callbacks = () => [earlyStopping({ monitor: "loss", patience: 3, restoreBestWeights: true }), terminateOnNaN()];
        const plateau = reduceLROnPlateau({ monitor: "loss", patience: 1, minDelta: 0.1 });
        const histories = [
          await model.fit(x, y, { epochs: 8, callbacks: [...callbacks(), plateau], verbose: 0 }),
          await model.fit(generated, { epochs: 2, verbose: 0 }),
          await model.fit(() => [batch(3), batch(9)], { epochs: 2, verbose: 0 }),
          await model.fit([batch(0), batch(6)], { epochs: 2, verbose: 0, gradientAccumulation: 2 }),
          await model.fit(generated(), { epochs: 2, stepsPerEpoch: 1, verbose: 0 }),
        ];
        const bytes = await model.toBytes();
        results.push(JSON.stringify(histories) + bytes.join());
      }
      remote.dispose();
      return results[0] === results[1] ? "same" : results;
    });
    expect(found).toBe("same");
  });

  test("large arrays arrive whole, and the page is never kept waiting", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const { conv2d, dense, flatten, maxPooling2d, sequential, adam, toWorker } = kit.convlet;
      const layers = [
        conv2d({ filters: 8, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
        maxPooling2d(),
        flatten(),
        dense({ units: 10, activation: "softmax" }),
      ];
      const model = sequential(layers, { seed: 1 });
      model.compile({ optimizer: adam(), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      const count = 3000;
      const x = Float32Array.from({ length: count * 784 }, (_, index) => ((index * 7919) % 1000) / 1000);
      const y = Uint8Array.from({ length: count }, (_, index) => index % 10);
      const remote = await toWorker(model);
      let steps = 0;
      const gaps = await kit.blockedDuring(async () => {
        for await (const { step } of remote.fit(x, y, { epochs: 2, batchSize: 32, verbose: 0 })) if (step !== undefined) steps++;
      });
      // What this machine does to a page that has nothing to do.
      const idle = await kit.blockedDuring(() => new Promise((resolve) => setTimeout(resolve, 1000)));
      const weights = await remote.getWeights();
      await model.fit(x, y, { epochs: 2, batchSize: 32, verbose: 0 });
      const isSame = model.getWeights().every(({ data }, index) => data.every((value, at) => value === weights[index].data[at]));
      remote.dispose();
      return { steps, isSame, longest: gaps.slice(0, 5), idle: idle.slice(0, 5), turns: gaps.length };
    });
    const shown = (turns: readonly number[]) => turns.map((turn) => turn.toFixed(1)).join(", ");
    console.log(`${browser}: longest turns of the page while training in a worker: ${shown(found.longest)} ms; idle: ${shown(found.idle)} ms`);
    expect(found).toMatchObject({ steps: 2 * 94, isSame: true });
    expect(found.turns).toBeGreaterThan(100);
  });
});

/** Events of Chromium's own recording: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Time of the processor, in microseconds: what other programs took from a task is not in it. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Milliseconds of the processor that the longest tasks of the page's main thread took, in Chromium. */
async function longestTasks(page: Page, work: () => Promise<unknown>): Promise<number[]> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const main = traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const isMain = ({ pid, tid }: TraceEvent) => main.some((thread) => thread.pid === pid && thread.tid === tid);
  const tasks = traceEvents.filter((event) => event.ph === "X" && /RunTask$/.test(event.name) && event.tdur !== undefined && isMain(event));
  expect(tasks.length).toBeGreaterThan(50);
  return tasks.map(({ tdur }) => tdur! / 1000).sort((a, b) => b - a);
}

/** What the page may be kept waiting by a training in a worker. Milliseconds of the processor. */
const LONGEST_TASK = 16;

test("the page's longest task while a worker trains, in processor time", { timeout: 180_000 }, async ({ open }) => {
  const { page } = await open("/kit.html");
  await page.evaluate(async () => {
    const { conv2d, dense, flatten, maxPooling2d, sequential, toWorker } = kit.convlet;
    const layers = [
      conv2d({ filters: 16, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
      maxPooling2d(),
      flatten(),
      dense({ units: 10, activation: "softmax" }),
    ];
    const model = sequential(layers, { seed: 1 });
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const count = 5000;
    const x = Float32Array.from({ length: count * 784 }, (_, index) => ((index * 7919) % 1000) / 1000);
    const y = Uint8Array.from({ length: count }, (_, index) => index % 10);
    globalThis.work = { remote: await toWorker(model), x, y };
  });
  const tasks = await longestTasks(page, () =>
    page.evaluate(async () => {
      const { remote, x, y } = globalThis.work;
      for await (const _ of remote.fit(x, y, { epochs: 2, batchSize: 32, validationSplit: 0.1, verbose: 0 }));
    }),
  );
  const shown = tasks.slice(0, 5).map((task) => task.toFixed(1));
  console.log(`longest tasks of the page while a worker trains: ${shown.join(", ")} ms of processor time`);
  expect(tasks[0]).toBeLessThan(LONGEST_TASK);
});
