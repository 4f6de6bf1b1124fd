/** The same seed gives the same bits: today, tomorrow, on every engine. */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { reproducibleHashes } from "./support/reproducibleTraining.ts";

const recorded = new URL("golden/reproducible.json", import.meta.url);
/** Made by `node scripts/hash.mjs --record`, again only after a change of kernels that is meant to change bits. */
const expected = existsSync(recorded) ? JSON.parse(readFileSync(recorded, "utf8")) : "recorded hashes: run node scripts/hash.mjs --record";

const script = fileURLToPath(new URL("../scripts/hash.mjs", import.meta.url));
const quietly: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 240_000 };

describe("SHA-256 of the weights after seeded trainings", () => {
  test("is the recorded one, again and again", async () => {
    expect(await reproducibleHashes()).toEqual(expected);
    expect(await reproducibleHashes()).toEqual(expected);
  });

  test("bundled, on this Node", () => {
    expect(JSON.parse(execFileSync(process.execPath, [script], quietly))).toEqual(expected);
  });

  test("bundled, on Node 24", { timeout: 500_000 }, ({ skip }) => {
    try {
      expect(execFileSync("npx", ["--yes", "--package", "node@24", "node", "--version"], quietly)).toMatch(/^v24\./m);
    } catch (reason) {
      console.warn(`not tested on Node 24: npx cannot get it (${(reason as Error).message.split("\n")[0]})`);
      skip();
    }
    expect(JSON.parse(execFileSync(process.execPath, [script, "--node", "24"], quietly))).toEqual(expected);
  });
});
