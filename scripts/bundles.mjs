/** Public entries, src/<name>.ts → dist/: ES modules, CommonJS, files for a script tag, the worker. */
import { readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { root } from "./install.mjs";

const dist = (path) => join(root, "dist", path);
const source = (name) => join(root, `src/${name}.ts`);

/** `import("./x.ts")`: what is loaded when it is needed. */
const LATER = /\bimport\(("\.[^"]+")\)/g;

export async function buildBundles() {
  const { build } = await import("esbuild");
  const common = {
    bundle: true,
    minify: true,
    target: "es2022",
    sourcemap: true,
    logLevel: "warning",
    logOverride: { "ignored-bare-import": "silent" },
    // Imports that are no longer used once numbers stand for names go. A field without a value is said in its type alone, as in tsconfig.json.
    tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: false, useDefineForClassFields: false } },
  };
  /** Of a file that is no module. */
  const define = { "import.meta.url": "undefined" };
  const esm = { ...common, format: "esm", outdir: dist("") };
  const cjs = { ...common, format: "cjs", outdir: dist("cjs"), define };
  const script = { ...common, format: "iife", define };
  const [index, run] = [
    { path: source("index"), kernels: "kernels" },
    { path: source("run"), kernels: "inferenceKernels" },
  ];
  /** An entry that is one file, and what is imported later a file of its own, whole in itself: test/parts.test.ts says what it may share. */
  const inParts = async (name, entry, parts) => {
    const named = parts.map((part) => [`${name}.${basename(part.replace(/\/index$/, ""))}`, source(part)]);
    const options = { ...esm, entryPoints: Object.fromEntries(named), entryNames: "[name]-[hash]", metafile: true };
    const { metafile } = await build({ ...options, plugins: [sources(entry), later(new Map())] });
    const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint !== undefined);
    const files = new Map(made.map(([file, { entryPoint }]) => [resolve(entryPoint), `./${basename(file)}`]));
    await build({ ...esm, plugins: [sources(entry), later(files)], entryPoints: { [name]: entry.path } });
  };
  await Promise.all([
    inParts("index", { ...index, path: source("module") }, [
      "formats/files",
      "formats/storage",
      "machine/plain/index",
      "machine/threads",
      "remote/inWorker",
    ]),
    inParts("run", run, ["image/classify", "machine/plain/inference"]),
    build({ ...esm, plugins: [apart], entryPoints: [source("node")] }),
    // Whole in one file: bundlers make one of a worker, and Vite before version 8 cannot when it imports something later.
    build({ ...esm, plugins: [sources(run, atOnce)], entryPoints: { "run.whole": run.path } }),
    build({ ...esm, define, plugins: [withoutKernels, sources(index, atOnce)], entryPoints: [source("worker")], footer: { js: "export {};" } }),
    build({ ...cjs, plugins: [apart, sources(index, atOnce)], entryPoints: [index.path, source("node")] }),
    build({ ...cjs, plugins: [sources(run, atOnce)], entryPoints: [run.path] }),
    build({
      ...script,
      globalName: "convlet",
      plugins: [sources({ ...index, path: source("script") }, atOnce)],
      entryPoints: [source("script")],
      outfile: dist("convlet.iife.js"),
    }),
    build({ ...script, globalName: "convletRun", plugins: [sources(run, atOnce)], entryPoints: [run.path], outfile: dist("convlet-run.iife.js") }),
  ]);
}

/** The main entry stays a file of its own beside `convlet/node`: its classes exist once. */
const apart = {
  name: "entries stay apart",
  setup({ onResolve }) {
    onResolve({ filter: /\/index\.ts$/ }, ({ importer }) => (importer === source("node") ? { path: "./index.js", external: true } : undefined));
  },
};

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

/** To a worker the page gives its kernels compiled. */
const withoutKernels = {
  name: "without kernels",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]build[/\\]kernels\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8").replace(/(packed: string =) ".*"/, '$1 ""');
      return { contents, loader: "ts" };
    });
  },
};

/**
 * Sources as they are bundled. The numbers of build/records.ts stand for their names: plain JavaScript then needs nothing of what the rest needs.
 * The kernels come first in the entry's file, in a single file last: gzip then gives most of their text blocks of its own, 2 kB less than amid code.
 */
function sources(entry, changed = (text) => text) {
  const numbers = recordNumbers();
  const records = recordsOf[entry.kernels];
  return {
    name: "sources",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^kernels first$/ }, () => ({ path: join(root, `build/${entry.kernels}.ts`), sideEffects: true }));
      onResolve({ filter: /^before kernels: / }, ({ path }) => ({ path: path.slice("before kernels: ".length), sideEffects: true }));
      if (changed === atOnce)
        onLoad({ filter: /[/\\]build[/\\]\w*[kK]ernels\.ts$/ }, ({ path }) => ({ contents: kernelsLast(path, entry), loader: "ts" }));
      onLoad({ filter: /[/\\]@assemblyscript[/\\]loader[/\\]index\.js$/ }, ({ path }) => ({ contents: loaderForStub(readFileSync(path, "utf8")) }));
      onLoad({ filter: /[/\\]build[/\\]records\.ts$/ }, ({ path }) => ({ contents: records(readFileSync(path, "utf8")), loader: "ts" }));
      onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8").replace(/\b[A-Z]\w+\.\w+\b/g, (name) => numbers.get(name) ?? name);
        return { contents: (path === entry.path ? 'import "kernels first";\n' : "") + changed(text, path), loader: "ts" };
      });
    },
  };
}

/** Kernels that are imported first import in their turn all that the entry imports, and so come behind it. */
function kernelsLast(kernels, entry) {
  const targets = [...readFileSync(entry.path, "utf8").matchAll(/\bfrom "(\..+)"/g)].map(([, from]) => join(dirname(entry.path), from));
  const imports = targets.map((target) => `import ${JSON.stringify(`before kernels: ${target}`)};\n`);
  return imports.join("") + readFileSync(kernels, "utf8");
}

/** The loader without strings, arrays and classes in managed memory, of which a module of the stub runtime has none: 2 kB less. */
function loaderForStub(text) {
  const extend = /^function postInstantiate\([\s\S]*?^}$/m;
  if (!extend.test(text)) throw new Error("bundles: the loader has no function postInstantiate");
  return text.replace(extend, "function postInstantiate(extended, { exports }) {\n  return exports;\n}");
}

/** The records of the kernels that an entry has: what trains is none of convlet/run's, 0.5 kB less. */
const recordsOf = {
  kernels: (text) => text,
  inferenceKernels(text) {
    const inference = readFileSync(join(root, "assembly/inference.ts"), "utf8");
    const known = new Set([...inference.matchAll(/\bcase Kernel\.(\w+):/g)].map(([, kernel]) => kernel));
    const kept = (part, kernel) => (known.has(kernel) ? part : "");
    const numbered = text.replace(/(?<=export const Kernel = \{).*(?=\})/, (members) => members.replace(/ (\w+): \d+,?/g, kept));
    return numbered.replace(/^ {2}(\w+): \[\[.*\]\],\n/gm, kept);
  },
};

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
  const body = text.replace(LATER, (_, from) => {
    imports.push(`import * as later${imports.length} from ${from};\n`);
    return `later${imports.length - 1}`;
  });
  return body + imports.join("");
}
