/**
 * `npm run test:browser`: installs what is missing, builds, and runs test/browser in the Chromium and the Firefox found on this machine.
 * CONVLET_CHROMIUM and CONVLET_FIREFOX name others. Without Chromium nothing runs, which is a failure only where CI is set. Arguments go to vitest.
 */
import { chromiumFor, find } from "./browsers.mjs";
import { installMissing } from "./install.mjs";
import { runVitest } from "./run.mjs";

const chromium = chromiumFor("browser tests");
const firefox = find("CONVLET_FIREFOX");
installMissing();
// Everything: the library in dist/, and the pages and their models in build/examples.
const { buildExamples } = await import("./buildExamples.mjs");
await buildExamples();
console.log(`browser tests in ${chromium} and ${firefox || "no Firefox (none found)"}`);
process.exit(runVitest({ config: "test/browser/vitest.config.ts", env: { CONVLET_CHROMIUM: chromium, CONVLET_FIREFOX: firefox } }));
