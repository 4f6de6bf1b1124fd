/** `npm run bench`: installs what is missing, builds kernels and reference loops, bundles bench/main.ts, runs it. Arguments go to it. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installMissing, root } from "./install.mjs";
import { runBundle } from "./run.mjs";

/** bench/assembly → build/reference-{strict,relaxed}.wasm, where those are not newer. */
export async function buildReference() {
  const sources = ["asconfig.json", ...readdirSync(join(root, "bench/assembly")).map((name) => join("assembly", name))];
  const newest = Math.max(...sources.map((name) => statSync(join(root, "bench", name)).mtimeMs));
  const made = ["strict", "relaxed"].map((target) => join(root, `build/reference-${target}.wasm`));
  if (made.every((path) => existsSync(path) && statSync(path).mtimeMs > newest)) return;
  const { asc } = await import("./build.mjs");
  await Promise.all(["strict", "relaxed"].map((target) => asc("--config", "bench/asconfig.json", "--target", target)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installMissing();
  const { buildKernels, bundleForNode } = await import("./build.mjs");
  await buildKernels();
  await buildReference();
  process.exit(runBundle(await bundleForNode("bench/main.ts", "build/bench.mjs")));
}
