/** Opens bytes, a file of Node, or an address. */
import { shown } from "../options.ts";
import { type DownloadOptions, download } from "./download.ts";
import { bytesSource, isFile, type ModelSource, openFile, type Source } from "./source.ts";

/** TypeError for what is no source, and the reason why a file or an address cannot be read. */
export async function openSource(source: ModelSource, options: DownloadOptions): Promise<Source> {
  if (source instanceof Uint8Array) return bytesSource(source, "load");
  if (source instanceof ArrayBuffer) return bytesSource(new Uint8Array(source), "load");
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError(`load: got ${shown(source)}, needs a path, a URL, or the file's bytes as a Uint8Array or ArrayBuffer`);
  }
  options.signal?.throwIfAborted();
  // The question is asked here, not in `isFile`: in files for pages `process` is undefined, and the bundler then leaves openFile out.
  return typeof process === "object" && isFile(source) ? openFile(source, options) : download(source, options);
}
