/**
 * What a tab's memory does over 1,000 models. The measure is the private memory of the tab's process as Linux counts it, after collecting
 * garbage: `performance.measureUserAgentSpecificMemory` and the heap figures of the DevTools protocol do not see WebAssembly memories, in
 * which our models live (asserted below).
 */
import { readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { launch, needsLinux, test } from "./support/test.ts";

const MB = 2 ** 20;

/** The most that cycle 1,000 may stand above cycle 100. */
const ALLOWED = 5 * MB;

/** Runs `work` on a page with the library, alone in a browser, and a function that tells the memory of the tab in bytes. */
async function inOwnBrowser(
  origin: string,
  work: (tab: {
    cycle(count: number, end: "dispose" | "keep"): Promise<void>;
    evaluate(code: () => unknown): Promise<unknown>;
    memory(): Promise<number>;
    /** What the page itself is told. Takes some seconds. */
    reported(): Promise<number>;
  }) => Promise<void>,
): Promise<void> {
  const browser = await launch("chromium");
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/kit.html`);
    const devTools = await context.newCDPSession(page);
    const system = await browser.newBrowserCDPSession();
    await work({
      evaluate: (code) => page.evaluate(code),
      /** Of bytes, not of an address: DevTools keeps what a tab downloads in that tab's process. */
      cycle: (count, end) =>
        page.evaluate(
          async ([cycles, ending]) => {
            const { conv2d, dense, flatten, load, maxPooling2d, sequential } = kit.convlet;
            const conv = conv2d({ filters: 8, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] });
            const first = sequential([conv, maxPooling2d(), flatten(), dense({ units: 10, activation: "softmax" })]);
            const bytes = first.toBytes();
            first.dispose();
            const x = new Float32Array(16 * 28 * 28).fill(1);
            for (let cycle = 0; cycle < cycles; cycle++) {
              const model = await load(bytes);
              await model.predict(x);
              if (ending === "dispose") model.dispose();
              else globalThis.kept.push(model);
            }
          },
          [count, end] as const,
        ),
      async memory() {
        const samples: number[] = [];
        for (let sample = 0; sample < 3; sample++) {
          await devTools.send("HeapProfiler.collectGarbage");
          await page.waitForTimeout(200);
          const { processInfo } = await system.send("SystemInfo.getProcessInfo");
          // Others are spare ones that wait for the next tab.
          const [busiest] = processInfo.filter(({ type }) => type === "renderer").sort((a, b) => b.cpuTime - a.cpuTime);
          samples.push(privateBytes(busiest.id));
        }
        return Math.min(...samples);
      },
      reported: () => page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes),
    });
  } finally {
    await browser.close();
  }
}

declare global {
  var kept: unknown[];
  interface Performance {
    measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
  }
}

/** Memory that no other process shares, swapped out or not. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)![1]);
  return 1024 * (kilobytes("Private_Dirty") + kilobytes("Swap"));
}

const text = (bytes: number) => `${(bytes / MB).toFixed(1)} MB`;

describe("1,000 load/dispose cycles", () => {
  test("the tab's memory at cycle 1,000 is at most 5 MB above that at cycle 100; a leak would be seen", { timeout: 120_000 }, async ({
    site,
    task,
    skip,
  }) => {
    needsLinux({ task, skip });
    site.isolate();
    await inOwnBrowser(site.origin, async ({ cycle, evaluate, memory, reported }) => {
      await cycle(100, "dispose");
      const early = await memory();
      await cycle(900, "dispose");
      const late = await memory();
      console.log(`tab after 100 cycles ${text(early)}, after 1,000 ${text(late)}`);
      expect(late - early).toBeLessThan(ALLOWED);

      await evaluate(() => {
        globalThis.kept = [];
      });
      await cycle(40, "keep");
      const leaking = await memory();
      console.log(`with 40 models that nobody disposed of ${text(leaking)}`);
      // Of 900 cycles it would be more than twenty times that.
      expect(leaking - late).toBeGreaterThan(ALLOWED);

      const before = await reported();
      await evaluate(() => {
        const memory = new WebAssembly.Memory({ initial: 320 });
        new Uint8Array(memory.buffer).fill(1);
        globalThis.kept.push(memory);
      });
      const full = await memory();
      const unseen = (await reported()) - before;
      console.log(`and 20 MB of WebAssembly memory: ${text(full)}; the page is told of ${text(unseen)} more`);
      expect(full - leaking).toBeGreaterThan(15 * MB);
      expect(unseen).toBeLessThan(1 * MB);
    });
  });
});

test("a page that keeps more models than the engine has addresses for is told what to do, and goes on", async ({ open }) => {
  const { page } = await open("/kit.html");
  const found = await page.evaluate(async () => {
    const kept = [];
    let message = "none";
    for (let count = 0; count < 400; count++) {
      try {
        kept.push(kit.smallModel());
      } catch (reason) {
        message = (reason as Error).message;
        break;
      }
    }
    kept.pop()!.dispose();
    const { data } = await kept[0].predict(kit.drawings().x);
    return { count: kept.length, message, values: data.length };
  });
  expect(found.message).toMatch(/^memory: the engine refused .* dispose of models that are not used/);
  expect(found.count).toBeGreaterThan(50);
  expect(found.values).toBe(36);
});
