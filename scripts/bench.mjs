/** `npm run bench`: installs what is missing, builds kernels and reference loops, bundles bench/main.ts, runs it. Arguments go to it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installMissing, root } from "./install.mjs";

const outfile = join(root, "build/bench.mjs");

/** bench/assembly → build/reference-{strict,relaxed}.wasm, where those are not newer. */
export function buildReference() {
  const sources = ["asconfig.json", ...readdirSync(join(root, "bench/assembly")).map((name) => join("assembly", name))];
  const newest = Math.max(...sources.map((name) => statSync(join(root, "bench", name)).mtimeMs));
  const made = ["strict", "relaxed"].map((target) => join(root, `build/reference-${target}.wasm`));
  if (made.every((path) => existsSync(path) && statSync(path).mtimeMs > newest)) return;
  const asc = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin/asc.js");
  for (const target of ["strict", "relaxed"]) {
    execFileSync(process.execPath, [asc, "--config", "bench/asconfig.json", "--target", target], { cwd: root, stdio: "inherit" });
  }
}

export async function buildBench() {
  const [{ buildKernels }, { build }] = await Promise.all([import("./build.mjs"), import("esbuild")]);
  await buildKernels();
  buildReference();
  const common = { bundle: true, format: "esm", platform: "node", target: "es2022", sourcemap: true, logLevel: "warning" };
  await build({ ...common, entryPoints: [join(root, "bench/main.ts")], outfile, loader: { ".wasm": "binary" } });
}

/** Returns the exit code. */
export function runBench(args) {
  // Node 20 has relaxed SIMD behind a flag; later engines have it as it is.
  const flags = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
  return spawnSync(process.execPath, [...flags, "--enable-source-maps", outfile, ...args], { cwd: root, stdio: "inherit" }).status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installMissing();
  await buildBench();
  process.exit(runBench(process.argv.slice(2)));
}
