/** What a browser keeps. The code for it is loaded when it is asked for. */
import { shown } from "../options.ts";
import { browserPlace } from "./place.ts";

/** Paths of everything saved in this browser for this origin, as `load` takes them. */
export async function savedModels(): Promise<string[]> {
  const { savedPaths } = await import("./storage.ts");
  return savedPaths();
}

/** Deletes what was saved under a path of this browser; nothing happens when there is none. */
export async function deleteSaved(path: string): Promise<void> {
  const place = browserPlace(path);
  if (place === undefined || place.scheme === "downloads")
    throw new TypeError(`deleteSaved: ${shown(path)} needs to begin with "opfs://" or "indexeddb://"`);
  const { deletePlace } = await import("./storage.ts");
  return deletePlace(place);
}
