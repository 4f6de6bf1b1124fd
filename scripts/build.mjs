/** Kernels → build/{strict,relaxed}.wasm, records → build/records.ts, inlined kernels → build/kernels.ts; library → dist/. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { root } from "./install.mjs";
import { generateRecords } from "./records.mjs";

const require = createRequire(import.meta.url);

/** What the sources import from build/, and all that tests and type checks need. Does nothing when that was made from these very sources. */
export function buildKernels() {
  const stamp = join(root, "build/kernels.sha256");
  const sources = sourcesHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  rmSync(stamp, { force: true });
  mkdirSync(join(root, "build/named"), { recursive: true });
  writeFileSync(join(root, "build/records.ts"), generateRecords(readFileSync(join(root, "assembly/records.ts"), "utf8")));
  const asc = join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js");
  for (const target of ["strict", "relaxed"]) {
    // --debug adds the names of the functions, which scripts/guard.mjs finds them by, and changes nothing else.
    const options = ["--config", "asconfig.json", "--target", target, "--debug", "--outFile", `build/named/${target}.wasm`];
    // asc tells of its optimizer's rounds, which nobody here can act on; its errors come with the exception.
    execFileSync(process.execPath, [asc, ...options], { cwd: root, stdio: ["ignore", "inherit", "pipe"] });
    writeFileSync(join(root, `build/${target}.wasm`), withoutNames(readFileSync(join(root, `build/named/${target}.wasm`))));
  }
  const inlined = ["strict", "relaxed"].map((target) => {
    const wasm = readFileSync(join(root, `build/${target}.wasm`));
    return `export const ${target} = "${deflateRawSync(wasm, { level: 9 }).toString("base64")}";`;
  });
  const comment = "// Made by scripts/build.mjs: the kernels, deflated, in base64.";
  writeFileSync(join(root, "build/kernels.ts"), [comment, ...inlined, ""].join("\n"));
  writeFileSync(stamp, sources);
}

/** Of everything that decides what the kernels become. */
function sourcesHash() {
  const files = readdirSync(join(root, "assembly"), { recursive: true }).map((name) => join("assembly", name));
  files.push("asconfig.json", "package-lock.json", "scripts/build.mjs", "scripts/records.mjs");
  const hash = createHash("sha256");
  for (const file of files.filter((name) => /\.\w+$/.test(name)).sort()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** A module without its custom sections (id 0). */
export function withoutNames(wasm) {
  const parts = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const start = at++;
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      size |= (wasm[at] & 127) << shift;
      more = wasm[at++] > 127;
    }
    at += size;
    if (wasm[start] !== 0) parts.push(wasm.subarray(start, at));
  }
  return Buffer.concat(parts);
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
