/** What scripts end in: a bundle of ours on a Node, or vitest. Both get the words behind `npm run … --`, and give their exit code. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./install.mjs";

/** Node 20 has relaxed SIMD behind a flag; later engines have it as it is. */
export function relaxedFlags(version = process.versions.node) {
  return Number.parseInt(version, 10) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
}

/** With relaxed SIMD. `node`: the program, and its version. */
export function runBundle(outfile, node = { program: process.execPath, version: process.versions.node }) {
  const args = [...relaxedFlags(node.version), "--enable-source-maps", join(root, outfile), ...process.argv.slice(2)];
  return spawnSync(node.program, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

/** `config`: below the root; default: vitest.config.ts. `env`: added to the environment. */
export function runVitest({ config, env = {} } = {}) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", ...(config ? ["--config", config] : []), ...process.argv.slice(2)];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;
}
