/** The packed library in fresh projects. Every page trains a step and predicts, and has the bits of Node. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import { test } from "../browser/support/test.ts";
import { address, developmentServer, folder, freshProject, root, run, told, write } from "./project.ts";

interface Result {
  readonly loss: number;
  readonly predicted: readonly number[];
  readonly ran: readonly number[] | null;
}

declare global {
  var result: Promise<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: what a page imports by address has no types here.
type Loose = any;

/** What Node gives on WebAssembly, and in plain JavaScript. */
const expected = {} as { wasm: Result; plain: Result };

/** A page of the project; `script` is its script element. */
const html = (script: string) => `<!doctype html><html lang="en"><title>fresh</title><link rel="icon" href="data:,">${script}</html>`;

/** A module that leaves its result in the page. Imports are by name, for bundlers, or by address. */
const main = (library: string, runLibrary: string, options = "{}") => `import * as convlet from "${library}";
import { load } from "${runLibrary}";
import { check } from "./check.js";
globalThis.result = check(convlet, load, ${options});
`;

const installed = `${address}/node_modules/convlet`;
const dist = `${installed}/dist`;

beforeAll(() => {
  freshProject();
  const program = (options: string) =>
    `${main("convlet", "convlet/run", options).replace("globalThis.result =", "const result = await")}console.log(JSON.stringify(result));\n`;
  write("node.js", program("{}"));
  write("plain.js", program('{ machine: "plain" }'));
  expected.wasm = told("node", "node.js") as Result;
  expected.plain = told("node", "plain.js") as Result;
  write("main.js", main("convlet", "convlet/run"));
});

const resultOf = () => globalThis.result;

describe("the package", () => {
  test("has the files that are meant to be in it, and no other", () => {
    const files = readdirSync(join(folder, "node_modules/convlet"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const kinds = new Set(files.map(({ name }) => name.replace(/^.*?(\.d\.ts|\.js\.map|\.[a-z]+)$/, "$1")));
    expect([...kinds].sort()).toEqual([".d.ts", ".js", ".js.map", ".json", ".md", ".wasm", "LICENSE"].sort());
  });

  test("passes publint", () => {
    const { status, output } = run("publint", "--strict", "node_modules/convlet");
    expect(output).toContain("All good!");
    expect(status).toBe(0);
  });

  test("passes arethetypeswrong: node10 reads no exports, kernels have no types, a worker's file is not imported", () => {
    const apart = ["worker", "strict.wasm", "relaxed.wasm", "inference-strict.wasm", "inference-relaxed.wasm"];
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
    const { status, output } = run("attw", tarball, "--format", "ascii", "--profile", "node16", "--exclude-entrypoints", ...apart);
    for (const entry of ["convlet", "convlet/run", "convlet/node"])
      expect(output).toContain(`"${entry}"\n\nnode16 (from CJS): 🟢 (CJS)\nnode16 (from ESM): 🟢 (ESM)`);
    expect(status).toBe(0);
  });

  test("has types for a strict reader without skipLibCheck, as a module and as CommonJS", () => {
    const uses = `const model = sequential([input({ shape: [2] }), dense({ units: 1 })]);
export const output: Promise<Float32Array> = model.predict(new Float32Array(2)).then(({ data }) => data);
export const same: Promise<Float32Array> = load(exportProgram(model)).then((program) => program.predictSync([1, 2]).data);
`;
    const imports = 'import { dense, exportProgram, input, sequential } from "convlet";\nimport { load } from "convlet/run";\n';
    write("reader.mts", imports + uses);
    write("reader.cts", imports.replace(/import (.*) from (".*");/g, "import $1 from $2;") + uses);
    const compilerOptions = { noEmit: true, strict: true, module: "nodenext", target: "es2022", lib: ["es2022", "dom", "dom.iterable"], types: [] };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["reader.mts", "reader.cts"] }));
    expect(run("tsc")).toEqual({ status: 0, output: "" });
  });
});

describe("Node", () => {
  test("as a module trains and predicts, and exported programs give the same bits", () => {
    expect(expected.wasm.ran).toEqual(expected.wasm.predicted);
    expect(expected.plain.ran).toEqual(expected.plain.predicted);
    expect(expected.wasm.loss).toBeGreaterThan(0);
    write("same.js", 'import { Model } from "convlet";\nimport * as node from "convlet/node";\nconsole.log(JSON.stringify(node.Model === Model));\n');
    expect(told("node", "same.js")).toBe(true);
  });

  test("by require", () => {
    write(
      "required.cjs",
      `const convlet = require("convlet"), run = require("convlet/run"), node = require("convlet/node");
if (node.Model !== convlet.Model) throw new Error("convlet/node has classes of its own");
import("./check.js").then(({ check }) => check(convlet, run.load)).then((result) => console.log(JSON.stringify(result)));\n`,
    );
    expect(told("node", "required.cjs")).toEqual(expected.wasm);
  });

  test("shows of an error that nobody catches a line that can be read", () => {
    const failing = (names: string) => `const model = ${names};\nmodel.fit([[1, 2]], [1]);\n`;
    write("failing.js", `import { dense, sequential } from "convlet";\n${failing("sequential([dense({ units: 1, inputShape: [2] })])")}`);
    write("failing.cjs", failing('require("convlet").sequential([require("convlet").dense({ units: 1, inputShape: [2] })])'));
    write("failing.node.js", `import { dense, sequential } from "convlet/node";\n${failing("sequential([dense({ units: 1, inputShape: [2] })])")}`);
    write("failing.run.js", 'import { load } from "convlet/run";\nawait load(new Uint8Array(3));\n');
    for (const [file, message] of [
      ["failing.js", "Error: fit: the model is not compiled"],
      ["failing.cjs", "Error: fit: the model is not compiled"],
      ["failing.node.js", "Error: fit: the model is not compiled"],
      ["failing.run.js", "FileFormatError: load: the file is truncated"],
    ]) {
      const { status, output } = run("node", file);
      expect(status).toBe(1);
      expect(output).toContain(message);
      expect(output.length, file).toBeLessThan(2000);
    }
  });

  test("rendering on a server imports all entries without an effect: no output, no global, nothing that keeps it alive", () => {
    write(
      "server.js",
      `const before = Object.keys(globalThis).length;
for (const entry of ["convlet", "convlet/run", "convlet/node", "convlet/worker"]) await import(entry);
const own = ["PipeWrap", "TTYWrap", "CloseReq", "Timeout"];
const handles = process.getActiveResourcesInfo().filter((name) => !own.includes(name));
console.log(JSON.stringify({ globals: Object.keys(globalThis).length - before, handles }));\n`,
    );
    const { status, output } = run("node", "server.js");
    expect({ status, output: output.trim() }).toEqual({ status: 0, output: '{"globals":0,"handles":[]}' });
  });
});

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
