/** The test function of test/browser: a site and tabs, and no complaint left unexplained at the end. */
import { type Browser, type BrowserContextOptions, chromium, firefox } from "playwright-core";
import { test as base, type TestContext } from "vitest";
import { Site } from "./site.ts";
import { Tab } from "./tab.ts";

export type BrowserName = "chromium" | "firefox";

const paths = { chromium: process.env.CONVLET_CHROMIUM ?? "", firefox: process.env.CONVLET_FIREFOX ?? "" };

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

/** Skips, with the reason on the console and in the report, where Firefox is not there; in CI that is a failure. */
export function needs(name: BrowserName, { task, skip }: Pick<TestContext, "task" | "skip">): void {
  if (paths[name] !== "") return;
  const reason = `no ${name} found`;
  if (process.env.CI) throw new Error(`${reason}: .ci/run installs it`);
  console.warn(`not run: ${task.name}: ${reason}`);
  Object.assign(task.meta, { reason });
  skip(reason);
}

interface OpenOptions extends BrowserContextOptions {
  readonly browser?: BrowserName;
  /** Of a tab that is open: the new one shares storage and cache with it. */
  readonly beside?: Tab;
}

export type Open = (path: string, options?: OpenOptions) => Promise<Tab>;

interface Fixtures {
  readonly browsers: (name: BrowserName) => Promise<Browser>;
  readonly site: Site;
  readonly open: Open;
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
    const tabs: Tab[] = [];
    await use(async (path, { browser = "chromium", beside, ...options } = {}) => {
      const context = beside?.context ?? (await (await browsers(browser)).newContext(options));
      const tab = new Tab(await context.newPage(), context, site.origin);
      tabs.push(tab);
      await tab.page.goto(site.origin + path);
      return tab;
    });
    const left = tabs.flatMap((tab) => tab.left);
    for (const context of new Set(tabs.map((tab) => tab.context))) await context.close();
    if (left.length > 0) throw new Error(`the page complained:\n${left.join("\n")}`);
  },
});
