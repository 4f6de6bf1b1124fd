/** Models in workers: the same calls and the same bits as on the page's own thread, and what happens when the worker is lost. */
import { describe, expect } from "vitest";
import { type BrowserName, needs, test } from "./support/test.ts";

const browsers: readonly BrowserName[] = ["chromium", "firefox"];

describe.each(browsers)("%s", (browser) => {
  test("every call gives what it gives on the page's thread", { timeout: 60_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const { x, y } = kit.drawings();
      const plain = (value: unknown) => JSON.stringify(value, (_, item) => (ArrayBuffer.isView(item) ? Array.from(item as Float32Array) : item));
      /** Length of what both give, or what each of them gives. */
      const both = async (call: (model: typeof local) => unknown) => {
        const [here, there] = [plain(await call(local)), plain(await call(remote as never))];
        return here === there ? here?.length : [here, there];
      };
      const lengths = {
        predict: await both((model) => model.predict(x)),
        predictAll: await both((model) => model.predictAll(x, { batchSize: 7 })),
        activations: await both((model) => model.activations(x)),
        inputGradient: await both((model) => model.inputGradient(x, 1)),
        gradients: await both((model) => model.gradients(x, y)),
        evaluate: await both((model) => model.evaluate(x, y)),
        fit: await both((model) => model.fit(x, y, { epochs: 3, batchSize: 8, validationSplit: 0.2, verbose: 0 })),
        epoch: await both((model) => model.epoch),
        trainOnBatch: await both((model) => model.trainOnBatch(x, y)),
        getWeights: await both((model) => model.getWeights()),
        setWeights: await both(async (model) => {
          const halves = (await model.getWeights()).map(({ data }) => data.map((value) => value / 2));
          await model.setWeights(halves);
          return "set";
        }),
        summary: await both((model) => model.summary()),
        countParams: await both((model) => model.countParams()),
        toBytes: await both((model) => model.toBytes()),
        compile: await both(async (model) => {
          await model.compile({ optimizer: kit.convlet.sgd({ momentum: 0.5 }), loss: kit.convlet.sparseCategoricalCrossentropy() });
          return "compiled";
        }),
        epochAfterwards: await both((model) => model.epoch),
        toBytesAfterwards: await both((model) => model.toBytes()),
      };
      const profile = (await remote.profile(x)).length === (await local.profile(x)).length;
      const source = remote.worker;
      remote.dispose();
      local.dispose();
      const after = await remote.predict(x).catch((reason: Error) => reason.message);
      return { lengths, profile, source, after };
    });
    for (const [name, length] of Object.entries(found.lengths)) expect(length, name).toBeGreaterThan(0);
    expect(found).toMatchObject({ profile: true, source: "file", after: "model: it was disposed; make or load a new one" });
  });
});
