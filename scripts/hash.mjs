/**
 * SHA-256 of the weights after seeded trainings (test/support/reproducibleTraining.ts), on this Node and on others.
 * `node scripts/hash.mjs` prints them; `--record` also writes test/golden/reproducible.json; `--node 24` runs that version through npx.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./install.mjs";

/** Bundles the trainings and runs them with the Node of `command`. Throws with its output when it fails. */
async function hashesOf(command) {
  const folder = mkdtempSync(join(tmpdir(), "convlet-hash-"));
  try {
    const outfile = join(folder, "trainings.mjs");
    const contents =
      'import { reproducibleHashes } from "./test/support/reproducibleTraining.ts"; console.log(JSON.stringify(await reproducibleHashes()));';
    const stdin = { contents, resolveDir: root };
    await build({ stdin, bundle: true, format: "esm", platform: "node", target: "es2022", outfile, logLevel: "warning" });
    const [program, ...words] = command;
    const output = execFileSync(program, [...words, outfile], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 240_000 });
    return JSON.parse(output.trim().split("\n").at(-1));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const at = process.argv.indexOf("--node");
const command = at < 0 ? [process.execPath] : ["npx", "--yes", "--package", `node@${process.argv[at + 1]}`, "node"];
const text = JSON.stringify(await hashesOf(command), null, 2);
console.log(text);
if (process.argv.includes("--record")) writeFileSync(join(root, "test/golden/reproducible.json"), `${text}\n`);
