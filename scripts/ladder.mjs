/** `npm run bench:ladder`: builds the product's kernels and the ladder's, bundles bench/ladder/main.ts, runs it. Arguments go to it. */
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { installMissing, root } from "./install.mjs";

installMissing();
const [{ buildKernels }, { build }] = await Promise.all([import("./build.mjs"), import("esbuild")]);
await buildKernels();
const asc = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin/asc.js");
for (const target of ["strict", "relaxed"]) {
  execFileSync(process.execPath, [asc, "--config", "bench/ladder/asconfig.json", "--target", target], { cwd: root, stdio: "inherit" });
}
const outfile = join(root, "build/ladder.mjs");
const common = { bundle: true, format: "esm", platform: "node", target: "es2022", sourcemap: true, logLevel: "warning" };
await build({ ...common, entryPoints: [join(root, "bench/ladder/main.ts")], outfile, loader: { ".wasm": "binary" } });
// Node 20 has relaxed SIMD behind a flag; later engines have it as it is.
const flags = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
const args = [...flags, "--enable-source-maps", outfile, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1);
