/** The playground, part 1, as a person uses it: mouse, finger, keyboard, a shared link, a downloaded file, a screen reader. */
import { readFile } from "node:fs/promises";
import { devices, type Locator, type Page } from "playwright-core";
import { describe, expect } from "vitest";
import { load } from "../../src/index.ts";
import { breaches, overflow, tabOrder } from "./support/accessibility.ts";
import { test } from "./support/test.ts";

const isReady = (page: Page) => page.waitForSelector("#playground[data-ready=true]");
const pixel = (page: Page, row: number, column: number) => page.getByRole("button", { name: `Row ${row}, column ${column}`, exact: true });
const ink = (page: Page) =>
  page.locator("#ox-grid button").evaluateAll((cells) => cells.map((cell) => (cell.getAttribute("aria-pressed") === "true" ? "#" : ".")).join(""));
/** What is written there, each run of blanks as one. */
const words = async (place: Locator) => ((await place.textContent()) ?? "").replace(/\s+/g, " ").trim();
const toLastStep = (page: Page) => page.getByRole("button", { name: "Last step" }).click();
const steps = async (page: Page) => Number.parseInt((await words(page.locator("#ox-steps"))).replaceAll(",", ""), 10);

describe("drawing", () => {
  test("with the mouse, in one stroke; it answers at once", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    await page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => ink(page)).toBe(".".repeat(36));
    const [start, end] = [await pixel(page, 2, 1).boundingBox(), await pixel(page, 2, 6).boundingBox()];
    await page.mouse.move(start!.x + 5, start!.y + 5);
    await page.mouse.down();
    await page.mouse.move(end!.x + 5, end!.y + 5, { steps: 12 });
    await page.mouse.up();
    await toLastStep(page);
    await expect.poll(() => ink(page)).toBe(`${".".repeat(6)}######${".".repeat(24)}`);
    const answer = await words(page.locator("#ox-answer"));
    await page.locator("#ox-draw-o").click();
    await expect.poll(() => words(page.locator("#ox-answer"))).not.toBe(answer);
  });

  test("with a finger on a phone", async ({ openExample }) => {
    const { defaultBrowserType: _, ...phone } = devices["Pixel 7"];
    const { page } = await openExample("/playground/", phone);
    await isReady(page);
    expect(await overflow(page)).toBe(0);
    await page.locator("#ox-clear").tap();
    await pixel(page, 3, 3).tap();
    await pixel(page, 4, 4).tap();
    await expect.poll(() => ink(page)).toBe(`${".".repeat(14)}#......#${".".repeat(14)}`);
    await pixel(page, 3, 3).tap();
    await expect.poll(() => ink(page)).toBe(`${".".repeat(21)}#${".".repeat(14)}`);
  });

  test("with the keyboard alone: arrows move, Space draws, Shift and an arrow moves the drawing", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    await page.locator("#ox-clear").focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => ink(page)).toBe(".".repeat(36));
    await page.locator("#ox-grid button[tabindex='0']").focus();
    for (let press = 0; press < 6; press++) await page.keyboard.press("ArrowLeft");
    for (let press = 0; press < 6; press++) await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Space");
    await expect.poll(() => ink(page)).toBe(`##${".".repeat(34)}`);
    await page.keyboard.press("Shift+ArrowDown");
    await expect.poll(() => ink(page)).toBe(`......##${".".repeat(28)}`);
    await page.keyboard.press("Shift+ArrowLeft");
    await expect.poll(() => words(page.locator("#ox-draw-status"))).toMatch(/cannot move further/);
    await page.keyboard.press("Shift+ArrowRight");
    await expect.poll(() => words(page.locator("#ox-draw-status"))).toBe("");
  });
});

describe("the walk", () => {
  test("forth, back, to its end, by slider; what it says is the arithmetic it shows", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    const sentence = () => words(page.locator("#ox-sentence"));
    const count = () => words(page.locator("#ox-step-count"));
    const first = await sentence();
    await page.getByRole("button", { name: "Step forward" }).click();
    await expect.poll(count).toMatch(/Step 2 of/);
    expect(await sentence()).not.toBe(first);
    await page.getByRole("button", { name: "Step back" }).click();
    await expect.poll(sentence).toBe(first);
    await page.getByRole("button", { name: "Last step" }).click();
    const last = Number(/of (\d+)/.exec(await count())![1]);
    await expect.poll(count).toMatch(new RegExp(`Step ${last} of`));
    const said = new Set<string>();
    await page.locator("#ox-slider").focus();
    await page.keyboard.press("Home");
    for (let step = 0; step <= last; step++) {
      await expect.poll(() => page.locator("#ox-slider").inputValue()).toBe(String(step));
      said.add(await words(page.locator("#ox-step-title")));
      await page.keyboard.press("ArrowRight");
    }
    expect([...said].length).toBeGreaterThanOrEqual(6);
  });

  test("a filter edited by hand changes the map, and the link brings it back in another tab", async ({ openExample }) => {
    const tab = await openExample("/playground/");
    const { page } = tab;
    await isReady(page);
    await toLastStep(page);
    const map = await words(page.locator("#ox-map"));
    const field = page.locator("#ox-filter input").first();
    await field.fill("3.5");
    await field.press("Enter");
    await expect.poll(() => words(page.locator("#ox-map"))).not.toBe(map);
    const edited = await words(page.locator("#ox-map"));
    await field.fill("1000");
    await field.blur();
    await expect.poll(() => words(page.locator("#ox-draw-status"))).toBe("A weight is a number from −99 to 99.");
    expect(await field.inputValue()).toBe("3.50");
    await page.locator("#ox-pooling-mean").check();
    await page.getByRole("button", { name: "Copy link" }).click();
    const link = new URL(await page.locator("#ox-copied").inputValue());
    expect(link.href).toBe(page.url());
    const other = await openExample(`/playground/${link.hash}`);
    await isReady(other.page);
    expect(await words(other.page.locator("#ox-map"))).toBe(edited);
    expect(await other.page.locator("#ox-pooling-mean").isChecked()).toBe(true);
  });
});

describe("training", () => {
  test("runs, pauses, and makes a detector; the file downloaded and the link both have it", { timeout: 120_000 }, async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await expect.poll(() => steps(page), { timeout: 30_000 }).toBeGreaterThan(5);
    await page.getByRole("button", { name: "Pause training" }).click();
    await expect.poll(() => words(page.locator("#ox-train"))).toBe("Train");
    const paused = await steps(page);
    await page.locator("#ox-speed").selectOption("fast");
    await page.locator("#ox-train").click();
    await expect
      .poll(() => words(page.locator("#ox-train-status")), { timeout: 60_000 })
      .toContain(`Stopped after ${(paused + 600).toLocaleString("en")} steps`);
    expect(await steps(page)).toBe(paused + 600);
    await toLastStep(page);
    expect(await words(page.locator("#ox-row-max .seen"))).toMatch(/10/);

    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download what I trained" }).click();
    const file = await (await download).path();
    const model = await load(new Uint8Array(await readFile(file)));
    const drawn = Float32Array.from(await ink(page), (mark) => Number(mark === "#"));
    const [, x] = (await model.predict(drawn)).data;
    model.dispose();
    expect(x).toBeGreaterThan(0.9);

    await page.getByRole("button", { name: "Copy as code" }).click();
    expect(await page.locator("#ox-copied").inputValue()).toMatch(/from "convlet"[\s\S]*conv2d\(/);

    const answer = await words(page.locator("#ox-answer"));
    await page.getByRole("button", { name: "Copy link" }).click();
    const link = new URL(await page.locator("#ox-copied").inputValue());
    const again = await openExample(`/playground/${link.hash}`);
    await isReady(again.page);
    expect(await words(again.page.locator("#ox-answer"))).toBe(answer);
    expect(await steps(again.page)).toBe(paused + 600);
  });

  test("a page loaded again in the middle of training has the steps so far", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    await page.locator("#ox-speed").selectOption("slow");
    await page.locator("#ox-train").click();
    await expect.poll(() => page.url()).toMatch(/run=[2-9]/);
    await page.reload();
    await isReady(page);
    expect(await steps(page)).toBeGreaterThan(1);
    expect(await words(page.locator("#ox-train"))).toBe("Train");
  });

  test("nobody trains for more steps than a link can repeat", { timeout: 120_000 }, async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=ox&run=19990");
    await isReady(page);
    await page.locator("#ox-speed").selectOption("fast");
    await page.locator("#ox-train").click();
    await expect.poll(() => words(page.locator("#ox-train-status")), { timeout: 30_000 }).toMatch(/Stopped after 20,000 steps/);
    await page.locator("#ox-train-one").click();
    await expect.poll(() => words(page.locator("#ox-train-status"))).toMatch(/20,000 steps are the most/);
    await page.waitForURL(/run=20000/);
    await page.reload();
    await isReady(page);
    expect(await steps(page)).toBe(20_000);
  });

  test("starting over in the middle of training is a start", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    await page.locator("#ox-speed").selectOption("slow");
    await page.locator("#ox-train").click();
    await expect.poll(() => steps(page)).toBeGreaterThan(1);
    await page.locator("#ox-restart").click();
    await expect.poll(() => words(page.locator("#ox-train"))).toBe("Train");
    await expect.poll(() => page.locator(".loss-chart").getAttribute("aria-label")).toMatch(/not trained yet/);
    expect(await steps(page)).toBe(0);
  });

  test("a filter edited while the networks train anew: the link still has what is shown", { timeout: 120_000 }, async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=ox&run=3000&step=17");
    await isReady(page);
    await page.locator("#ox-permute").check();
    const field = page.locator("#ox-filter input").first();
    await field.fill("5");
    await field.blur();
    await expect.poll(() => page.url(), { timeout: 30_000 }).toMatch(/mix=1&run=3000~f5_/);
    await expect.poll(() => words(page.locator("#ox-steps"))).toBe("3,000 steps");
    const other = await openExample(`/playground/${new URL(page.url()).hash}`);
    await isReady(other.page);
    expect(await words(other.page.locator("#ox-map"))).toBe(await words(page.locator("#ox-map")));
  });

  test("an unlucky seed is a dead ReLU, and the page says so; a good one is not", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    expect(await page.locator("#ox-dead").isHidden()).toBe(true);
    await page.getByRole("button", { name: "Unlucky seed" }).click();
    await page.locator("#ox-dead").waitFor({ state: "visible" });
    expect(await words(page.locator("#ox-dead"))).toMatch(/dead ReLU/i);
    await toLastStep(page);
    await expect.poll(() => words(page.locator("#ox-sentence"))).toMatch(/no answer: both have half/);
    expect(await words(page.locator("#ox-row-max .says"))).toBe("undecided");
    await page.getByRole("button", { name: "Good seed" }).click();
    await page.locator("#ox-dead").waitFor({ state: "hidden" });
  });

  test("permuting the pixels takes the lead of the CNN away", { timeout: 120_000 }, async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=ox&run=600");
    await isReady(page);
    const unseen = async () => Number.parseInt(await words(page.locator("#ox-row-max .unseen")), 10);
    const before = await unseen();
    await page.locator("#ox-permute").check();
    await expect.poll(() => page.url(), { timeout: 30_000 }).toMatch(/mix=1/);
    await expect.poll(() => page.locator("#ox-pipeline").getAttribute("class")).toContain("permuted");
    await expect.poll(unseen, { timeout: 30_000 }).toBeLessThan(before);
  });
});

test("Back and Forward go through the parts, each as it was left; a link opens in another tab too", async ({ openExample }) => {
  const { page, context } = await openExample("/playground/");
  await isReady(page);
  await page.locator("#ox-draw-o").click();
  await page.getByRole("link", { name: "Your model" }).click();
  await page.locator("#part-own").waitFor({ state: "visible" });
  expect(await page.title()).toBe("Your own model · See a CNN think · convlet");
  await page.goBack();
  await page.locator("#part-ox").waitFor({ state: "visible" });
  expect(page.url()).toMatch(/#part=ox&draw=00c492300/);
  await page.goForward();
  await page.locator("#part-own").waitFor({ state: "visible" });
  const opened = context.waitForEvent("page");
  await page.getByRole("link", { name: "O or X" }).click({ modifiers: ["ControlOrMeta"] });
  await isReady(await opened);
  expect(await page.locator("#part-own").isVisible()).toBe(true);
});

describe("everybody can use it", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${colorScheme}: names, roles and contrast`, async ({ openExample }) => {
      const { page } = await openExample("/playground/", { colorScheme });
      await isReady(page);
      expect(await breaches(page)).toEqual([]);
    });
  }

  test("Tab reaches the controls in the order of reading, and none twice", async ({ openExample }) => {
    const { page } = await openExample("/playground/");
    await isReady(page);
    const order = await tabOrder(page);
    expect(new Set(order).size).toBe(order.length);
    const place = (id: string) => order.findIndex((name) => name.split(" ")[0].endsWith(`#${id}`));
    const wanted = ["ox-draw-o", "ox-play", "ox-slider", "ox-train", "ox-permute", "ox-download"].map(place);
    expect(wanted, order.join("\n")).not.toContain(-1);
    expect(wanted).toEqual([...wanted].sort((a, b) => a - b));
  });

  for (const width of [320, 375, 768]) {
    test(`nothing hangs out of a window of ${width} pixels`, async ({ openExample }) => {
      const { page } = await openExample("/playground/", { viewport: { width, height: 800 } });
      await isReady(page);
      expect(await overflow(page)).toBe(0);
    });
  }

  test("on a phone what a button has to say is in sight of it", async ({ openExample }) => {
    const { page } = await openExample("/playground/", { viewport: { width: 390, height: 844 } });
    await isReady(page);
    const isInSight = (place: string) =>
      page.locator(place).evaluate((element) => {
        const { top, bottom, height } = element.getBoundingClientRect();
        return height > 0 && top >= 0 && bottom <= innerHeight;
      });
    const right = (place: string) => page.locator(place).evaluate((element) => element.getBoundingClientRect().right);
    expect(await right("#ox-nudge")).toBeLessThanOrEqual(await right("#ox-pipeline"));
    for (let press = 0; press < 3; press++) await page.getByRole("button", { name: "Move up" }).click();
    await expect.poll(() => words(page.locator("#ox-draw-status"))).toMatch(/cannot move further/);
    expect(await isInSight("#ox-draw-status")).toBe(true);
    await page.getByRole("button", { name: "Copy as code" }).click();
    await expect.poll(() => words(page.locator("#ox-take-status"))).toMatch(/the code|the text/i);
    expect(await isInSight("#ox-take-status")).toBe(true);
  });

  test("on the smallest phone nothing hangs out of its card, and the answers everywhere are in sight", async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=ox&run=400", { viewport: { width: 320, height: 568 } });
    await isReady(page);
    const outside = await page
      .locator(".card *:not(.hidden, .compare *)")
      .evaluateAll((elements) =>
        elements
          .filter((element) => element.getBoundingClientRect().right > element.closest(".card")!.getBoundingClientRect().right)
          .map((element) => element.outerHTML.slice(0, 80)),
      );
    expect(outside).toEqual([]);
    const [needed, given] = await page.locator(".compare").evaluate((table) => [table.scrollWidth, table.parentElement!.clientWidth]);
    expect(needed).toBeLessThanOrEqual(given);
  });

  for (const [width, height] of [
    [390, 844],
    [320, 568],
  ]) {
    test(`${width}x${height}: what Tab comes to is not under the bar at the foot of the window`, async ({ openExample }) => {
      const { page } = await openExample("/playground/", { viewport: { width, height } });
      await isReady(page);
      const covered: string[] = [];
      for (let press = 0; press < 38; press++) {
        await page.keyboard.press("Tab");
        const name = await page.evaluate(() => {
          const element = document.activeElement!;
          const { left, top, width, height } = element.getBoundingClientRect();
          return element.contains(document.elementFromPoint(left + width / 2, top + height / 2)) ? "" : element.outerHTML.slice(0, 80);
        });
        if (name) covered.push(name);
      }
      expect(covered).toEqual([]);
    });
  }

  test("on a phone the answers at all 36 places of a dot are in sight", async ({ openExample }) => {
    const { page } = await openExample("/playground/#part=ox&draw=000008000", { viewport: { width: 375, height: 800 }, isMobile: true });
    await isReady(page);
    const [needed, given] = await page.locator(".compare").evaluate((table) => [table.scrollWidth, table.parentElement!.clientWidth]);
    expect(needed).toBeLessThanOrEqual(given);
  });

  test("in colours of the system's own: what is drawn, and which part is open, is seen", async ({ openExample }) => {
    const { page } = await openExample("/playground/", { forcedColors: "active" });
    await isReady(page);
    const style = (place: Locator, name: "backgroundColor" | "textDecorationLine") =>
      place.first().evaluate((element, property) => getComputedStyle(element)[property], name);
    const pixels = page.locator("#ox-grid button");
    expect(await style(pixels.and(page.locator("[aria-pressed=true]")), "backgroundColor")).not.toBe(
      await style(pixels.and(page.locator("[aria-pressed=false]")), "backgroundColor"),
    );
    expect(await style(page.locator(".parts [aria-current]"), "textDecorationLine")).toBe("underline");
  });

  test("the share of an answer has room for its longest text", async ({ openExample }) => {
    const { page } = await openExample("/playground/", { viewport: { width: 1280, height: 800 } });
    await isReady(page);
    const answer = page.locator(".answer-bar").first();
    const [needed, given] = await answer.evaluate((bar) => {
      const share = bar.lastElementChild!;
      share.textContent = "99.9\u00a0%";
      return [share.scrollWidth, share.clientWidth];
    });
    expect(needed).toBeLessThanOrEqual(given);
  });
});
