/** Where a model's worker comes from: the option, the file, a Blob, or nowhere; and which one it was. */
import { describe, expect } from "vitest";
import { modulePage, page, Site } from "./support/site.ts";
import { type BrowserName, needs, type Tab, test } from "./support/test.ts";

const browsers: readonly BrowserName[] = ["chromium", "firefox"];

/** Loads the small model into a worker and trains it there. */
const tried = (tab: Tab, worker: unknown = true) =>
  tab.page.evaluate(async (option) => {
    const { x, y } = kit.drawings();
    const local = kit.smallModel();
    const remote = await kit.convlet.load(local.toBytes(), { worker: option as true });
    const { history } = await remote.fit(x, y, { epochs: 2, verbose: 0 });
    const { history: expected } = await local.fit(x, y, { epochs: 2, verbose: 0 });
    const source = remote.worker;
    remote.dispose();
    local.dispose();
    return { source, isSame: JSON.stringify(history) === JSON.stringify(expected) };
  }, worker);

describe.each(browsers)("%s", (browser) => {
  test("the file beside the library, and what is left where it is not to be had", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    expect(await tried(await open("/kit.html", { browser }))).toEqual({ source: "file", isSame: true });
    expect(site.requests).toContain("/dist/worker.js");

    site.answers["/dist/worker.js"] = { status: 404, body: "" };
    const missing = await open("/kit.html", { browser });
    expect(await tried(missing)).toEqual({ source: "blob", isSame: true });
    missing.taken(/worker\.js|404/);

    site.answers["/dist/worker.js"] = { body: "<!doctype html><title>start page</title>", headers: { "Content-Type": "text/html" } };
    const page = await open("/kit.html", { browser });
    expect(await tried(page)).toEqual({ source: "blob", isSame: true });
    page.taken(/worker\.js|MIME/i);
  });

  test("in a sandboxed frame, which is of no origin and has no locks: at once what there is", { timeout: 60_000 }, async ({
    site,
    open,
    task,
    skip,
  }) => {
    needs(browser, { task, skip });
    site.headers["Access-Control-Allow-Origin"] = "*";
    site.answers["/frame.html"] = { body: page("frame", '<iframe title="models" sandbox="allow-scripts" src="/kit.html"></iframe>') };
    const tab = await open("/frame.html", { browser });
    const frame = tab.page.frameLocator("iframe").locator("html");
    const start = performance.now();
    const source = await frame.evaluate(async () => {
      while (globalThis.kit === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      const model = await kit.convlet.toWorker(kit.smallModel());
      await model.predict(kit.drawings().x);
      return model.worker;
    });
    // Chromium starts no worker that is a module there.
    expect(source).toBe(browser === "firefox" ? "blob" : "page");
    expect(performance.now() - start).toBeLessThan(9000);
    expect(tab.taken(/no worker is to be had here/)).toHaveLength(browser === "firefox" ? 0 : 1);
    tab.taken(/worker\.js/);
  });

  test("under a policy that forbids workers: the page's own thread, said once", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    site.restrict("script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'");
    const tab = await open("/kit.html", { browser });
    expect(await tried(tab)).toEqual({ source: "page", isSame: true });
    expect(await tried(tab)).toEqual({ source: "page", isSame: true });
    expect(tab.taken(/no worker is to be had here/)).toHaveLength(1);
    tab.taken(/Content.Security.Policy|blocked|csp/i);
  });

  test("under a policy that allows the site's own scripts alone: the file", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    site.restrict("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:");
    expect(await tried(await open("/kit.html", { browser }))).toEqual({ source: "file", isSame: true });
  });

  test("from a script tag: that very file once more", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    site.answers["/script.html"] = {
      body: '<!doctype html><html lang="en"><title>s</title><link rel="icon" href="data:,"><script src="/dist/convlet.iife.js"></script></html>',
    };
    const { page } = await open("/script.html", { browser });
    const found = await page.evaluate(async () => {
      const { convlet } = globalThis as unknown as { convlet: typeof kit.convlet };
      const local = convlet.sequential([convlet.dense({ units: 2, inputShape: [3] })]);
      const remote = await convlet.toWorker(local);
      const [here, there] = [await local.predict([1, 2, 3]), await remote.predict([1, 2, 3])];
      const source = remote.worker;
      remote.dispose();
      return { source, isSame: here.data.join() === there.data.join() };
    });
    expect(found).toEqual({ source: "blob", isSame: true });
  });
});

test("a library from another origin: its file once more, through a Blob", async ({ open }) => {
  const other = await Site.start();
  other.headers["Access-Control-Allow-Origin"] = "*";
  try {
    const tab = await open("/empty.html");
    const found = await tab.page.evaluate(async (library) => {
      // Not import(): this function is rewritten on its way here.
      const convlet: typeof kit.convlet = await new Function("path", "return import(path)")(library);
      const local = convlet.sequential([convlet.dense({ units: 2, inputShape: [3] })]);
      const remote = await convlet.toWorker(local);
      const [here, there] = [await local.predict([1, 2, 3]), await remote.predict([1, 2, 3])];
      const source = remote.worker;
      remote.dispose();
      return { source, isSame: here.data.join() === there.data.join() };
    }, `${other.origin}/dist/index.js`);
    expect(found).toEqual({ source: "blob", isSame: true });
    tab.taken(/^foreign: /);
  } finally {
    await other.close();
  }
});

test.for(["/dist/index.js?v=1", "/short"])("a library at %s, which is not what its parts call it, is there once", async (library, { site, open }) => {
  site.answers["/short"] = { status: 302, headers: { Location: "/dist/index.js" }, body: "" };
  site.answers["/bad.safetensors"] = { body: "no model at all, for sure" };
  const tab = await open("/empty.html");
  const found = await tab.page.evaluate(async (address) => {
    let compiled = 0;
    const { compile } = WebAssembly;
    WebAssembly.compile = (bytes) => {
      compiled++;
      return compile(bytes);
    };
    // Not import(): this function is rewritten on its way here.
    const convlet: typeof kit.convlet = await new Function("path", "return import(path)")(address);
    const local = convlet.sequential([convlet.dense({ units: 2, inputShape: [3] })], { numerics: "strict" });
    const remote = await convlet.toWorker(local);
    const [here, there] = [await local.predict([1, 2, 3]), await remote.predict([1, 2, 3])];
    const reason = await convlet.load("/bad.safetensors", { worker: true }).catch((error) => error);
    const source = remote.worker;
    remote.dispose();
    return { source, isSame: here.data.join() === there.data.join(), isOwnError: reason instanceof convlet.FileFormatError, compiled };
  }, library);
  expect(found).toEqual({ source: "file", isSame: true, isOwnError: true, compiled: 1 });
});

describe("the option", () => {
  test("an address, a Worker, a function", async ({ open }) => {
    const tab = await open("/kit.html");
    expect(await tried(tab, "/dist/worker.js")).toEqual({ source: "option", isSame: true });
    const sources = await tab.page.evaluate(async () => {
      const local = kit.smallModel();
      const start = () => new Worker("/dist/worker.js", { type: "module" });
      const models = [await kit.convlet.toWorker(local, { worker: start() }), await kit.convlet.toWorker(local, { worker: start })];
      for (const model of models) await model.predict(kit.drawings().x);
      return models.map(({ worker }) => worker);
    });
    expect(sources).toEqual(["option", "option"]);
  });

  test("one that does not work is said, and the library's own taken", async ({ site, open }) => {
    site.answers["/other.js"] = { body: 'throw new Error("not for you");' };
    const tab = await open("/kit.html");
    expect(await tried(tab, "/other.js")).toEqual({ source: "file", isSame: true });
    expect(tab.taken(/the worker that was given does not work \(.*not for you.*\)/)).toHaveLength(1);
    tab.taken(/not for you/);
  });

  test("nonsense is a TypeError", async ({ open }) => {
    const { page } = await open("/kit.html");
    const message = await page.evaluate(() =>
      kit.convlet.load("/x", { worker: 1 as never }).catch((reason: Error) => `${reason.name}: ${reason.message}`),
    );
    expect(message).toBe("TypeError: load: worker is 1, needs true, an address, a Worker or a function that starts one");
  });
});

test("models of a page share one worker, which ends with the last of them", async ({ site, open }) => {
  site.answers["/count.js"] = {
    body: `const Native = Worker; globalThis.workers = [];
globalThis.Worker = class extends Native { constructor(...args) { super(...args); workers.push(this); }
  terminate() { this.isEnded = true; super.terminate(); } };
await import("/kit.js");`,
  };
  site.answers["/count.html"] = modulePage("/count.js");
  const { page } = await open("/count.html");
  await page.waitForFunction(() => globalThis.kit !== undefined);
  const found = await page.evaluate(async () => {
    const { workers } = globalThis as unknown as { workers: { isEnded?: boolean }[] };
    const local = kit.smallModel();
    const models = await Promise.all([kit.convlet.toWorker(local), kit.convlet.toWorker(local), kit.convlet.load(local.toBytes(), { worker: true })]);
    const started = workers.length;
    models[0].dispose();
    models[1].dispose();
    models[1].dispose();
    const { data } = await models[2].predict(kit.drawings().x);
    const early = workers.filter(({ isEnded }) => isEnded).length;
    models[2].dispose();
    const late = workers.filter(({ isEnded }) => isEnded).length;
    const again = await kit.convlet.toWorker(local);
    await again.predict(kit.drawings().x);
    again.dispose();
    return { started, early, late, values: data.length, all: workers.length };
  });
  expect(found).toEqual({ started: 1, early: 0, late: 1, values: 36, all: 2 });
});
