/** Train, save, load and predict with the built library in a page: alone, several at once, beside each other, in a tab that nobody sees. */
import { describe, expect } from "vitest";
import { needs, test, untouchedChromium } from "./support/test.ts";

describe("a model's life in a page", () => {
  for (const browser of ["chromium", "firefox"] as const) {
    test(`${browser}: train, to bytes and back, predict`, async ({ open, task, skip }) => {
      needs(browser, { task, skip });
      const { page } = await open("/kit.html", { browser });
      const found = await page.evaluate(async () => {
        const { x, y } = kit.drawings();
        const model = kit.smallModel();
        const { history } = await model.fit(x, y, { epochs: 60, verbose: 0 });
        const loaded = await kit.convlet.load(model.toBytes());
        const [before, after] = [await model.predict(x), await loaded.predict(x)];
        const { accuracy } = await loaded.evaluate(x, y);
        const names = loaded.classNames;
        model.dispose();
        loaded.dispose();
        return { first: history.loss[0], last: history.loss.at(-1)!, isSame: before.data.every((v, i) => v === after.data[i]), accuracy, names };
      });
      expect(found).toMatchObject({ isSame: true, accuracy: 1, names: ["O", "X"] });
      expect(found.last).toBeLessThan(found.first / 5);
    });
  }

  test("relaxed SIMD, where the engine has it, gives what strict gives within its tolerance", async ({ open }) => {
    const { page } = await open("/kit.html");
    const largest = await page.evaluate(async () => {
      const { x } = kit.drawings();
      const outputs: Float32Array[] = [];
      for (const numerics of ["strict", "relaxed"] as const) outputs.push((await kit.smallModel({ numerics, machine: "wasm" }).predict(x)).data);
      return Math.max(...outputs[0].map((value, index) => Math.abs(value - outputs[1][index])));
    });
    expect(largest).toBeLessThan(1e-6);
  });
});

describe("at once", () => {
  test("predictions of one model do not mix, those of two do not either", async ({ open }) => {
    const { page } = await open("/kit.html");
    const wrong = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const models = [kit.smallModel(), kit.smallModel()];
      await Promise.all(models.map((model, index) => model.fit(x, y, { epochs: 30 + 30 * index, verbose: 0 })));
      const one = (sample: number) => ({ data: x.data.slice(sample * 36, sample * 36 + 36), shape: [1, 6, 6, 1] });
      const alone: Float32Array[][] = [[], []];
      for (const [index, model] of models.entries()) {
        for (let sample = 0; sample < y.length; sample++) alone[index].push((await model.predict(one(sample))).data);
      }
      const jobs = Array.from({ length: 200 }, (_, job) => {
        const [index, sample] = [job % 2, (job * 7) % y.length];
        return models[index].predict(one(sample)).then(({ data }) => data.every((value, at) => value === alone[index][sample][at]));
      });
      const differs = alone[0].some((data, sample) => data[0] !== alone[1][sample][0]);
      return { wrong: (await Promise.all(jobs)).filter((isRight) => !isRight).length, differs };
    });
    expect(wrong).toEqual({ wrong: 0, differs: true });
  });

  test("predict during fit gives whole results and leaves the training's bits alone", async ({ open }) => {
    const { page } = await open("/kit.html");
    const found = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const [watched, left] = [kit.smallModel(), kit.smallModel()];
      const sums: number[] = [];
      let trains = true;
      const training = watched.fit(x, y, { epochs: 4000, batchSize: 4, verbose: 0 }).finally(() => {
        trains = false;
      });
      let during = 0;
      while (trains) {
        const { data } = await watched.predict(x);
        if (trains) during++;
        for (let sample = 0; sample < y.length; sample++) sums.push(data[2 * sample] + data[2 * sample + 1]);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await training;
      await left.fit(x, y, { epochs: 4000, batchSize: 4, verbose: 0 });
      const [a, b] = [watched, left].map((model) => model.getWeights().flatMap(({ data }) => [...data]));
      return { during, worst: Math.max(...sums.map((sum) => Math.abs(sum - 1))), isSame: a.every((value, index) => value === b[index]) };
    });
    expect(found.during).toBeGreaterThan(2);
    expect(found.worst).toBeLessThan(1e-5);
    expect(found.isSame).toBe(true);
  });

  test("fit on the page's own thread lets others have their turn", async ({ open }) => {
    const { page } = await open("/kit.html");
    const [longest] = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const model = kit.smallModel();
      await model.fit(x, y, { epochs: 20, verbose: 0 });
      return kit.blockedDuring(() => model.fit(x, y, { epochs: 15_000, batchSize: 4, verbose: 0 }));
    });
    console.log(`fit on the main thread: it was busy for at most ${longest.toFixed(1)} ms at a time`);
    // Slices are 8 ms; a loaded machine takes the thread away for longer.
    expect(longest).toBeLessThan(150);
  });
});

test("a message lost on the way, as Firefox loses those of a page that it keeps for Back, stops no training", async ({ open }) => {
  const { page } = await open("/kit.html");
  const found = await page.evaluate(async () => {
    const { x, y } = kit.drawings();
    const post = MessagePort.prototype.postMessage;
    let lost = 0;
    MessagePort.prototype.postMessage = function (...message: unknown[]) {
      if (lost++ > 0) post.apply(this, message as never);
    };
    const model = kit.smallModel();
    await model.fit(x, y, { epochs: 2000, batchSize: 4, verbose: 0 });
    return { lost, epoch: model.epoch };
  });
  expect(found.epoch).toBe(2000);
  expect(found.lost).toBeGreaterThan(0);
});

describe("a tab that nobody sees", () => {
  test("goes on training, and gives the bits of one that is seen", { timeout: 90_000 }, async ({ site }) => {
    const chromium = await untouchedChromium();
    try {
      const [context] = chromium.browser.contexts();
      const page = await context.newPage();
      await page.goto(`${site.origin}/kit.html`);
      const other = await context.newPage();
      await other.bringToFront();
      await page.waitForFunction(() => document.hidden, undefined, { polling: 50 });
      const run = () =>
        page.evaluate(async () => {
          const { x, y } = kit.drawings();
          const model = kit.smallModel();
          const start = performance.now();
          const { history } = await model.fit(x, y, { epochs: 600, batchSize: 4, verbose: 0 });
          const time = performance.now() - start;
          const weights = model.getWeights().flatMap(({ data }) => [...data]);
          model.dispose();
          return { time, weights, loss: history.loss.at(-1)!, isHidden: document.hidden };
        });
      const hidden = await run();
      await page.bringToFront();
      await page.waitForFunction(() => !document.hidden);
      const seen = await run();
      expect([hidden.isHidden, seen.isHidden]).toEqual([true, false]);
      expect(hidden.weights).toEqual(seen.weights);
      console.log(`600 epochs in a hidden tab ${hidden.time.toFixed(0)} ms, in a visible one ${seen.time.toFixed(0)} ms`);
      // A timer of a hidden tab fires once a second at most: training must not wait for one.
      expect(hidden.time).toBeLessThan(5 * seen.time + 1000);
    } finally {
      await chromium.close();
    }
  });
});
