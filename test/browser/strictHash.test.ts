/** The weights after seeded trainings are the same bits in browsers as in Node (test/reproducible.test.ts). */
import { readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { bundle } from "./support/bundle.ts";
import { modulePage } from "./support/site.ts";
import { needs, test } from "./support/test.ts";

const recorded = JSON.parse(readFileSync(new URL("../golden/reproducible.json", import.meta.url), "utf8"));

const code = `import { reproducibleHashes } from "./test/support/reproducibleTraining.ts";
globalThis.hashes = reproducibleHashes().catch((reason) => String(reason.stack));`;

declare global {
  var hashes: Promise<unknown>;
}

describe("SHA-256 of the weights after seeded trainings, in a page", () => {
  for (const browser of ["chromium", "firefox"] as const) {
    test(browser, { timeout: 120_000 }, async ({ site, open, task, skip }) => {
      needs(browser, { task, skip });
      site.answers["/trainings.js"] = { body: await bundle(code) };
      site.answers["/trainings.html"] = modulePage("/trainings.js");
      const { page } = await open("/trainings.html", { browser });
      expect(await page.evaluate(() => globalThis.hashes)).toEqual(recorded);
    });
  }
});
