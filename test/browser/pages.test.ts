/** The other example pages, clicked through as a person would, and what they promise in figures. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { breaches, overflow } from "./support/accessibility.ts";
import { needs, test } from "./support/test.ts";

const words = async (page: Page, place: string) => ((await page.locator(place).first().textContent()) ?? "").replace(/\s+/g, " ").trim();
/** `<output>` and what a person reads there. */
const answer = (page: Page) =>
  page
    .locator("output")
    .first()
    .evaluate((output) => (output as HTMLOutputElement).value);

/** One stroke with the mouse over an element, through points in shares of its size. */
async function stroke(page: Page, place: string, points: readonly (readonly [number, number])[]): Promise<void> {
  await page.locator(place).scrollIntoViewIfNeeded();
  const box = (await page.locator(place).boundingBox())!;
  const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 8 });
  await page.mouse.up();
}

const ONE = [
  [0.5, 0.15],
  [0.5, 0.85],
] as const;
const SEVEN = [
  [0.25, 0.2],
  [0.75, 0.2],
  [0.45, 0.85],
] as const;

describe("embed", () => {
  test("is at most 1,500 characters", () => {
    expect(readFileSync(new URL("../../examples/embed/index.html", import.meta.url), "utf8").length).toBeLessThanOrEqual(1500);
  });

  for (const browser of ["chromium", "firefox"] as const) {
    test(`${browser}: a digit drawn by mouse is read; Clear takes a new one; nothing more is fetched`, async ({ openExample, task, skip }) => {
      needs(browser, { task, skip });
      const { page, context } = await openExample("/embed/", { browser });
      await page.waitForLoadState("networkidle");
      if (browser === "chromium") await context.setOffline(true);
      await stroke(page, "canvas", ONE);
      await expect.poll(() => answer(page)).toMatch(/^1 · \d+ %$/);
      await page.getByRole("button", { name: "Clear" }).click();
      await stroke(page, "canvas", SEVEN);
      await expect.poll(() => answer(page)).toMatch(/^7 · /);
    });
  }

  test("what is drawn while the model is on its way is answered when it is there", async ({ openExample }) => {
    const { page, context } = await openExample("/");
    let arrive = () => {};
    const gate = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await context.route("**/*.safetensors", async (route) => {
      await gate;
      await route.continue();
    });
    const asked = page.waitForRequest("**/*.safetensors");
    await page.goto(new URL("/embed/", page.url()).href);
    await asked;
    await page.waitForTimeout(100);
    await stroke(page, "canvas", ONE);
    expect(await answer(page)).toBe("Draw a digit");
    arrive();
    await expect.poll(() => answer(page)).toMatch(/^1 · /);
  });

  test("without its model says which address gave what", async ({ openExample }) => {
    const tab = await openExample("/");
    await tab.context.route("**/*.safetensors", (route) => route.fulfill({ status: 404, body: "" }));
    await tab.page.goto(new URL("/embed/", tab.page.url()).href);
    await expect.poll(() => words(tab.page, "h1")).toMatch(/digits\.run\.safetensors answered 404/);
    tab.taken(/digits.run|404|classify/);
  });

  test("by keyboard, by finger", async ({ openExample }) => {
    const { page } = await openExample("/embed/", { hasTouch: true });
    await page.waitForLoadState("networkidle");
    await page.keyboard.press("Tab");
    for (const key of ["8", "5", "2"]) await page.keyboard.press(key);
    await expect.poll(() => answer(page)).toMatch(/^1 · /);
    await page.getByRole("button", { name: "Clear" }).tap();
    const box = (await page.locator("canvas").boundingBox())!;
    const devTools = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", share: number) =>
      devTools.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: type === "touchEnd" ? [] : [{ x: box.x + box.width / 2, y: box.y + share * box.height }],
      });
    const before = await answer(page);
    await touch("touchStart", 0.2);
    for (let share = 0.25; share <= 0.8; share += 0.05) await touch("touchMove", share);
    await touch("touchEnd", 0.8);
    await expect.poll(() => answer(page)).toMatch(/^1 · /);
    expect(before).toMatch(/^1 · /);
  });

  test("isolated or not, light and dark, on a phone: names, contrast, width", async ({ openExample }) => {
    for (const isolation of ["isolated", "none"] as const) {
      const { page } = await openExample("/embed/", {
        isolation,
        colorScheme: isolation === "none" ? "dark" : "light",
        viewport: { width: 375, height: 700 },
      });
      await page.waitForLoadState("networkidle");
      expect(await overflow(page)).toBe(0);
      expect((await breaches(page)).filter((line) => !/^(?:landmark-one-main|region):/.test(line))).toEqual([]);
    }
  });
});

describe("element", () => {
  test("drawn, or by a sample digit; two looks", async ({ openExample }) => {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openExample("/element/", { colorScheme });
      await page.waitForLoadState("networkidle");
      await stroke(page, "convlet-classifier canvas", ONE);
      await expect.poll(() => words(page, "convlet-classifier #status")).toMatch(/\b1\b/);
      expect(await overflow(page)).toBe(0);
      expect(await breaches(page)).toEqual([]);
    }
  });

  test("moved, taken away, given another model or none: says what it knows, and answers for what is drawn", async ({ openExample }) => {
    const tab = await openExample("/element/");
    const { page } = tab;
    const status = () => words(page, "convlet-classifier #status");
    const change = (act: (element: HTMLElement) => void) => page.locator("convlet-classifier").evaluate(act);
    await page.waitForLoadState("networkidle");
    await change((element) => {
      const model = element.getAttribute("model")!;
      element.setAttribute("model", `${model}?again`);
      element.removeAttribute("model");
      element.dataset.model = model;
    });
    await expect.poll(status).toBe("No model yet.");
    expect(await page.locator("convlet-classifier").getAttribute("aria-busy")).toBeNull();
    await stroke(page, "convlet-classifier canvas", ONE);
    await expect.poll(status).toBe('the attribute "model" is missing');
    await change((element) => element.setAttribute("model", element.dataset.model!));
    await expect.poll(status).toMatch(/^1, /);
    await change((element) => {
      const canvas = element.shadowRoot!.querySelector("canvas")!;
      (element as HTMLElement & { classify(source: unknown): Promise<unknown> }).classify(canvas).catch(() => {});
      document.body.prepend(element);
    });
    await expect.poll(status).toMatch(/^1, /);
    await page.waitForTimeout(300);
    expect(await status()).toMatch(/^1, /);
    tab.taken(/digits\.safetensors\S* net::ERR_ABORTED/);
  });
});

describe("playground: digits", () => {
  const ready = (page: Page) => page.waitForSelector("#playground[data-ready=true]", { timeout: 30_000 });

  test("a sample, a drawing by mouse, a link of it, layers to look into", { timeout: 120_000 }, async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=digits");
    await ready(page);
    await page.getByRole("button", { name: "A real 7" }).click();
    await expect.poll(() => words(page, "#digits-says")).toMatch(/7/);
    await page.locator("#digits-clear").click();
    await stroke(page, "#digits-pad", ONE);
    await expect.poll(() => words(page, "#digits-says")).toMatch(/1/);
    await expect.poll(() => page.url(), { timeout: 10_000 }).toMatch(/ink=/);
    // The address is written at most every 400 ms: this one may hold the beginning of the stroke alone.
    await page.waitForTimeout(1000);
    const other = await openExample(`/playground/${new URL(page.url()).hash}`);
    await ready(other.page);
    await expect.poll(() => words(other.page, "#digits-says")).toMatch(/1/);
    expect(await other.page.locator("#digits-layers > li").count()).toBeGreaterThan(5);
  });

  test("a model and a digit that could not be had are asked for again", { timeout: 120_000 }, async ({ openExample }) => {
    const tab = await openExample("/");
    const { page, context } = tab;
    await context.route("**/*.safetensors", (route) => route.fulfill({ status: 503, body: "" }));
    await page.goto(new URL("/playground/#part=digits", page.url()).href);
    await expect.poll(() => words(page, "#digits-problem")).toMatch(/answered 503/);
    await context.unroute("**/*.safetensors");
    const turnTo = (name: string) => page.getByRole("link", { name }).click();
    await turnTo("O or X");
    await turnTo("Real digits");
    await expect.poll(() => words(page, "#digits-says")).toMatch(/^3, /);
    expect(await page.locator("#digits-problem").isHidden()).toBe(true);
    await context.setOffline(true);
    await page.getByRole("button", { name: "A real 7" }).click();
    await page.locator("#digits-problem").waitFor({ state: "visible" });
    await context.setOffline(false);
    await page.getByRole("button", { name: "A real 8" }).click();
    await expect.poll(() => words(page, "#digits-says")).toMatch(/^8, /);
    expect(await page.locator("#digits-problem").isHidden()).toBe(true);
    tab.taken(/503|digits\.safetensors|ERR_INTERNET_DISCONNECTED/);
  });

  test("a second finger draws nothing", { timeout: 120_000 }, async ({ openExample }) => {
    const { page, context } = await openExample("/playground/#part=digits&ink=", {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 375, height: 800 },
    });
    await ready(page);
    const pad = page.locator("#digits-pad");
    await pad.scrollIntoViewIfNeeded();
    const box = (await pad.boundingBox())!;
    const devTools = await context.newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...points: readonly (readonly [number, number])[]) =>
      devTools.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: points.map(([x, y], id) => ({ id, x: box.x + x * box.width, y: box.y + y * box.height })),
      });
    await touch("touchStart", [0.25, 0.2]);
    await touch("touchMove", [0.25, 0.4]);
    await touch("touchStart", [0.25, 0.4], [0.9, 0.9]);
    for (let step = 1; step <= 5; step++) await touch("touchMove", [0.25, 0.4 + 0.08 * step], [0.9, 0.9 - 0.08 * step]);
    await touch("touchEnd");
    await expect.poll(() => page.url()).toMatch(/ink=/);
    await page.waitForTimeout(600);
    const strokes = new URLSearchParams(new URL(page.url()).hash.slice(1)).get("ink")!.split(".");
    expect(strokes).toHaveLength(1);
    const columns = [...Buffer.from(strokes[0], "base64url")].filter((_, index) => index % 2 === 0);
    expect(Math.max(...columns)).toBeLessThan(80);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`${colorScheme}: names, roles, contrast; nothing hangs out on a phone`, { timeout: 120_000 }, async ({ openExample }) => {
      const { page } = await openExample("/playground/#part=digits", { colorScheme, viewport: { width: 375, height: 800 } });
      await ready(page);
      expect(await overflow(page)).toBe(0);
      expect(await breaches(page)).toEqual([]);
    });
  }
});

describe("playground: your own model", () => {
  test("a file, an example, a broken file: opened, or told why not", { timeout: 120_000 }, async ({ site, open, openExample }) => {
    const maker = await open("/kit.html");
    const bytes = await maker.page.evaluate(() => [...kit.smallModel().toBytes()]);
    expect(site.requests).toContain("/kit.js");
    const { page } = await openExample("/playground/#part=own");
    await page.waitForSelector("#playground[data-ready=true]");
    await page.locator("#own-file").setInputFiles({ name: "letters.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
    await page.locator("#own-open").waitFor({ state: "visible" });
    expect(await page.locator("#own-layers > li").count()).toBeGreaterThan(3);
    await page
      .locator("#own-file")
      .setInputFiles({ name: "broken.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from(bytes.slice(0, 100)) });
    await page.locator("#own-problem").waitFor({ state: "visible" });
    await page.getByRole("button", { name: "Take the digit model" }).click();
    await expect.poll(() => page.locator("#own-problem").isHidden()).toBe(true);
    await stroke(page, "#own-pad", ONE);
    await expect.poll(() => words(page, "#own-says")).toMatch(/1/);
    expect(await breaches(page)).toEqual([]);
  });

  test("a file let fall anywhere is opened, a picture is asked about; in another part it does not replace the page", { timeout: 120_000 }, async ({
    openExample,
  }) => {
    const { page } = await openExample("/playground/#part=own");
    await page.waitForSelector("#playground[data-ready=true]");
    const drop = (address: string, name: string, type: string) =>
      page.evaluate(
        async ([from, fileName, fileType]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([await (await fetch(from)).blob()], fileName, { type: fileType }));
          const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector("h1")!.dispatchEvent(event);
          return event.defaultPrevented;
        },
        [address, name, type],
      );
    expect(await drop("../models/digits.safetensors", "mine.safetensors", "")).toBe(true);
    await expect.poll(() => words(page, "#own-status")).toMatch(/^mine\.safetensors: 7 layers/);
    expect(await drop("../models/digit-7.png", "seven.png", "image/png")).toBe(true);
    await expect.poll(() => words(page, "#own-says")).toMatch(/^7, /);
    await page.getByRole("link", { name: "O or X" }).click();
    expect(await drop("../models/digits.safetensors", "other.safetensors", "")).toBe(true);
    expect(await words(page, "#own-status")).toMatch(/^mine/);
  });

  test("models of any kind: wide, without classes, with one output", { timeout: 120_000 }, async ({ open, openExample }) => {
    const maker = await open("/kit.html");
    const [maps, one] = await maker.page.evaluate(() => {
      const { conv2d, dense, flatten, sequential } = kit.convlet;
      const wide = conv2d({ filters: 1, kernelSize: 3, padding: "same", inputShape: [8, 120, 1] });
      const models = [
        sequential([wide, conv2d({ filters: 2, kernelSize: 1 })]),
        sequential([conv2d({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1] }), flatten(), dense({ units: 1, activation: "sigmoid" })]),
      ];
      return models.map((model) => [...model.toBytes()]);
    });
    const { page } = await openExample("/playground/#part=own");
    await page.waitForSelector("#playground[data-ready=true]");
    const choose = (bytes: number[]) =>
      page.locator("#own-file").setInputFiles({ name: "mine.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
    await choose(maps);
    await page.locator("#own-open").waitFor({ state: "visible" });
    await expect.poll(() => page.getByLabel("Position in the map").inputValue()).toBe(String(4 * 120 + 60));
    expect(await page.locator("#own-layers .caption").allTextContents()).toEqual([
      "1 filter of 3×3. Each walks over the picture and fills one map.",
      "2 filters of 1×1. Each walks over the map before it and fills one map.",
    ]);
    expect(await page.locator("#own-saliency-caption").isVisible()).toBe(false);
    expect((await page.locator("#own-layers .tile").first().boundingBox())!.height).toBeGreaterThanOrEqual(24);
    await choose(one);
    await expect.poll(() => page.locator("#own-layers .caption").last().textContent()).toBe("1 score: the answer.");
    expect(await page.locator("#own-saliency-caption").isVisible()).toBe(true);
  });

  test("long names break, and all bars begin at one place", { timeout: 120_000 }, async ({ open, openExample }) => {
    const maker = await open("/kit.html");
    const bytes = await maker.page.evaluate(() => {
      const { conv2d, dense, flatten, sequential } = kit.convlet;
      const layers = [
        conv2d({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1], name: "a".repeat(70) }),
        flatten(),
        dense({ units: 2, activation: "softmax" }),
      ];
      return [...sequential(layers, { classNames: ["O", "a-long-name-".repeat(6)] }).toBytes()];
    });
    const { page } = await openExample("/playground/#part=own", { viewport: { width: 375, height: 800 } });
    await page.waitForSelector("#playground[data-ready=true]");
    const name = `${"b".repeat(70)}.safetensors`;
    await page.locator("#own-file").setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
    await page.locator("#own-open").waitFor({ state: "visible" });
    await stroke(page, "#own-pad", ONE);
    await expect.poll(() => words(page, "#own-says")).toMatch(/%/);
    expect(await overflow(page)).toBe(0);
    const tracks = await page.locator("#own-answer .track").evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().toJSON()));
    expect(tracks[0].left).toBe(tracks[1].left);
    expect(tracks[0].width).toBeGreaterThan(50);
  });

  test("of two files the one chosen last is shown; those before leave nothing behind", { timeout: 120_000 }, async ({ open, openExample }) => {
    const maker = await open("/kit.html");
    const buffer = Buffer.from(await maker.page.evaluate(() => [...kit.smallModel().toBytes()]));
    const { page } = await openExample("/playground/#part=own");
    await page.waitForSelector("#playground[data-ready=true]");
    await page.evaluate(() => {
      const read = File.prototype.arrayBuffer;
      File.prototype.arrayBuffer = async function () {
        if (this.name === "slow.safetensors") await new Promise((resolve) => setTimeout(resolve, 500));
        return read.call(this);
      };
    });
    const choose = (name: string) => page.locator("#own-file").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
    await choose("slow.safetensors");
    await choose("quick.safetensors");
    await page.waitForTimeout(1000);
    expect(await words(page, "#own-status")).toMatch(/^quick\.safetensors: 4 layers/);

    const devTools = await page.context().newCDPSession(page);
    const nodes = async () => {
      for (let round = 0; round < 3; round++) await devTools.send("HeapProfiler.collectGarbage");
      return (await devTools.send("Memory.getDOMCounters")).nodes;
    };
    const before = await nodes();
    for (let file = 0; file < 10; file++) {
      await choose(`${file}.safetensors`);
      await expect.poll(() => words(page, "#own-status")).toMatch(new RegExp(`^${file}\\.safetensors`));
    }
    await page.waitForTimeout(500);
    expect(await nodes()).toBeLessThan(before + 50);
  });
});

describe("bench", () => {
  for (const isolation of ["isolated", "none"] as const) {
    test(`${isolation}: runs, shows a chart, stops, gives the figures away`, { timeout: 180_000 }, async ({ openExample }) => {
      const { page } = await openExample("/bench/", { isolation });
      expect(await words(page, "#facts")).toMatch(isolation === "isolated" ? /cross-origin isolated|Threads/i : /Threads/i);
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.locator("#results svg, #results canvas, #results .bar").first().waitFor({ timeout: 90_000 });
      await page.getByRole("button", { name: "Stop" }).click();
      await page.locator("#take").waitFor({ state: "visible", timeout: 30_000 });
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download JSON" }).click();
      const { rows } = JSON.parse(readFileSync(await (await download).path(), "utf8"));
      expect(rows.length).toBeGreaterThan(1);
      expect(rows.every((row: { checked: boolean }) => row.checked)).toBe(true);
      expect(await overflow(page)).toBe(0);
      expect(await breaches(page)).toEqual([]);
    });
  }
});

test("the start page leads to all others, by keyboard too", async ({ openExample }) => {
  const { page } = await openExample("/");
  const links = await page.locator("main a").evaluateAll((anchors) => anchors.map((anchor) => new URL((anchor as HTMLAnchorElement).href).pathname));
  expect([...new Set(links)]).toEqual(expect.arrayContaining(["/playground/", "/embed/", "/bench/"]));
  expect(await breaches(page)).toEqual([]);
  for (const path of links) expect([path, (await page.request.get(new URL(path, page.url()).href)).status()]).toEqual([path, 200]);
});
