/**
 * Kernels → build/<target>.wasm, records → build/records.ts, packed kernels → build/kernels.ts, both for inference alone → build/inference….ts;
 * library → dist/: ES modules with types, CommonJS in dist/cjs, files for a script tag, kernels on their own.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { buildBundles } from "./bundles.mjs";
import { root } from "./install.mjs";
import { packKernels } from "./packKernels.mjs";
import { generateRecords } from "./records.mjs";
import { generateTiles } from "./tiles.mjs";
import { unshared, withNamesOf, withNote } from "./wasmFile.mjs";

const require = createRequire(import.meta.url);

/** Compiled from which configuration, and where the host finds a pair of them packed. */
const KERNELS = [
  { config: "asconfig.json", prefix: "", packed: "kernels" },
  { config: "assembly/inference.json", prefix: "inference-", packed: "inferenceKernels" },
];
const TARGETS = ["strict", "relaxed"];
const UNPACKER = "src/machine/unpackKernels.ts";

/** What the sources import from build/, and all that tests and type checks need. Does nothing when that was made from these very sources. */
export async function buildKernels() {
  const stamp = join(root, "build/kernels.sha256");
  const sources = sourcesHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  rmSync(stamp, { force: true });
  for (const folder of ["build/assembly", "build/compiled", "build/named"]) mkdirSync(join(root, folder), { recursive: true });
  const [records, inference] = ["records", "inference"].map((name) => readFileSync(join(root, `assembly/${name}.ts`), "utf8"));
  writeFileSync(join(root, "build/records.ts"), generateRecords(records));
  writeFileSync(join(root, "build/inferenceRecords.ts"), generateRecords(records, inference));
  writeFileSync(join(root, "build/assembly/tiles.ts"), generateTiles());
  await Promise.all([
    asc("--config", "assembly/unpack.json", "--outFile", "build/unpack.wasm"),
    ...KERNELS.map(({ config, prefix }) => {
      // --debug adds the names of the functions, which scripts/guard.mjs finds them by, and changes nothing else.
      return asc("--config", config, "--target", "relaxed", "--debug", "--outFile", `build/compiled/${prefix}relaxed.wasm`);
    }),
  ]);
  const unpack = readFileSync(join(root, "build/unpack.wasm"));
  const unpacked = await unpacker();
  for (const { prefix, packed } of KERNELS) {
    const named = unshared(readFileSync(join(root, `build/compiled/${prefix}relaxed.wasm`)));
    const text = packKernels({ named, unpack });
    for (const target of TARGETS) {
      const wasm = unpacked(text, target);
      writeFileSync(join(root, `build/${prefix}${target}.wasm`), wasm);
      writeFileSync(join(root, `build/named/${prefix}${target}.wasm`), withNamesOf(named, wasm));
    }
    writeFileSync(join(root, `build/${packed}.ts`), packedKernels(text, version(prefix, sources)));
  }
  writeFileSync(join(root, "build/noKernels.ts"), packedKernels("", version("", sources)));
  writeFileSync(stamp, sources);
}

function packedKernels(text, version) {
  const title = "// Made by scripts/build.mjs: the kernels, packed by scripts/packKernels.mjs.";
  // An object: of a text that is used once the minifier makes no name, and gzip wants it by itself.
  return `${title}\nexport const kernels: { readonly packed: string; readonly version: string } = { packed: "${text}", version: "${version}" };\n`;
}

/** What a kernel file says of itself: host and kernels must come from the same sources. */
function version(prefix, sources) {
  return `${prefix}${sources.slice(0, 12)}`;
}

/** Gives the modules of a packed text as a page makes them. */
async function unpacker() {
  const { transform } = await import("esbuild");
  const { code } = await transform(readFileSync(join(root, UNPACKER), "utf8"), { loader: "ts" });
  const { unpackKernels, unpackingMemory } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return (text, target) => unpackKernels(inflateRawSync(Buffer.from(text, "base64")), target, unpackingMemory());
}

/** Runs the AssemblyScript compiler; rejects when it fails. */
export function asc(...args) {
  return node([join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js"), ...args], "on failure");
}

/** Runs a program of Node; rejects when it fails. asc tells of its optimizer's rounds, which nobody here can act on. */
function node(args, shown = "always") {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        text += data;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      if (text !== "" && (code !== 0 || shown === "always")) console.error(text.trimEnd());
      if (code === 0) resolve();
      else reject(new Error(`${args.slice(0, 4).join(" ")} ended with exit code ${code}`));
    });
  });
}

/** Of everything that decides what the kernels become. */
function sourcesHash() {
  const files = readdirSync(join(root, "assembly"), { recursive: true }).map((name) => join("assembly", name));
  files.push("asconfig.json", "package-lock.json", UNPACKER);
  for (const name of ["build", "deflate", "packKernels", "prefixCodes", "records", "tiles", "wasmFile"]) files.push(`scripts/${name}.mjs`);
  const hash = createHash("sha256");
  for (const file of files.filter((name) => /\.\w+$/.test(name)).sort()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

async function buildLibrary() {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  mkdirSync(join(root, "dist/cjs"), { recursive: true });
  writeFileSync(join(root, "dist/cjs/package.json"), '{ "type": "commonjs" }\n');
  for (const { prefix } of KERNELS) {
    for (const target of TARGETS) {
      const wasm = readFileSync(join(root, `build/${prefix}${target}.wasm`));
      writeFileSync(join(root, `dist/${prefix}${target}.wasm`), withNote(wasm, "convlet", version(prefix, sourcesHash())));
    }
  }
  await Promise.all([buildBundles(), declarations()]);
}

/** dist/types for import, the same in dist/cjs/types for require: what kind a declaration is of follows from the package.json above it. */
async function declarations() {
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const options = ["--declaration", "--emitDeclarationOnly", "--noEmit", "false", "--stripInternal", "--rootDir", ".", "--outDir", "dist/types"];
  await node([tsc, ...options, "-p", "tsconfig.build.json"]);
  const types = join(root, "dist/types");
  for (const name of readdirSync(types, { recursive: true }).filter((path) => path.endsWith(".d.ts"))) {
    const text = readFileSync(join(types, name), "utf8").replace(/((?:from |import\()"\.[^"]+)\.ts"/g, '$1.js"');
    // Models can be disposed of by `using`, which a reader's own settings need not know.
    writeFileSync(join(types, name), text.includes("[Symbol.dispose]") ? `/// <reference lib="esnext.disposable" />\n${text}` : text);
  }
  cpSync(types, join(root, "dist/cjs/types"), { recursive: true });
}

/** Bundles a TypeScript program of ours for the running Node, which cannot read TypeScript before version 22; kernels become bytes. Returns `outfile`. */
export async function bundleForNode(entry, outfile) {
  const { build } = await import("esbuild");
  const target = `node${process.versions.node.split(".")[0]}`;
  const common = { bundle: true, platform: "node", format: "esm", loader: { ".wasm": "binary" }, sourcemap: true, logLevel: "warning" };
  await build({ ...common, target, entryPoints: [join(root, entry)], outfile: join(root, outfile) });
  return outfile;
}

export async function buildAll() {
  await buildKernels();
  await buildLibrary();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--kernels")) await buildKernels();
  else await buildAll();
}
