/** Opens whatever a model can be loaded from. */
import { shown } from "../options.ts";
import { type DownloadOptions, download } from "./download.ts";
import { browserPlace, type Place } from "./place.ts";
import { FileFormatError } from "./safetensorsHeader.ts";
import { bytesSource, checkArrived, isFile, type ModelSource, openFile, type Source } from "./source.ts";

/** TypeError for what is no source, and the reason why a file or an address cannot be read. */
export async function openSource(source: ModelSource, options: DownloadOptions = {}): Promise<Source> {
  if (source instanceof Uint8Array) return bytesSource(source, "load");
  if (source instanceof ArrayBuffer) return bytesSource(new Uint8Array(source), "load");
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError(`load: got ${shown(source)}, needs a path, a URL, or the file's bytes as a Uint8Array or ArrayBuffer`);
  }
  options.signal?.throwIfAborted();
  const place = browserPlace(String(source));
  // The question is asked here, not in `isFile`: in files for pages `process` is undefined, and the bundler then leaves openFile out.
  if (typeof process === "object" && place === undefined && isFile(source)) return openFile(source, options);
  if (place === undefined) return download(source, options);
  const bytes = await readPlace(place);
  checkArrived(source, bytes.length, options);
  return bytesSource(bytes, String(source));
}

async function readPlace(place: Place): Promise<Uint8Array> {
  const { readInBrowser } = await import("./storage.ts");
  const found = await readInBrowser(place);
  if (found === undefined) throw new FileFormatError(`load: ${place.scheme}://${place.name}: nothing was saved under this name`);
  return found;
}
