/** Where models are written to: a file of Node, or a place in the browser. */
import { shown } from "../options.ts";
import { writeAtomically } from "./files.ts";
import { browserPlace, writeInBrowser } from "./storage.ts";

/** All or nothing, wherever it is. */
export async function writeFile(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (typeof path !== "string" || path === "") throw new TypeError(`save: path is ${shown(path)}, needs a text`);
  const place = browserPlace(path);
  if (place !== undefined) return writeInBrowser(place, bytes);
  if (typeof process === "object" && process.versions?.node !== undefined) return writeAtomically(path, bytes);
  throw new TypeError(`save: a page has no file ${shown(path)}; save to "opfs://…", "indexeddb://…" or "downloads://…"`);
}
