/**
 * `npm run test:packages`: packs the library, installs it into fresh projects and tries it there: in Node, by bundlers, in pages, workers,
 * under policies. What these projects need is installed in test/packages alone. Needs Chromium, as the browser tests do. Arguments go to vitest.
 */
import { join } from "node:path";
import { chromiumFor } from "./browsers.mjs";
import { installMissing, root } from "./install.mjs";
import { runVitest } from "./run.mjs";

const chromium = chromiumFor("fresh projects");
installMissing();
installMissing(join(root, "test/packages"));
const { buildAll } = await import("./build.mjs");
await buildAll();
process.exit(runVitest({ config: "test/packages/vitest.config.mts", env: { CONVLET_CHROMIUM: chromium, CONVLET_FIREFOX: "" } }));
