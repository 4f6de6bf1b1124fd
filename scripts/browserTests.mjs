/**
 * `npm run test:browser`: installs what is missing, builds, and runs test/browser in the Chromium and the Firefox found on this machine.
 * CONVLET_CHROMIUM and CONVLET_FIREFOX name others. Without Chromium nothing runs, which is a failure only where CI is set. Arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { find } from "./browsers.mjs";
import { installMissing, root } from "./install.mjs";

const chromium = find("CONVLET_CHROMIUM");
const firefox = find("CONVLET_FIREFOX");
if (chromium === "") {
  console.log("browser tests: not run: no Chromium found (CONVLET_CHROMIUM=path names one; on Debian: apt-get install chromium)");
  process.exit(process.env.CI ? 1 : 0);
}
installMissing();
// Everything: the library in dist/, and the pages and their models in build/examples.
const { buildExamples } = await import("./buildExamples.mjs");
await buildExamples();
console.log(`browser tests in ${chromium} and ${firefox || "no Firefox (none found)"}`);
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--config", "test/browser/vitest.config.ts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CONVLET_CHROMIUM: chromium, CONVLET_FIREFOX: firefox },
});
process.exit(status ?? 1);
