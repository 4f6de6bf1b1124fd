/** A fresh project that has installed the packed library, and the program that it runs everywhere. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** Below the repository's root, which the tests' site shows. */
export const address = "/build/project";
export const folder = join(root, "build/project");
const tools = join(root, "test/packages/node_modules/.bin");

/** Where a page finds the files of the library. */
export const dist = `${address}/node_modules/convlet/dist`;

export interface Result {
  readonly loss: number;
  readonly predicted: readonly number[];
  readonly ran: readonly number[] | null;
}

// biome-ignore lint/suspicious/noExplicitAny: what a page imports by address has no types here.
export type Loose = any;

/** A page of the project; `script` is its script element. */
export const html = (script: string) => `<!doctype html><html lang="en"><title>fresh</title><link rel="icon" href="data:,">${script}</html>`;

/** A module that leaves its result in the page. Imports are by name, for bundlers, or by address. */
export const main = (library: string, runLibrary: string, options = "{}") => `import * as convlet from "${library}";
import { load } from "${runLibrary}";
import { check } from "./check.js";
globalThis.result = check(convlet, load, ${options});
`;

/** One step of training and a prediction, on strict numerics: the same bits wherever it runs. */
export const program = `export async function check({ sequential, input, conv2d, maxPooling2d, flatten, dense, sgd, exportProgram }, runLoad, options = {}) {
  const layers = [input({ shape: [8, 8, 1] }), conv2d({ filters: 4, kernelSize: 3, activation: "relu" }), maxPooling2d(), flatten(), dense({ units: 2, activation: "softmax" })];
  const model = sequential(layers, { seed: 1, numerics: "strict", ...options });
  model.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: "sparseCategoricalCrossentropy" });
  const x = Float32Array.from({ length: 4 * 64 }, (_, i) => ((i * 37) % 11) / 11);
  const { loss } = await model.trainOnBatch(x, Float32Array.of(0, 1, 1, 0));
  const predicted = [...(await model.predict(x)).data];
  let ran = null;
  if (runLoad) {
    const exported = await runLoad(exportProgram(model), { numerics: "strict", ...options });
    ran = [...(await exported.predict(x)).data];
    exported.dispose();
  }
  model.dispose();
  return { loss, predicted, ran };
}
`;

/** What Node gives in a fresh project, on WebAssembly and in plain JavaScript. */
export function resultsOfNode(): { readonly wasm: Result; readonly plain: Result } {
  freshProject();
  const program = (options: string) =>
    `${main("convlet", "convlet/run", options).replace("globalThis.result =", "const result = await")}console.log(JSON.stringify(result));\n`;
  write("node.js", program("{}"));
  write("plain.js", program('{ machine: "plain" }'));
  return { wasm: told("node", "node.js") as Result, plain: told("node", "plain.js") as Result };
}

/** Packs and installs into a new folder. */
export function freshProject(): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const npm = (...args: string[]) => execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, encoding: "utf8" });
  const [{ filename }] = JSON.parse(npm("pack", root, "--json", "--ignore-scripts"));
  write("package.json", JSON.stringify({ name: "fresh", private: true, type: "module" }));
  npm("install", `./${filename}`, "--offline", "--ignore-scripts");
  write("check.js", program);
}

export function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a tool of test/packages, or "node", in the project. */
export function run(tool: string, ...args: string[]): Ran {
  const command = tool === "node" ? process.execPath : join(tools, tool);
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" },
  });
  return { status, output: stdout + stderr };
}

/** The last line of a program's output as JSON. */
export function told(tool: string, ...args: string[]): unknown {
  const { status, output } = run(tool, ...args);
  if (status !== 0) throw new Error(`${tool} ${args.join(" ")} ended with ${status}:\n${output}`);
  return JSON.parse(output.trimEnd().split("\n").at(-1)!);
}

/** Vite's development server for the project, and how to end it. */
export async function developmentServer(): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const child = spawn(join(tools, "vite"), ["--host", "127.0.0.1", "--port", "0"], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" },
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const origin = await new Promise<string>((resolve, reject) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part) => {
        text += part;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
        if (found) resolve(found[0]);
      });
    }
    void ended.then(() => reject(new Error(`vite ended at once:\n${text}`)));
  });
  const close = async () => {
    child.kill();
    await ended;
  };
  return { origin, close };
}
