/** `npm test`: installs what is missing, builds, and runs all tests. Arguments go to vitest. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { installMissing, root } from "./install.mjs";

installMissing();
const { buildAll } = await import("./build.mjs");
await buildAll();
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
console.log("Browser tests were not run: npm run test:browser runs them.");
process.exit(status ?? 1);
