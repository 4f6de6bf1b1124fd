/** Public entries, src/<name>.ts → dist/: ES modules, CommonJS, files for a script tag, the worker. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { root } from "./install.mjs";

const dist = (path) => join(root, "dist", path);
const source = (name) => join(root, `src/${name}.ts`);

/** `const { a } = await import("./x.ts");`: what is loaded when it is needed. */
const LATER = /\bconst (\{[^}]+\}) = await import\(("\.[^"]+")\);/g;

/** Of the language. */
const TARGET = "es2022";

export async function buildBundles() {
  const esbuild = await import("esbuild");
  const build = async ({ minify, ...options }) => {
    const made = await esbuild.build({ ...options, minifySyntax: minify, write: !minify });
    if (minify) await writeMinified(made.outputFiles, options.format);
    return made;
  };
  const common = {
    bundle: true,
    minify: true,
    target: TARGET,
    sourcemap: true,
    logLevel: "warning",
    // Imports that are no longer used once numbers stand for names go. A field without a value is said in its type alone, as in tsconfig.json.
    tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: false, useDefineForClassFields: false } },
  };
  const esm = { ...common, format: "esm" };
  /** In a file that is no module. */
  const define = { "import.meta.url": "undefined" };
  /** For all else. Node shows the whole line of an error that nobody catches: a minified one is 60 kB. */
  const readable = { ...esm, minify: false };
  const cjs = { ...readable, format: "cjs", define };
  /** For pages: what only Node needs goes. */
  const inPages = { process: "undefined", "globalThis.process": "undefined" };
  const page = { ...esm, define: inPages };
  const script = { ...common, format: "iife", define: { ...define, ...inPages } };
  const all = { kernels: "kernels", records: "records" };
  const inference = { kernels: "inferenceKernels", records: "inferenceRecords" };
  /** A worker is given its kernels compiled. */
  const given = { ...all, kernels: "noKernels" };

  /** All of an entry in one file. */
  const whole = (file, entry, options) =>
    build({ ...options, stdin: ENTRY, outfile: dist(file), plugins: [sources(entry, "last"), ...(options.plugins ?? [])] });
  /** An entry in one file, and what is imported later in files of its own, each whole in itself: test/parts.test.ts says what they may share. */
  const inParts = async (name, form, entry, parts) => {
    const named = parts.map((part) => [`${name}.${basename(part.replace(/\/index$/, ""))}`, source(part)]);
    const options = { ...form, entryPoints: Object.fromEntries(named), outdir: dist(""), entryNames: "[name]-[hash]", metafile: true };
    const { metafile } = await build({ ...options, plugins: [later(new Map()), sources(entry, "none")] });
    const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint !== undefined);
    const files = new Map(made.map(([file, { entryPoint }]) => [resolve(entryPoint), `./${basename(file)}`]));
    await build({ ...form, stdin: ENTRY, outfile: dist(`${name}.js`), plugins: [later(files), sources(entry, "first")] });
  };
  const main = { ...all, source: source("module") };
  const mainParts = ["formats/storage", "image/classify", "machine/plain/index", "machine/threads", "remote/inWorker"];
  const run = { ...inference, source: source("run") };
  const runParts = ["image/classify", "machine/plain/inference"];
  await Promise.all([
    inParts("index", page, main, mainParts),
    inParts("index.node", readable, main, ["formats/files", ...mainParts]),
    inParts("run", page, run, runParts),
    inParts("run.node", readable, run, runParts),
    // Bundlers make one file of a worker, and Vite before version 8 cannot when it imports something later.
    whole("run.whole.js", run, page),
    whole("worker.js", { ...given, source: source("worker") }, { ...esm, define, footer: { js: "export {};" } }),
    whole("cjs/index.js", { ...all, source: source("index") }, cjs),
    whole("cjs/run.js", { ...inference, source: source("run") }, cjs),
    whole("convlet.iife.js", { ...all, source: source("script") }, { ...script, globalName: "convlet" }),
    whole("convlet-run.iife.js", { ...inference, source: source("run") }, { ...script, globalName: "convletRun" }),
    build({ ...readable, plugins: [apart("./index.node.js")], entryPoints: [source("node")], outdir: dist("") }),
    build({ ...cjs, plugins: [apart("./index.js")], entryPoints: [source("node")], outdir: dist("cjs") }),
  ]);
}

/**
 * Writes scripts and their source maps, minified by Oxc: it gives the same names again where they are free, esbuild none that is taken anywhere.
 * After gzip index.js takes 1.7 kB less.
 */
async function writeMinified(files, format) {
  const { minify } = await import("rolldown/utils");
  const textOf = (path) => files.find((file) => file.path === path).text;
  const options = {
    module: format === "esm",
    compress: { target: TARGET },
    mangle: { toplevel: format !== "iife" },
    codegen: { removeWhitespace: true },
  };
  for (const { path } of files.filter((file) => file.path.endsWith(".js"))) {
    const name = basename(path);
    const { code, map, errors } = await minify(name, textOf(path), { ...options, sourcemap: true, inputMap: JSON.parse(textOf(`${path}.map`)) });
    if (errors.length > 0) throw new Error(`bundles: ${name}: ${errors[0].message}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${inQuotes(code)}\n//# sourceMappingURL=${name}.map\n`);
    writeFileSync(`${path}.map`, JSON.stringify(map));
  }
}

/** Files that are asked for by name have it in quotes again: some bundlers look for no other form. */
function inQuotes(code) {
  return code.replace(/\b(import\(|new URL\()`(\.[^`$]+)`/g, '$1"$2"');
}

/** What every file begins as. */
const ENTRY = { contents: 'import "kernels"; export * from "entry";', resolveDir: root };

/** The main entry stays a file of its own beside `convlet/node`: its classes exist once. */
const apart = (main) => ({
  name: "entries stay apart",
  setup({ onResolve }) {
    onResolve({ filter: /\/index\.ts$/ }, () => ({ path: main, external: true }));
  },
});

/** Imports of parts, by their sources, become those of their files in dist/. */
function later(files) {
  return {
    name: "parts of an entry",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const file = files.get(join(resolveDir, path));
        if (file === undefined) throw new Error(`bundles: ${path} is imported later and no part of its entry`);
        return { path: file, external: true };
      });
    },
  };
}

/**
 * Sources as they are bundled. Numbers replace the names of build/records.ts (Write.add), so that the part with plain JavaScript needs none of it.
 * The kernels come "first" in an entry's file, or "last" in a file that holds everything: amid code they would share gzip's blocks with it, and take 2 kB
 * more. To come last they import all else, which imports them: esbuild breaks the cycle there.
 */
function sources(entry, kernels) {
  const numbers = recordNumbers();
  const built = (name) => join(root, `build/${name}.ts`);
  const isWhole = kernels === "last";
  return {
    name: "sources",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^entry$/ }, () => ({ path: entry.source, sideEffects: true }));
      onResolve({ filter: /^kernels$|\/build\/\w*[kK]ernels\.ts$/ }, () => ({ path: built(entry.kernels), sideEffects: true }));
      onResolve({ filter: /\/build\/records\.ts$/ }, () => ({ path: built(entry.records), sideEffects: false }));
      onLoad({ filter: /[/\\]build[/\\]\w*[kK]ernels\.ts$/ }, ({ path }) => {
        return { contents: (isWhole ? 'import "entry";\n' : "") + readFileSync(path, "utf8"), loader: "ts" };
      });
      onLoad({ filter: /[/\\]@assemblyscript[/\\]loader[/\\]index\.js$/ }, ({ path }) => ({ contents: loaderForStub(readFileSync(path, "utf8")) }));
      onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8").replace(/\b[A-Z]\w+\.\w+\b/g, (name) => numbers.get(name) ?? name);
        return { contents: isWhole ? atOnce(text) : text, loader: "ts" };
      });
    },
  };
}

/** Of the loader what a module of the stub runtime needs, which imports nothing and has no strings, arrays or classes: 2.3 kB less. */
function loaderForStub(text) {
  const kept = ["isModule", "instantiateSync"].map((name) => {
    const [found] = text.match(new RegExp(`^(export )?function ${name}\\([^]*?^}$`, "m")) ?? [];
    if (found === undefined) throw new Error(`bundles: the loader has no function ${name}`);
    return found;
  });
  return [...kept, "const preInstantiate = () => ({});", "const postInstantiate = (_, { exports }) => exports;"].join("\n");
}

/** "Write.add" → "1". */
function recordNumbers() {
  const numbers = new Map();
  for (const [, name, members] of readFileSync(join(root, "build/records.ts"), "utf8").matchAll(/^export const (\w+) = \{ (.*) \} as const;$/gm)) {
    for (const [, member, number] of members.matchAll(/(\w+): (\d+)/g)) numbers.set(`${name}.${member}`, number);
  }
  return numbers;
}

/** For a single file: what is imported later is imported as the rest. esbuild would wrap it, and all that it imports, in functions, 2 kB more. */
function atOnce(text) {
  const imports = [];
  const body = text.replace(LATER, (_, names, from) => {
    imports.push(`import ${names} from ${from};\n`);
    return "";
  });
  return body + imports.join("");
}
