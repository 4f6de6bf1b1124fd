/** Several threads in a browser: a model's worker has workers of its own. The same bits, and a lost one is an error. */
import { describe, expect } from "vitest";
import type { Site } from "./support/site.ts";
import { type BrowserName, needs, test } from "./support/test.ts";

const browsers: readonly BrowserName[] = ["chromium", "firefox"];

/**
 * The library's worker, which counts the workers it starts, and changes what they run. `kernels` is put around `execute(...)` in them
 * as `call`, with `runs` counting.
 */
function watchedWorker(site: Site, kernels = ""): string {
  const inside = `{ const Native = WebAssembly.Instance; let runs = 0;
WebAssembly.Instance = function (module, imports) { const { exports } = new Native(module, imports);
  return { exports: { ...exports, execute: (...args) => { const call = () => exports.execute(...args); runs++; ${kernels || ""} return call(); } } }; }; }`;
  const outside = `const channel = new BroadcastChannel("threads"); let started = 0;
const NativeWorker = Worker; self.Worker = class extends NativeWorker { constructor(...args) { super(...args); channel.postMessage(++started); } };
const NativeBlob = Blob; self.Blob = class extends NativeBlob { constructor(parts, options) { super([${JSON.stringify(inside)}, ...parts], options); } };`;
  site.answers["/watched.js"] = { body: `${outside}\nawait import("/dist/worker.js");` };
  return "/watched.js";
}

/** In the page: a training whose steps are large enough to be shared, with its weights' hash. */
const TRAINING = `
globalThis.trained = async (threads, worker) => {
  const { conv2d, batchNormalization, relu, maxPooling2d, flatten, dense, dropout, adam, sequential, toWorker } = kit.convlet;
  const layers = [
    conv2d({ filters: 16, kernelSize: 3, padding: "same", useBias: false, inputShape: [24, 24, 2] }),
    batchNormalization(), relu(), maxPooling2d(),
    conv2d({ filters: 24, kernelSize: 3, activation: "relu" }), dropout({ rate: 0.2 }),
    flatten(), dense({ units: 5, activation: "softmax" }),
  ];
  const model = sequential(layers, { seed: 4, numerics: "strict" });
  model.compile({ optimizer: adam(), loss: "sparseCategoricalCrossentropy" });
  const remote = await toWorker(model, { threads, ...(worker && { worker }) });
  model.dispose();
  const x = Float32Array.from({ length: 70 * 1152 }, (_, index) => Math.fround(((index * 7919) % 1009) / 1009));
  const y = Uint8Array.from({ length: 70 }, (_, index) => index % 5);
  return { remote, x, y, hash: async () => {
    const bytes = (await remote.getWeights()).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(bytes).arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  } };
};
globalThis.started = 0;
new BroadcastChannel("threads").onmessage = ({ data }) => { globalThis.started = data; };
`;

declare global {
  var trained: (
    threads: number | "auto",
    worker?: string,
  ) => Promise<{ remote: Awaited<ReturnType<typeof kit.convlet.toWorker>>; x: Float32Array; y: Uint8Array; hash(): Promise<string> }>;
  var started: number;
}

describe.each(browsers)("%s", (browser) => {
  test("isolated: the same bits on 1, 2 and 3 threads", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    site.isolate();
    const watched = watchedWorker(site);
    const { page } = await open("/kit.html", { browser });
    await page.evaluate(TRAINING);
    const found = await page.evaluate(async (worker) => {
      const results: { hash: string; started: number }[] = [];
      for (const threads of [1, 2, 3]) {
        globalThis.started = 0;
        const { remote, x, y, hash } = await trained(threads, worker);
        await remote.fit(x, y, { epochs: 2, batchSize: 32, verbose: 0 });
        results.push({ hash: await hash(), started });
        remote.dispose();
      }
      return results;
    }, watched);
    expect(new Set(found.map(({ hash }) => hash)).size).toBe(1);
    expect(found.map(({ started }) => started)).toEqual([0, 1, 2]);
  });

  test("not isolated: one thread, said once", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const tab = await open("/kit.html", { browser });
    await tab.page.evaluate(TRAINING);
    await tab.page.evaluate(async () => {
      for (const threads of [2, 3]) {
        const { remote, x } = await trained(threads);
        await remote.predict(x);
      }
    });
    expect(tab.taken(/threads need SharedArrayBuffer/)).toHaveLength(1);
  });

  test("under worker-src 'self', which refuses a thread's Blob: one thread, said once", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    site.isolate();
    site.restrict("script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; worker-src 'self'");
    const tab = await open("/kit.html", { browser });
    await tab.page.evaluate(TRAINING);
    const hashes = await tab.page.evaluate(async () => {
      const found: string[] = [];
      for (const threads of [1, 2, 3]) {
        const { remote, x, y, hash } = await trained(threads, "/dist/worker.js");
        await remote.fit(x, y, { epochs: 1, batchSize: 32, verbose: 0 });
        found.push(await hash());
      }
      return found;
    });
    expect(new Set(hashes).size).toBe(1);
    expect(tab.taken(/convlet: .*thread/)).toHaveLength(1);
    tab.taken(/Content.Security.Policy|violates/);
  });

  const faults = {
    throws: 'if (runs === 12) throw new Error("broken kernel");',
    "never comes back": "if (runs === 12) for (;;);",
  };
  test.for(Object.entries(faults))(
    "a thread that %s: an error within 5 s, weights of the last step, and on it goes",
    { timeout: 180_000 },
    async ([, kernels], { site, open, task, skip }) => {
      needs(browser, { task, skip });
      site.isolate();
      const watched = watchedWorker(site, kernels);
      const tab = await open("/kit.html", { browser });
      await tab.page.evaluate(TRAINING);
      const found = await tab.page.evaluate(async (worker) => {
        const { remote, x, y, hash } = await trained(2, worker);
        const [batch, labels] = [x.subarray(0, 32 * 1152), y.subarray(0, 32)];
        let steps = 0;
        let message = "";
        let began = 0;
        while (message === "" && steps < 100) {
          began = performance.now();
          await remote.trainOnBatch(batch, labels).then(
            () => steps++,
            (reason: Error) => {
              message = reason.message;
            },
          );
        }
        const took = performance.now() - began;
        const afterFault = await hash();
        const alone = await trained(1);
        for (let step = 0; step < steps; step++) await alone.remote.trainOnBatch(batch, labels);
        const expected = await alone.hash();
        await alone.remote.trainOnBatch(batch, labels);
        await remote.trainOnBatch(batch, labels);
        return { message, took, isLastStep: afterFault === expected, goesOn: (await hash()) === (await alone.hash()), steps };
      }, watched);
      expect(found.message).toMatch(/^threads: a worker was lost in the middle of a run \(.*\); the weights are those of the last complete step$/);
      expect(found.took).toBeLessThan(5000);
      expect(found).toMatchObject({ isLastStep: true, goesOn: true });
      expect(found.steps).toBeGreaterThan(0);
      tab.taken(/broken kernel/);
    },
  );
});
