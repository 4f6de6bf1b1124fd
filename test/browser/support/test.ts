/** The test function of test/browser: a site and tabs, and no complaint left unexplained at the end. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, firefox } from "playwright-core";
import { test as base, type TestContext } from "vitest";
import { type ServeOptions, serve } from "../../support/examplesServer.ts";
import { Site } from "./site.ts";
import { Tab } from "./tab.ts";

export { Tab };

export type BrowserName = "chromium" | "firefox";

const paths = { chromium: process.env.CONVLET_CHROMIUM ?? "", firefox: process.env.CONVLET_FIREFOX ?? "" };

const examples = fileURLToPath(new URL("../../../build/examples", import.meta.url));

/** As root there is no sandbox to be had; the rest keeps Chromium from asking the network for anything. */
const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** A browser with a profile of its own that is gone when it closes. */
export async function launch(name: BrowserName, args: readonly string[] = []): Promise<Browser> {
  const executablePath = paths[name];
  if (executablePath === "") throw new Error(`no ${name}: run the browser tests by npm run test:browser, which finds it`);
  // The channel makes playwright drive an unpatched Firefox, over WebDriver BiDi.
  if (name === "firefox") return firefox.launch({ executablePath, channel: "moz-firefox" });
  return chromium.launch({ executablePath, args: [...flags.split(" "), ...args] });
}

/** Chromium as a person has it: tabs that are not in front are hidden, their timers slow. Playwright makes each one believe that it is in front. */
export async function untouchedChromium(): Promise<{ readonly browser: Browser; readonly pid: number; close(): Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), "convlet-chromium-"));
  const args = ["--headless", ...flags.split(" "), "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
  const child = spawn(paths.chromium, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const address = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (part) => {
      text += part;
      const found = /ws:\/\/\S+/.exec(text);
      if (found) resolve(found[0]);
    });
    void ended.then(() => reject(new Error(`Chromium ended at once: ${text}`)));
  });
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  const close = async () => {
    await browser.close();
    child.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { browser, pid: child.pid!, close };
}

type Skipping = Pick<TestContext, "task" | "skip">;

/** Skips, with the reason on the console and in the report. */
function skipFor(reason: string, { task, skip }: Skipping): void {
  console.warn(`not run: ${task.name}: ${reason}`);
  Object.assign(task.meta, { reason });
  skip(reason);
}

/** Skips where Firefox is not there; in CI that is a failure. */
export function needs(name: BrowserName, context: Skipping): void {
  if (paths[name] !== "") return;
  if (process.env.CI) throw new Error(`no ${name} found: .ci/run installs it`);
  skipFor(`no ${name} found`, context);
}

export function needsLinux(context: Skipping): void {
  if (process.platform !== "linux") skipFor("the memory of a process is read from Linux's /proc", context);
}

interface OpenOptions extends BrowserContextOptions {
  readonly browser?: BrowserName;
  /** Of a tab that is open: the new one shares storage and cache with it. */
  readonly beside?: Tab;
}

/** `address`: a path of the site, or whole, of another server of the test. */
export type Open = (address: string, options?: OpenOptions) => Promise<Tab>;

interface Fixtures {
  readonly browsers: (name: BrowserName) => Promise<Browser>;
  readonly site: Site;
  readonly open: Open;
  /** A tab on one of the example pages, as `npm run examples` serves them. */
  readonly openExample: (path: string, options?: OpenOptions & Pick<ServeOptions, "isolation">) => Promise<Tab>;
}

class Tabs {
  private readonly tabs: Tab[] = [];

  constructor(private readonly browsers: Fixtures["browsers"]) {}

  async open(origin: string, path: string, { browser = "chromium", beside, ...options }: OpenOptions = {}): Promise<Tab> {
    const context = beside?.context ?? (await (await this.browsers(browser)).newContext(options));
    const tab = new Tab(await context.newPage(), context, origin);
    this.tabs.push(tab);
    await tab.page.goto(origin + path);
    return tab;
  }

  /** Throws when a page complained of something that the test did not take. */
  async end(): Promise<void> {
    const left = this.tabs.flatMap((tab) => tab.left);
    for (const context of new Set(this.tabs.map((tab) => tab.context))) await context.close();
    if (left.length > 0) throw new Error(`the page complained:\n${left.join("\n")}`);
  }
}

export const test = base.extend<Fixtures>({
  browsers: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs from its parameter.
    async ({}, use) => {
      const running = new Map<BrowserName, Promise<Browser>>();
      await use((name) => {
        if (!running.has(name)) running.set(name, launch(name));
        return running.get(name)!;
      });
      for (const browser of running.values()) await (await browser).close();
    },
    { scope: "file" },
  ],

  // biome-ignore lint/correctness/noEmptyPattern: as above.
  site: async ({}, use) => {
    const site = await Site.start();
    await use(site);
    await site.close();
  },

  open: async ({ browsers, site }, use) => {
    const tabs = new Tabs(browsers);
    await use((address, options) => {
      const { origin, pathname, search, hash } = new URL(address, site.origin);
      return tabs.open(origin, pathname + search + hash, options);
    });
    await tabs.end();
  },

  openExample: async ({ browsers }, use) => {
    const tabs = new Tabs(browsers);
    const servers: Server[] = [];
    await use(async (path, { isolation = "isolated", ...options } = {}) => {
      const { server, url } = await serve(examples, { port: 0, isolation });
      servers.push(server);
      return tabs.open(url.slice(0, -1), path, options);
    });
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await tabs.end();
  },
});
