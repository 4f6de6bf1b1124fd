/**
 * `npm run size`: gzip sizes of what a page loads, of what it loads only when needed, and of every other file of dist/. Fails where a
 * bundle is larger than `most`, which every gain lowers and only a reason raises; says where that is still above the floor and the goal of the project.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./install.mjs";

const KB = 1000;
/** In kB, gzip -9. */
const BOUNDS = [
  { name: "convlet: everything", entry: "index.js", lazy: true, goal: 40, floor: 60, most: 92.4 },
  { name: "convlet: what a page loads that trains and predicts", entry: "index.js", lazy: false, goal: 40, floor: 60, most: 70.7 },
  { name: "convlet/run: everything", entry: "run.js", lazy: true, goal: 20, floor: 30, most: 31 },
  { name: "convlet/run: what a page loads that predicts", entry: "run.js", lazy: false, goal: 20, floor: 30, most: 25 },
  { name: "convlet/run: one file, for bundlers", entry: "run.whole.js", lazy: true, goal: 20, floor: 30, most: 29.7 },
  { name: "convlet.iife.js", entry: "convlet.iife.js", lazy: true, goal: 40, floor: 60, most: 87.4 },
];

const dist = (name) => join(root, "dist", name);
const size = (name) => gzipSync(readFileSync(dist(name)), { level: 9 }).length;

/** Files of dist that a file imports; `lazy`: also those that it asks for when they are needed. */
function reachable(entry, lazy, found = new Set()) {
  if (found.has(entry)) return found;
  found.add(entry);
  const text = readFileSync(dist(entry), "utf8");
  const imports = [...text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)].map(([, name]) => name);
  const asked = [...text.matchAll(/import\("\.\/([\w.-]+\.js)"\)/g)].map(([, name]) => name);
  for (const name of lazy ? [...imports, ...asked] : imports) if (existsSync(dist(name))) reachable(name, lazy, found);
  return found;
}

const kilobytes = (bytes) => `${(bytes / KB).toFixed(1)} kB`;
let failed = false;
for (const { name, entry, lazy, goal, floor, most } of BOUNDS) {
  const files = [...reachable(entry, lazy)];
  const total = files.reduce((sum, file) => sum + size(file), 0);
  const stands = total <= goal * KB ? "reaches the goal" : total <= floor * KB ? `goal ${goal} kB missed` : `floor ${floor} kB missed`;
  console.log(`${name}: ${kilobytes(total)} gzip (${stands}; most ${most} kB)`);
  for (const file of files) console.log(`    ${kilobytes(size(file)).padStart(9)}  ${file}`);
  if (total > most * KB) {
    failed = true;
    console.log(`FAILED: ${name} is larger than ${most} kB`);
  }
}
for (const name of ["strict.wasm", "relaxed.wasm", "inference-strict.wasm", "inference-relaxed.wasm", "worker.js"]) {
  console.log(`${name}: ${kilobytes(size(name))} gzip`);
}
process.exit(failed ? 1 : 0);
