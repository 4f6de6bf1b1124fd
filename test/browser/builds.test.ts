/** Every file that a page may load: modules, the script-tag file, kernels by address, in workers of all kinds. */
import { describe, expect } from "vitest";
import { page as html } from "./support/site.ts";
import { test } from "./support/test.ts";

/** What each kind of script runs, with `convlet` in reach: trains, and tells the probabilities of the first two samples. */
const program = `async function weightBits() {
  const { sequential, conv2d, flatten, dense, adam } = convlet;
  const x = new Float32Array(4 * 36).map((_, index) => (index * 7919) % 13 / 13);
  const model = sequential([conv2d({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1] }), flatten(), dense({ units: 2, activation: "softmax" })], { seed: 3 });
  model.compile({ optimizer: adam(), loss: "sparseCategoricalCrossentropy" });
  await model.fit(x, Uint8Array.of(0, 1, 0, 1), { epochs: 3, batchSize: 2, verbose: 0 });
  const hash = model.getWeights().map(({ data }) => Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length)).join()).join(";");
  model.dispose();
  return hash;
}
`;

declare global {
  var weightBits: () => Promise<string>;
}

/** Bits of the weights, from the library as a module on the page itself: what every other build must give. */
const reference = (origin: string) => ({
  body: `import * as convlet from "${origin}/dist/index.js";\n${program}globalThis.weightBits = weightBits;\n`,
});

describe("a build", () => {
  test("as a module: nothing happens when it is imported", async ({ site, open }) => {
    const { page } = await open("/empty.html");
    const found = await page.evaluate(async () => {
      const globals = Object.getOwnPropertyNames(globalThis);
      const calls: string[] = [];
      for (const name of ["compile", "instantiate", "compileStreaming"] as const) {
        const real = WebAssembly[name] as (...all: unknown[]) => unknown;
        Object.assign(WebAssembly, { [name]: (...all: unknown[]) => calls.push(name) && real(...all) });
      }
      const script = document.createElement("script");
      Object.assign(script, { type: "module", src: "/dist/index.js" });
      await new Promise((resolve, reject) => {
        Object.assign(script, { onload: resolve, onerror: reject });
        document.head.append(script);
      });
      return { added: Object.getOwnPropertyNames(globalThis).filter((name) => !globals.includes(name)), calls };
    });
    expect(found).toEqual({ added: [], calls: [] });
    const files = site.requests.filter((path) => path !== "/empty.html");
    expect(files.filter((path) => path !== "/dist/index.js")).toEqual([]);
  });

  test("for a script tag gives the bits of the module, and one global", async ({ site, open }) => {
    site.answers["/reference.js"] = reference(site.origin);
    site.answers["/reference.html"] = { body: html("module", '<script type="module" src="/reference.js"></script>') };
    site.answers["/tag.html"] = {
      body: html(
        "tag",
        `<script>globalThis.before = Object.getOwnPropertyNames(globalThis);</script><script src="/dist/convlet.iife.js"></script><script>
        globalThis.added = Object.getOwnPropertyNames(globalThis).filter((name) => name !== "before" && !before.includes(name));</script><script>${program}</script>`,
      ),
    };
    const { page: module } = await open("/reference.html");
    const { page: tag } = await open("/tag.html");
    expect(await tag.evaluate("globalThis.added")).toEqual(["convlet"]);
    expect(await tag.evaluate(() => weightBits())).toBe(await module.evaluate(() => weightBits()));
  });

  test("in a module worker, a classic worker and a service worker gives the same bits", async ({ site, open }) => {
    site.answers["/reference.js"] = reference(site.origin);
    site.answers["/reference.html"] = { body: html("module", '<script type="module" src="/reference.js"></script>') };
    const answer = "onmessage = ({ source, ports }) => weightBits().then((hash) => (source ?? globalThis).postMessage(hash));\n";
    site.answers["/module.worker.js"] = { body: `import * as convlet from "/dist/index.js";\n${program}${answer}` };
    site.answers["/classic.worker.js"] = { body: `importScripts("/dist/convlet.iife.js");\n${program}${answer}` };
    site.answers["/service.worker.js"] = {
      body: `import * as convlet from "/dist/index.js";\n${program}addEventListener("activate", (event) => event.waitUntil(clients.claim()));\n${answer}`,
    };
    const { page } = await open("/reference.html");
    const found = await page.evaluate(async () => {
      const inWorker = async (url: string, type: WorkerType) => {
        const worker = new Worker(url, { type });
        const hash = await new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage("");
        });
        worker.terminate();
        return hash;
      };
      const inService = async () => {
        await navigator.serviceWorker.register("/service.worker.js", { type: "module" });
        const { active } = await navigator.serviceWorker.ready;
        return new Promise((resolve) => {
          navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
          active!.postMessage("");
        });
      };
      return {
        page: await weightBits(),
        module: await inWorker("/module.worker.js", "module"),
        classic: await inWorker("/classic.worker.js", "classic"),
        service: await inService(),
      };
    });
    expect(found.page).toMatch(/^\d+,\d+/);
    expect(found).toEqual({ page: found.page, module: found.page, classic: found.page, service: found.page });
  });

  test("compiles its kernels once for many models", async ({ open }) => {
    const { page } = await open("/kit.html");
    const count = await page.evaluate(async () => {
      let compiled = 0;
      const { compile } = WebAssembly;
      WebAssembly.compile = (...all) => {
        compiled++;
        return compile(...all);
      };
      for (let index = 0; index < 5; index++) await kit.smallModel().ready;
      await Promise.all([kit.smallModel().ready, kit.smallModel().ready]);
      return compiled;
    });
    // Strict and relaxed.
    expect(count).toBe(2);
  });
});

describe("kernels that the page names", () => {
  /** Answers of a model with these kernels, or its error; which ways to a module were taken. */
  const withKernels = (how: "address" | "bytes" | "module") =>
    [
      async (kind: string) => {
        const taken: string[] = [];
        for (const name of ["compile", "compileStreaming"] as const) {
          const real = WebAssembly[name] as (...all: unknown[]) => unknown;
          Object.assign(WebAssembly, { [name]: (...all: unknown[]) => taken.push(name) && real(...all) });
        }
        const bytes = async (url: string) => (await fetch(url)).arrayBuffer();
        const address = "/dist/strict.wasm";
        const source = kind === "address" ? address : kind === "bytes" ? await bytes(address) : await WebAssembly.compile(await bytes(address));
        taken.length = 0;
        const { x } = kit.drawings();
        try {
          const model = kit.smallModel({ machine: "wasm", wasm: { strict: source } });
          const own = await kit.smallModel({ numerics: "strict" }).predict(x);
          taken.length = 0;
          const { data } = await model.predict(x);
          return { isSame: data.every((value, index) => value === own.data[index]), taken };
        } catch (reason) {
          return {
            error: `${(reason as Error).name}: ${(reason as Error).message} ${((reason as Error).cause as Error | undefined)?.message ?? ""}`,
          };
        }
      },
      how,
    ] as const;

  test("by address, bytes or module give what those inside the library give", async ({ open }) => {
    for (const how of ["address", "bytes", "module"] as const) {
      const tab = await open("/kit.html");
      expect([how, await tab.page.evaluate(...withKernels(how))]).toMatchObject([how, { isSame: true }]);
    }
  });

  test("by address are compiled while they arrive, or after, where the server has the type wrong", async ({ site, open }) => {
    const streams = async () =>
      (await open("/kit.html")).page.evaluate(async () => {
        let count = 0;
        const { compileStreaming } = WebAssembly;
        WebAssembly.compileStreaming = (source) => {
          count++;
          return compileStreaming(source);
        };
        const { data } = await kit.smallModel({ machine: "wasm", wasm: { strict: "/dist/strict.wasm" } }).predict(kit.drawings().x);
        return { count, values: data.length };
      });
    expect(await streams()).toEqual({ count: 1, values: 36 });
    site.answers["/dist/strict.wasm"] = { headers: { "Content-Type": "application/octet-stream" } };
    expect(await streams()).toEqual({ count: 0, values: 36 });
  });

  test("404, a page of HTML, half a file, another module: the error says which", async ({ site, open }) => {
    const { body: empty } = { body: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) };
    const cases = [
      ["404", { status: 404, body: "<h1>404</h1>" }, /strict\.wasm answered 404/],
      ["HTML", { body: "<!doctype html><p>hello", headers: { "Content-Type": "text/html" } }, /strict\.wasm is an HTML or XML page/],
      ["another", { body: empty }, /is a WebAssembly module that is none of convlet's kernels/],
    ] as const;
    for (const [name, answer, message] of cases) {
      site.answers["/dist/strict.wasm"] = answer;
      const tab = await open("/kit.html");
      const found = await tab.page.evaluate(...withKernels("address"));
      expect([name, found]).toEqual([name, { error: expect.stringMatching(message) }]);
      tab.taken(/404/);
    }
  });
});
