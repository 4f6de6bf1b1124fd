/** src/worker.ts → dist/worker.js, and the same as a text in build/workerCode.ts for pages that cannot load that file. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

/** Kernels come compiled from the page. */
const withoutKernels = {
  name: "without kernels",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]build[/\\]kernels\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8").replace(/(packed: string =) ".*"/, '$1 ""');
      return { contents, loader: "ts" };
    });
  },
};

/** One file without imports, as a classic script or a module. */
export async function buildWorkerCode() {
  const { build } = await import("esbuild");
  // What runs from a Blob has no address.
  const define = { "import.meta.url": "undefined" };
  const common = { bundle: true, format: "iife", target: "es2022", minify: true, define, plugins: [withoutKernels], logLevel: "warning" };
  const { outputFiles } = await build({ ...common, entryPoints: [join(root, "src/worker.ts")], write: false });
  const code = outputFiles[0].text;
  const comment = "// Made by scripts/workerCode.mjs: the program of a worker, for a Blob.";
  writeFileSync(join(root, "build/workerCode.ts"), `${comment}\nexport const code: string = ${JSON.stringify(code)};\n`);
  return code;
}
