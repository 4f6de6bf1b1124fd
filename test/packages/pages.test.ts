/** The packed library in pages of a fresh project. Each trains a step and predicts, and has the bits of Node. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import { test } from "../browser/support/test.ts";
import { address, dist, html, type Loose, main, resultsOfNode, root, run, write } from "./project.ts";

declare global {
  var result: Promise<unknown>;
}

let expected: ReturnType<typeof resultsOfNode>;

beforeAll(() => {
  expected = resultsOfNode();
  write("main.js", main("convlet", "convlet/run"));
});

const resultOf = () => globalThis.result;

describe("a page", () => {
  test("with a script tag", async ({ site, open }) => {
    write(
      "script.js",
      `import("./check.js").then(({ check }) => { globalThis.result = check(convlet, convletRun.load); globalThis.began = true; });`,
    );
    const scripts = ["convlet.iife.js", "convlet-run.iife.js"].map((name) => `<script src="${dist}/${name}"></script>`).join("");
    site.answers[`${address}/script.html`] = { body: html(`${scripts}<script src="${address}/script.js"></script>`) };
    const { page } = await open(`${address}/script.html`);
    await page.waitForFunction(() => globalThis.result !== undefined);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  test("with modules and no bundler", async ({ site, open }) => {
    write("native.js", main(`${dist}/index.js`, `${dist}/run.js`));
    site.answers[`${address}/native.html`] = { body: html(`<script type="module" src="${address}/native.js"></script>`) };
    const { page } = await open(`${address}/native.html`);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  const bundlers: [string, () => ReturnType<typeof run>][] = [
    ["vite", () => run("vite", "build", "--outDir", "vite", "--emptyOutDir", "--base", "./", "--logLevel", "warn")],
    ["esbuild", () => run("esbuild", "main.js", "--bundle", "--format=esm", "--outdir=esbuild", "--splitting", "--log-level=warning")],
    ["webpack", () => run("webpack", "--mode", "production", "--entry", "./main.js", "-o", "webpack", "--stats", "errors-warnings")],
  ];

  test.for(bundlers)("bundled by %s, which has nothing to complain of", async ([name, bundle], { site, open }) => {
    write("index.html", html('<script type="module" src="./main.js"></script>'));
    const { status, output } = bundle();
    expect(output.replace(/^.*\b(?:asset|entrypoint) size limit\b.*$/gm, "")).not.toMatch(
      /error|externalized|critical dependency|could not resolve/i,
    );
    expect(status).toBe(0);
    if (name !== "vite")
      site.answers[`${address}/${name}/index.html`] = { body: html(`<script type="module" src="${address}/${name}/main.js"></script>`) };
    const { page } = await open(`${address}/${name}/index.html`);
    await page.waitForFunction(() => globalThis.result !== undefined);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  test("in a worker that Vite makes one file of", async ({ open }) => {
    write("inWorker/main.js", 'globalThis.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });\n');
    write("inWorker/worker.js", 'import { load } from "convlet/run";\nload(new Uint8Array(8)).catch(({ message }) => postMessage(message));\n');
    write("inWorker/index.html", html('<script type="module" src="./main.js"></script>'));
    const { status, output } = run("vite", "build", "inWorker", "--outDir", "built", "--emptyOutDir", "--base", "./", "--logLevel", "warn");
    expect({ status, output }).toEqual({ status: 0, output: "" });
    const { page } = await open(`${address}/inWorker/built/index.html`);
    const message = await page.evaluate(() => {
      const { worker } = globalThis as unknown as { worker: Worker };
      return new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
      });
    });
    expect(message).toMatch(/^load: /);
  });

  test("in a module worker", async ({ site, open }) => {
    write("worker.js", `${main(`${dist}/index.js`, `${dist}/run.js`)}result.then((value) => postMessage(value));\n`);
    site.answers[`${address}/worker.html`] = {
      body: html(`<script type="module">globalThis.result = new Promise((resolve, reject) => {
        const worker = new Worker("${address}/worker.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });</script>`),
    };
    const { page } = await open(`${address}/worker.html`);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  test("in a service worker", async ({ site, open }) => {
    write(
      "service.js",
      `${main(`${dist}/index.js`, `${dist}/run.js`)}self.onmessage = ({ source }) => result.then((value) => source.postMessage(value));\n`,
    );
    site.answers[`${address}/service.html`] = {
      body: html(`<script type="module">globalThis.result = new Promise(async (resolve) => {
        navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
        const registration = await navigator.serviceWorker.register("${address}/service.js", { type: "module" });
        const worker = registration.installing ?? registration.active;
        worker.postMessage("go");
      });</script>`),
    };
    const { page } = await open(`${address}/service.html`);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  const policy = "default-src 'self'; img-src 'self' data:; script-src 'self'";

  test("under script-src 'self' 'wasm-unsafe-eval'", async ({ site, open }) => {
    site.restrict(`${policy} 'wasm-unsafe-eval'`);
    write("native.js", main(`${dist}/index.js`, `${dist}/run.js`));
    site.answers[`${address}/native.html`] = { body: html(`<script type="module" src="${address}/native.js"></script>`) };
    const { page } = await open(`${address}/native.html`);
    expect(await page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  test("under script-src 'self': in plain JavaScript, said once by each library", async ({ site, open }) => {
    site.restrict(policy);
    write("native.js", main(`${dist}/index.js`, `${dist}/run.js`));
    site.answers[`${address}/native.html`] = { body: html(`<script type="module" src="${address}/native.js"></script>`) };
    const tab = await open(`${address}/native.html`);
    expect(await tab.page.evaluate(resultOf)).toEqual(expected.plain);
    expect(tab.taken(/running in plain JavaScript/)).toHaveLength(2);
  });
});

describe("kernels by address", () => {
  const page = html(`<script type="module">
import * as convlet from "${dist}/index.js";
import { load } from "${dist}/run.js";
import { check } from "${address}/check.js";
const wasm = { strict: "${dist}/strict.wasm" };
const inference = { strict: "${dist}/inference-strict.wasm" };
globalThis.result = check(convlet, (bytes, options) => load(bytes, { ...options, wasm: inference }), { wasm }).catch((reason) => reason.message);
</script>`);

  test("are streamed, once for several models", async ({ site, open }) => {
    site.answers[`${address}/address.html`] = { body: page };
    const tab = await open(`${address}/address.html`);
    expect(await tab.page.evaluate(resultOf)).toEqual(expected.wasm);
    const again = await tab.page.evaluate(async (dist) => {
      // Not import(): this function is rewritten on its way here.
      const { sequential, input, dense } = await (new Function("path", "return import(path)")(`${dist}/index.js`) as Promise<Loose>);
      const models = [1, 2].map(() =>
        sequential([input({ shape: [2] }), dense({ units: 1 })], { numerics: "strict", wasm: { strict: `${dist}/strict.wasm` } }),
      );
      return Promise.all(models.map(({ ready }: { ready: Promise<void> }) => ready)).then(() => "ready");
    }, dist);
    expect(again).toBe("ready");
    expect(site.requests.filter((path) => path.endsWith(".wasm")).sort()).toEqual([`${dist}/inference-strict.wasm`, `${dist}/strict.wasm`]);
  });

  const strict = `${dist}/strict.wasm`;
  const bytes = () => readFileSync(join(root, strict));

  test("are compiled where the server names another type", async ({ site, open }) => {
    site.answers[`${address}/address.html`] = { body: page };
    site.answers[strict] = { body: bytes(), headers: { "Content-Type": "application/octet-stream" } };
    const tab = await open(`${address}/address.html`);
    expect(await tab.page.evaluate(resultOf)).toEqual(expected.wasm);
  });

  test("that are not there: the address and the answer", async ({ site, open }) => {
    site.answers[`${address}/address.html`] = { body: page };
    site.answers[strict] = { status: 404, body: "<h1>no</h1>" };
    const tab = await open(`${address}/address.html`);
    expect(await tab.page.evaluate(resultOf)).toBe(`wasm.strict: ${strict} answered 404 Not Found`);
    expect(tab.taken(/404/).length).toBeGreaterThan(0);
  });

  test("that are a page: so it is said", async ({ site, open }) => {
    site.answers[`${address}/address.html`] = { body: page };
    site.answers[strict] = { body: "<!doctype html><h1>sign in</h1>", headers: { "Content-Type": "text/html" } };
    const tab = await open(`${address}/address.html`);
    expect(await tab.page.evaluate(resultOf)).toBe(
      `wasm.strict: ${strict} is an HTML or XML page: was the address wrong?; needs the library's kernels`,
    );
  });
});
