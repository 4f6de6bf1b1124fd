/** Kernels → build/{strict,relaxed}.wasm, records → build/records.ts, inlined kernels → build/kernels.ts; library → dist/. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { root } from "./install.mjs";
import { generateRecords } from "./records.mjs";

const require = createRequire(import.meta.url);

/** What the sources import from build/: fast, and all that tests and type checks need. */
export function buildKernels() {
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(join(root, "build/records.ts"), generateRecords(readFileSync(join(root, "assembly/records.ts"), "utf8")));
  const asc = join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js");
  for (const target of ["strict", "relaxed"]) {
    execFileSync(process.execPath, [asc, "--config", "asconfig.json", "--target", target], { cwd: root, stdio: "inherit" });
  }
  const inlined = ["strict", "relaxed"].map((target) => {
    const wasm = readFileSync(join(root, `build/${target}.wasm`));
    return `export const ${target} = "${deflateRawSync(wasm, { level: 9 }).toString("base64")}";`;
  });
  const comment = "// Made by scripts/build.mjs: the kernels, deflated, in base64.";
  writeFileSync(join(root, "build/kernels.ts"), [comment, ...inlined, ""].join("\n"));
}

async function buildLibrary() {
  const { build } = await import("esbuild");
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const common = { bundle: true, format: "esm", target: "es2022", sourcemap: true, outdir: join(root, "dist"), logLevel: "warning", splitting: true };
  await build({ ...common, entryPoints: [join(root, "src/index.ts")], external: ["node:*"] });
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const types = [
    "--declaration",
    "--emitDeclarationOnly",
    "--noEmit",
    "false",
    "--rootDir",
    ".",
    "--outDir",
    "dist/types",
    "-p",
    "tsconfig.build.json",
  ];
  execFileSync(process.execPath, [tsc, ...types], { cwd: root, stdio: "inherit" });
}

/** Bundles a TypeScript program of ours for the running Node, which cannot read TypeScript before version 22. Returns `outfile`. */
export async function bundleForNode(entry, outfile) {
  const { build } = await import("esbuild");
  const target = `node${process.versions.node.split(".")[0]}`;
  const common = { bundle: true, platform: "node", format: "esm", sourcemap: true, logLevel: "warning" };
  await build({ ...common, target, entryPoints: [join(root, entry)], outfile: join(root, outfile) });
  return outfile;
}

export async function buildAll() {
  buildKernels();
  await buildLibrary();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--kernels")) buildKernels();
  else await buildAll();
}
