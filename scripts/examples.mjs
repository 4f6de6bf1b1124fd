/** `npm run examples`: installs what is missing, builds the example pages and serves them on this machine. */
import { fileURLToPath } from "node:url";
import { installMissing } from "./install.mjs";
import { serveFolder } from "./serve.mjs";

const USAGE = `npm run examples -- [options]
  --port N         listen on this port (default 8080, or the next free one)
  --no-isolation   without COOP and COEP: pages have no SharedArrayBuffer, hence no threads
  --help           this text`;

/** Throws RangeError with one line of explanation. */
export function parseArgs(words) {
  const args = { port: undefined, isolation: "isolated", help: false };
  for (let index = 0; index < words.length; index++) {
    const [word, inlined] = words[index].split("=", 2);
    if (word === "--port") args.port = portNumber(inlined ?? words[++index]);
    else if (word === "--no-isolation") args.isolation = "none";
    else if (word === "--help") args.help = true;
    else throw new RangeError(`unknown option ${word}`);
  }
  return args;
}

function portNumber(text = "") {
  const port = Number(text);
  if (text.trim() === "" || !Number.isInteger(port) || port < 0 || port > 65535)
    throw new RangeError(`--port needs a whole number from 0 to 65535, got "${text}"`);
  return port;
}

async function main() {
  const { port, isolation, help } = parseArgs(process.argv.slice(2));
  if (help) return console.log(USAGE);
  installMissing();
  const { buildExamples } = await import("./buildExamples.mjs");
  console.log("Building …");
  const folder = await buildExamples();
  const { url } = await serveFolder(folder, { port, isolation });
  console.log(`\nThe example pages, ${isolation === "isolated" ? "cross-origin isolated" : "not isolated: no threads"}:`);
  for (const page of ["", "playground/", "embed/", "element/", "bench/"]) console.log(`  ${url}${page}`);
  console.log("\nCtrl+C ends the server.");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((reason) => {
    console.error(reason instanceof RangeError ? `${reason.message}\n${USAGE}` : reason);
    process.exitCode = 2;
  });
}
