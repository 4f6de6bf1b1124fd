/** Opens whatever a model can be loaded from, places in the browser too. */
import type { DownloadOptions } from "./download.ts";
import { openSource } from "./openSource.ts";
import { browserPlace } from "./place.ts";
import { FileFormatError } from "./safetensorsHeader.ts";
import { bytesSource, checkArrived, type ModelSource, type Source } from "./source.ts";

/** As `openSource`; "opfs://name" and "indexeddb://name" are what was saved under a name. FileFormatError where nothing was. */
export async function openAnywhere(source: ModelSource, options: DownloadOptions): Promise<Source> {
  const isAddress = typeof source === "string" || source instanceof URL;
  const place = isAddress ? browserPlace(String(source)) : undefined;
  if (!isAddress || place === undefined) return openSource(source, options);
  options.signal?.throwIfAborted();
  const { readInBrowser } = await import("./storage.ts");
  const found = await readInBrowser(place);
  if (found === undefined) throw new FileFormatError(`load: ${source}: nothing was saved under this name`);
  checkArrived(source, found.length, options);
  return bytesSource(found, String(source));
}
