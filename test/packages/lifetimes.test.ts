/** Pages of a fresh project whose modules come and go: they leave one library. */
import { beforeAll, expect } from "vitest";
import { test } from "../browser/support/test.ts";
import { address, developmentServer, dist, freshProject, html, type Loose, write } from "./project.ts";

beforeAll(freshProject);

test("mounting twice and hot reload leave one engine: kernels are compiled once, a memory per mount, no worker", async ({ site, open }) => {
  const component = (version: number) => `import { sequential, input, dense } from "${dist}/index.js";
let model;
export const version = ${version};
export async function mount() {
  model = sequential([input({ shape: [64] }), dense({ units: 64 })], { seed: ${version}, numerics: "strict" });
  return (await model.predict(new Float32Array(64))).data.length;
}
export const unmount = () => model.dispose();\n`;
  for (const version of [1, 2, 3]) site.answers[`${address}/component${version}.js`] = { body: component(version) };
  site.answers[`${address}/mounts.html`] = { body: html("") };
  const tab = await open(`${address}/mounts.html`);
  const found = await tab.page.evaluate(async (base) => {
    const counts = { compiled: 0, memories: 0, workers: 0 };
    const { compile, Memory } = WebAssembly;
    WebAssembly.compile = (bytes) => {
      counts.compiled++;
      return compile(bytes);
    };
    WebAssembly.Memory = new Proxy(Memory, {
      construct: (Target, args: [WebAssembly.MemoryDescriptor]) => {
        counts.memories++;
        return new Target(...args);
      },
    });
    globalThis.Worker = new Proxy(Worker, {
      construct: (Target, args: ConstructorParameters<typeof Worker>) => {
        counts.workers++;
        return new Target(...args);
      },
    });
    // Strict mode of a framework mounts twice; hot reload takes a new module of the component, the library stays.
    for (const version of [1, 2, 3]) {
      const first = await (new Function("path", "return import(path)")(`${base}/component${version}.js`) as Promise<Loose>);
      await first.mount();
      first.unmount();
      await first.mount();
      first.unmount();
    }
    return counts;
  }, address);
  // One for each mount, and the one that the kernels were unpacked in.
  expect(found).toEqual({ compiled: 1, memories: 6 + 1, workers: 0 });
});

/** Counts what a page makes, from before its first module. */
const counting = `<script>
globalThis.counts = { mounts: 0, compiled: 0, memories: 0 };
const { compile, Memory } = WebAssembly;
WebAssembly.compile = (bytes) => (counts.compiled++, compile(bytes));
WebAssembly.Memory = new Proxy(Memory, { construct: (target, args) => (counts.memories++, new target(...args)) });
</script>`;

/** A module as one writes it for Vite: an edit takes its place without a new page. */
const hot = (version: number) => `import { load, sequential, input, dense } from "convlet";
counts.mounts++;
const model = sequential([input({ shape: [64] }), dense({ units: 64 })], { seed: ${version}, numerics: "strict" });
const remote = await load(model.toBytes(), { worker: true, numerics: "strict" });
const [here, there] = [await model.predict(new Float32Array(64)), await remote.predict(new Float32Array(64))];
globalThis.found = { version: ${version}, isSame: here.data.join() === there.data.join(), worker: remote.worker };
import.meta.hot.dispose(() => {
  model.dispose();
  remote.dispose();
});
import.meta.hot.accept();
`;

test("Vite's development server: edits leave one library, kernels compiled once, and no worker more than models live in", async ({ open }) => {
  write("index.html", html(`${counting}<script type="module" src="./hot.js"></script>`));
  write("hot.js", hot(1));
  const server = await developmentServer();
  try {
    const tab = await open(`${server.origin}/`);
    const { page } = tab;
    for (const version of [1, 2, 3]) {
      if (version > 1) write("hot.js", hot(version));
      await page.waitForFunction((wanted) => (globalThis as Loose).found?.version === wanted, version);
      expect(await page.evaluate(() => (globalThis as Loose).found)).toEqual({ version, isSame: true, worker: "blob" });
      // Vite may take one edit for two. The kernels were unpacked in a memory.
      const { mounts, compiled, memories } = await page.evaluate(() => (globalThis as Loose).counts);
      expect(mounts).toBeGreaterThanOrEqual(version);
      expect({ compiled, memories }).toEqual({ compiled: 1, memories: mounts + 1 });
      await expect.poll(() => page.workers().length).toBe(1);
    }
    // Vite's copy of the library has no worker's file beside it: the file with the library's code serves once more.
    tab.taken(/worker\.js/);
  } finally {
    await server.close();
  }
});
