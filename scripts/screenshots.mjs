/**
 * `npm run screenshots`: builds the example pages and takes the README's picture of each, in the Chromium found on this machine
 * (CONVLET_CHROMIUM names another): docs/screenshots/*.png, 1280 pixels wide, in light colours; the bench page after a quick run.
 */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { installMissing, root } from "./install.mjs";
import { serveFolder } from "./serve.mjs";

const SIZE = { width: 1280, height: 800 };
const MOST_BYTES = 150_000;
/** A digit, in parts of the paper. */
const TWO = [
  [0.28, 0.3],
  [0.38, 0.2],
  [0.55, 0.18],
  [0.68, 0.28],
  [0.66, 0.44],
  [0.5, 0.6],
  [0.28, 0.8],
  [0.72, 0.8],
];

/** By page: what a visitor does before the picture. */
const PAGES = {
  playground: async (page) => {
    const train = page.locator("#ox-train");
    await train.click();
    await train.getByText("Pause training").waitFor();
    await train.getByText("Train", { exact: true }).waitFor({ timeout: 120_000 });
    await page.getByRole("button", { name: "Last step" }).first().click();
    await page.locator("#ox-card").evaluate((card) => window.scrollTo(0, card.getBoundingClientRect().top + window.scrollY - 20));
  },
  embed: drawTwo,
  element: drawTwo,
  bench: async (page) => {
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText(/^Done\./).waitFor({ timeout: 300_000 });
    await page.locator("#verdict").evaluate((verdict) => window.scrollTo(0, verdict.getBoundingClientRect().top + window.scrollY - 30));
  },
};

async function drawTwo(page) {
  const paper = await page.locator("canvas").boundingBox();
  const at = ([x, y]) => [paper.x + x * paper.width, paper.y + y * paper.height];
  await page.mouse.move(...at(TWO[0]));
  await page.mouse.down();
  for (const point of TWO.slice(1)) await page.mouse.move(...at(point), { steps: 8 });
  await page.mouse.up();
  await page.getByText("100 %").first().waitFor();
  await page.mouse.move(0, 0);
}

async function take(wanted) {
  const { chromium } = await import("playwright-core");
  const { buildExamples } = await import("./buildExamples.mjs");
  const { server, url } = await serveFolder(await buildExamples(), { port: 0 });
  const executablePath = process.env.CONVLET_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const folder = join(root, "docs/screenshots");
  mkdirSync(folder, { recursive: true });
  for (const name of wanted) {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
    await page.goto(`${url}${name}/`, { waitUntil: "networkidle" });
    await PAGES[name](page);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    await page.close();
    const { size } = statSync(path);
    console.log(`docs/screenshots/${name}.png  ${(size / 1000).toFixed(0)} kB`);
    if (size > MOST_BYTES) throw new RangeError(`${name}.png has more than ${MOST_BYTES / 1000} kB`);
  }
  await browser.close();
  server.closeAllConnections();
  server.close();
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(PAGES, name));
if (unknown !== undefined) throw new RangeError(`no page "${unknown}"; pages: ${Object.keys(PAGES).join(", ")}`);
installMissing();
await take(names.length > 0 ? names : Object.keys(PAGES));
