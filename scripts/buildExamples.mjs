/**
 * `npm run build:examples` → build/examples/: the pages as static files. Every folder of examples/ with an index.html is a page: its files are
 * copied; its main.ts, its workers (worker.ts, *.worker.ts) and elements (convlet-*.ts) become JavaScript beside it. The library is in convlet/, the models in models/.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installMissing, root } from "./install.mjs";

export const site = join(root, "build/examples");
const source = join(root, "examples");

/** Returns the folder of the site. */
export async function buildExamples({ log = console.log } = {}) {
  const { buildAll } = await import("./build.mjs");
  await buildAll();
  const models = await digitModels(log);
  rmSync(site, { recursive: true, force: true });
  await buildPages();
  cpSync(join(root, "dist"), join(site, "convlet"), { recursive: true, filter: (path) => !["types", "cjs"].includes(basename(path)) });
  cpSync(models, join(site, "models"), { recursive: true });
  await writeRunFile(join(site, "models"));
  return site;
}

/** Pages and their scripts alone: quick, for whoever works on them. */
export async function buildPages() {
  const [{ build }, { buildReference }] = await Promise.all([import("esbuild"), import("./bench.mjs")]);
  // The page of the bench shares its suites, which name the reference loops.
  await buildReference();
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory() && isPage(entry.name));
  const files = ["", ...folders.map(({ name }) => name)].flatMap((folder) =>
    readdirSync(join(source, folder), { withFileTypes: true, recursive: folder !== "" })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(source, join(entry.parentPath ?? entry.path, entry.name))),
  );
  mkdirSync(site, { recursive: true });
  for (const file of files.filter((name) => !name.endsWith(".ts"))) {
    mkdirSync(join(site, file, ".."), { recursive: true });
    copyFileSync(join(source, file), join(site, file));
  }
  const common = { bundle: true, target: "es2022", minify: true, sourcemap: true, logLevel: "warning", outbase: source, outdir: site };
  const entries = (isEntry) => files.filter((name) => isEntry(basename(name))).map((name) => join(source, name));
  const scripts = entries((name) => /^(?:main|(?:\w+\.)?worker|convlet-\w+)\.ts$/.test(name));
  await build({ ...common, entryPoints: scripts, format: "esm", external: ["node:*"], loader: { ".wasm": "binary" } });
  // Runs before the first paint, therefore not as a module.
  await build({ ...common, entryPoints: entries((name) => name === "theme.ts"), format: "iife" });
}

function isPage(folder) {
  return existsSync(join(source, folder, "index.html"));
}

/**
 * What decides the models, beside the arithmetic: of that the golden hashes of the weights of seeded trainings say whether it has changed.
 * A folder stands for its files.
 */
const DECIDE = ["examples/embed", "examples/tour", "src/formats", "src/layers", "src/image", "test/golden/reproducible.json", "package-lock.json"];

/** The folder of the models that the pages load: trained once for each state of the sources that decide them. */
async function digitModels(log) {
  const hash = createHash("sha256");
  for (const path of DECIDE.flatMap(filesOf)) hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  const folder = join(root, "build/digits", hash.digest("hex").slice(0, 16));
  if (await isReadable(folder)) return folder;
  rmSync(folder, { recursive: true, force: true });
  log("Training the digit model …");
  const { bundleForNode } = await import("./build.mjs");
  const program = join(root, await bundleForNode("examples/embed/train.ts", "build/trainDigits.mjs"));
  const unfinished = `${folder}.unfinished`;
  mkdirSync(unfinished, { recursive: true });
  const stdio = ["ignore", "pipe", "inherit"];
  const output = execFileSync(process.execPath, ["--enable-source-maps", program, unfinished], { encoding: "utf8", stdio });
  log(output.trimEnd());
  writeFileSync(join(unfinished, "digits.txt"), output);
  renameSync(unfinished, folder);
  return folder;
}

/** The model's program for `convlet/run`, by the compiler of this moment. */
async function writeRunFile(folder) {
  const { exportProgram, load } = await builtLibrary();
  const model = await load(readFileSync(join(folder, "digits.safetensors")));
  writeFileSync(join(folder, "digits.run.safetensors"), exportProgram(model));
  model.dispose();
}

function builtLibrary() {
  return import(pathToFileURL(join(root, "dist/index.node.js")).href);
}

/** Whether the library of this moment reads them. */
async function isReadable(folder) {
  if (!existsSync(folder)) return false;
  const { load } = await builtLibrary();
  try {
    (await load(readFileSync(join(folder, "digits.safetensors")))).dispose();
    return true;
  } catch {
    return false;
  }
}

function filesOf(path) {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  const names = readdirSync(join(root, path), { recursive: true }).filter((name) => name.endsWith(".ts"));
  return names.sort().map((name) => join(path, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installMissing();
  if (process.argv.includes("--pages")) await buildPages();
  else console.log(`The examples are in ${relative(process.cwd(), await buildExamples())}`);
}
