/**
 * `npm run test:packages`: packs the library, installs it into fresh projects and tries it there: in Node, by bundlers, in pages, workers,
 * under policies. What these projects need is installed in test/packages alone. Needs Chromium, as the browser tests do. Arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { find } from "./browsers.mjs";
import { installMissing, root } from "./install.mjs";

const chromium = find("CONVLET_CHROMIUM");
if (chromium === "") {
  console.log("fresh projects: not run: no Chromium found (CONVLET_CHROMIUM=path names one; on Debian: apt-get install chromium)");
  process.exit(process.env.CI ? 1 : 0);
}
installMissing();
installMissing(join(root, "test/packages"));
const { buildAll } = await import("./build.mjs");
await buildAll();
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--config", "test/packages/vitest.config.mts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CONVLET_CHROMIUM: chromium, CONVLET_FIREFOX: "" },
});
process.exit(status ?? 1);
