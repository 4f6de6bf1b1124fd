/**
 * `npm run test:browser`: installs what is missing, builds, and runs test/browser in the Chromium and the Firefox found on this machine.
 * CONVLET_CHROMIUM and CONVLET_FIREFOX name others. Without Chromium nothing runs, which is a failure only where CI is set. Arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installMissing, root } from "./install.mjs";

const mac = "/Applications";
const programFiles = process.env.PROGRAMFILES ?? "C:\\Program Files";

/** Names are looked for on PATH. */
const known = {
  CONVLET_CHROMIUM: [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    `${mac}/Google Chrome.app/Contents/MacOS/Google Chrome`,
    `${programFiles}\\Google\\Chrome\\Application\\chrome.exe`,
  ],
  CONVLET_FIREFOX: ["firefox-esr", "firefox", `${mac}/Firefox.app/Contents/MacOS/firefox`, `${programFiles}\\Mozilla Firefox\\firefox.exe`],
};

/** The path in the environment, or the first program that is there, or "". Throws when the environment names what does not exist. */
function find(variable) {
  const chosen = process.env[variable];
  if (chosen !== undefined && chosen !== "") {
    if (existsSync(chosen)) return chosen;
    throw new Error(`${variable} is ${chosen}, which does not exist`);
  }
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  const paths = known[variable].flatMap((name) => (/[/\\]/.test(name) ? [name] : folders.map((folder) => join(folder, name))));
  return paths.find((path) => existsSync(path)) ?? "";
}

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
