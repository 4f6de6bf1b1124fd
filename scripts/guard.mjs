/**
 * `npm run guard`: reads the machine code that V8 makes of the hot functions and fails where a vector is spilled to the stack in
 * an innermost loop, or where a function or its loop is not found. Node 20 and 24 schedule and allocate differently: both are asked.
 *
 * scripts/hotFunctions.json is the list. `known` holds what still spills, [stores, loads] by Node and build: an upper bound that is
 * only ever lowered. `--only TEXT` takes the functions whose name holds it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildKernels } from "./build.mjs";
import { installMissing, root } from "./install.mjs";
import { hotLoops, printedFunctions } from "./machineCode.mjs";
import { relaxedFlags } from "./run.mjs";
import { withoutNames } from "./wasmFile.mjs";

const LIST = join(root, "scripts/hotFunctions.json");
const TARGETS = ["strict", "relaxed"];
const NODES = [20, 24];
/** A whole Node has to be loaded the first time. */
const NPX_TIMEOUT_MS = 30_000;
const RUNNING = Number(process.versions.node.split(".")[0]);
/** TurboFan alone, at once, all functions: what hot code ends up as. */
const FLAGS = ["--no-liftoff", "--no-wasm-lazy-compilation", "--print-wasm-code"];
const COMPILE = 'new WebAssembly.Module(require("node:fs").readFileSync(process.argv[1]))';

if (process.arch !== "x64") {
  console.log(`machine code guard skipped: it reads x86-64 code, this machine is ${process.arch}`);
  process.exit(0);
}
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : "";
const list = JSON.parse(readFileSync(LIST, "utf8")).filter((entry) => entry.function.includes(only));
const problems = [];
const rows = [];
/** What spills beside the list. */
const notes = [];
/** Bounds that are too high. */
const lower = [];

await prepareBinaries();
for (const version of NODES) {
  const node = version === RUNNING ? process.execPath : otherNode(version);
  if (node === undefined) continue;
  for (const target of TARGETS) inspect(node, version, target);
}
console.log(table(rows));
print("Spilling too, but not listed as hot:", notes);
print("Better than the bound in scripts/hotFunctions.json, which is to be lowered:", lower);
for (const problem of problems) console.log(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

/** build/named/*.wasm are the shipped binaries with names, made from the sources as they are now. */
async function prepareBinaries() {
  installMissing();
  const sources = readdirSync(join(root, "assembly"), { recursive: true }).map((file) => join(root, "assembly", file));
  const newest = Math.max(...[...sources, join(root, "asconfig.json")].map((file) => statSync(file).mtimeMs));
  const made = TARGETS.flatMap((target) => [`build/${target}.wasm`, `build/named/${target}.wasm`]).map((file) => join(root, file));
  if (made.some((file) => !(statSync(file, { throwIfNoEntry: false })?.mtimeMs >= newest))) await buildKernels();
  for (const target of TARGETS) {
    const [shipped, named] = [`build/${target}.wasm`, `build/named/${target}.wasm`].map((file) => readFileSync(join(root, file)));
    if (!withoutNames(named).equals(shipped)) problems.push(`build/${target}.wasm is not build/named/${target}.wasm without names: build again`);
  }
}

/** Through npx; undefined, with the reason printed, where that does not get it. */
function otherNode(version) {
  const npx = process.platform === "win32" ? "npx.cmd" : "npx";
  const args = ["-y", "-p", `node@${version}`, "node", "-p", "process.execPath"];
  try {
    const options = { encoding: "utf8", timeout: NPX_TIMEOUT_MS, stdio: ["ignore", "pipe", "ignore"], shell: process.platform === "win32" };
    return execFileSync(npx, args, options).trim().split("\n").at(-1);
  } catch (reason) {
    console.log(`Node ${version} skipped: npx cannot get it (${reason.code ?? `exit code ${reason.status}`})`);
    return undefined;
  }
}

function inspect(node, version, target) {
  const flags = [...FLAGS, ...relaxedFlags(version)];
  const args = [...flags, "-e", COMPILE, join(root, `build/named/${target}.wasm`)];
  const { stdout, stderr, status } = spawnSync(node, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) {
    problems.push(`Node ${version} ${target}: exit code ${status}: ${stderr.trim().split("\n").at(-1)}`);
    return;
  }
  const functions = printedFunctions(stdout);
  if (functions.size === 0) problems.push(`Node ${version} ${target}: prints no machine code`);
  else for (const entry of list) if ((entry.target ?? target) === target) judge(entry, functions.get(entry.function), version, target);
  const listed = new Set(list.map((entry) => entry.function));
  const spilling = [...functions].filter(([name, printed]) => !listed.has(name) && hotLoops(printed).some(({ stores, loads }) => stores + loads > 0));
  if (only === "" && spilling.length > 0) notes.push(`Node ${version} ${target}: ${spilling.map(([name]) => shortName(name)).join(", ")}`);
}

function judge(entry, printed, version, target) {
  const where = `Node ${version} ${target}: ${entry.function}`;
  if (printed === undefined) return problems.push(`${where}: not found (inlined or renamed?)`);
  if (printed.compiler !== "TurboFan") return problems.push(`${where}: compiled by ${printed.compiler}, not TurboFan`);
  const loops = hotLoops(printed);
  if (loops.length === 0) return problems.push(`${where}: no loop with vector arithmetic`);
  const largest = loops.reduce((a, b) => (b.arithmetic > a.arithmetic ? b : a));
  const sum = (field) => loops.reduce((total, loop) => total + loop[field], 0);
  const [stores, loads] = [sum("stores"), sum("loads")];
  rows.push({ entry, version, target, loops: loops.length, largest, stores, loads });
  const [mostStores, mostLoads] = bound(entry, version, target);
  if (stores > mostStores || loads > mostLoads) {
    problems.push(`${where}: ${stores} spill stores, ${loads} spill loads, allowed ${mostStores}, ${mostLoads}`);
  } else if (stores < mostStores || loads < mostLoads) lower.push(`${where}: [${stores}, ${loads}]`);
}

function shortName(name) {
  return name.replaceAll("assembly/", "");
}

function bound({ known }, version, target) {
  return known?.[`${version} ${target}`] ?? [0, 0];
}

function print(title, lines) {
  if (lines.length > 0) console.log([title, ...lines.map((line) => `- ${line}`), ""].join("\n"));
}

function table(rows) {
  const head = ["function", "Node", "build", "loops", "instructions", "arithmetic", "mul or FMA", "spill stores", "spill loads", "allowed"];
  const cells = rows.map(({ entry, version, target, loops, largest, stores, loads }) => {
    const counts = [loops, largest.instructions, largest.arithmetic, largest.multiplications, stores, loads];
    return [shortName(entry.function), version, target, ...counts, bound(entry, version, target).join("/")].map(String);
  });
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const legend = "Instructions, arithmetic, products: of the loop with most arithmetic (V8 may have unrolled it). Spills: of all hot loops.";
  return [line(head), rule, ...cells.map(line), "", legend, ""].join("\n");
}
