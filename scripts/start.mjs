/** `npm start`: installs what is missing, builds, and runs the tour with the arguments given. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { installMissing, root } from "./install.mjs";

installMissing();
console.log("Building …");
const { buildKernels, bundleForNode } = await import("./build.mjs");
await buildKernels();
const tour = await bundleForNode("examples/tour/main.ts", "build/tour.mjs");
const { status, signal } = spawnSync(process.execPath, ["--enable-source-maps", join(root, tour), ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = signal ? 1 : status;
