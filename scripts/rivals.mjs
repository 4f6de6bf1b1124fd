/** `npm run bench:rivals`: installs other engines into bench/node_modules, builds the library, runs bench/rivals on Node 24. Arguments go to it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installMissing, root } from "./install.mjs";
import { runBundle } from "./run.mjs";

const benchFolder = join(root, "bench");
const WANTED_NODE = 24;
/** Beside the packages that it imports, where Node finds them. */
const outdir = "bench/node_modules/.rivals";

/** Command and first arguments of the Node that runs the bench. */
function node() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const installed = join(benchFolder, "node_modules", `node-${platform}-${process.arch}`, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(installed)) return installed;
  if (Number(process.versions.node.split(".")[0]) < WANTED_NODE) {
    console.log(`The registry has no Node ${WANTED_NODE} for this platform: running on Node ${process.versions.node}.`);
  }
  return process.execPath;
}

async function buildRivals() {
  const [{ buildAll }, { buildReference }, { build }] = await Promise.all([import("./build.mjs"), import("./bench.mjs"), import("esbuild")]);
  await buildAll();
  await buildReference();
  await build({
    entryPoints: {
      main: join(benchFolder, "rivals/main.ts"),
      worker: join(benchFolder, "rivals/worker.ts"),
      // Its build for Node leaves the gradients out; the registry that this fills is a global one.
      tfjsGradients: join(benchFolder, "node_modules/@tensorflow/tfjs-core/dist/register_all_gradients.js"),
    },
    outdir: join(root, outdir),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    loader: { ".wasm": "binary" },
    format: "esm",
    platform: "node",
    target: "es2022",
    sourcemap: true,
    logLevel: "warning",
  });
}

installMissing();
installMissing(benchFolder);
await buildRivals();
const program = node();
const version = execFileSync(program, ["-p", "process.versions.node"], { encoding: "utf8" });
process.exit(runBundle(join(outdir, "main.mjs"), { program, version }));
