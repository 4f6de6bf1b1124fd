/** `npm test`: installs what is missing, builds, and runs all tests. Arguments go to vitest. */
import { installMissing } from "./install.mjs";
import { runVitest } from "./run.mjs";

installMissing();
const { buildAll } = await import("./build.mjs");
await buildAll();
const code = runVitest();
console.log("Browser tests were not run: npm run test:browser runs them.");
process.exit(code);
