/** Browsers on this machine. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

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
export function find(variable) {
  const chosen = process.env[variable];
  if (chosen !== undefined && chosen !== "") {
    if (existsSync(chosen)) return chosen;
    throw new Error(`${variable} is ${chosen}, which does not exist`);
  }
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  const paths = known[variable].flatMap((name) => (/[/\\]/.test(name) ? [name] : folders.map((folder) => join(folder, name))));
  return paths.find((path) => existsSync(path)) ?? "";
}

/** The Chromium that tests need. Without one the process ends here, which is a failure only where CI is set. */
export function chromiumFor(tests) {
  const chromium = find("CONVLET_CHROMIUM");
  if (chromium !== "") return chromium;
  console.log(`${tests}: not run: no Chromium found (CONVLET_CHROMIUM=path names one; on Debian: apt-get install chromium)`);
  process.exit(process.env.CI ? 1 : 0);
}
