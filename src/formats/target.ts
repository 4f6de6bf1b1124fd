/** Where models are written to: a file of Node, or a place in the browser. */
import { shown } from "../options.ts";
import { browserPlace } from "./place.ts";

/** All or nothing, wherever it is. */
export async function writeFile(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (typeof path !== "string" || path === "") throw new TypeError(`save: path is ${shown(path)}, needs a text`);
  const place = browserPlace(path);
  if (place !== undefined) {
    const { writeInBrowser } = await import("./storage.ts");
    return writeInBrowser(place, bytes);
  }
  if (typeof process === "object" && process.versions?.node !== undefined) {
    const { writeAtomically } = await import("./files.ts");
    return writeAtomically(path, bytes);
  }
  throw new TypeError(`save: a page has no file ${shown(path)}; save to "opfs://…", "indexeddb://…" or "downloads://…"`);
}
