/** Paths that are places in a browser: see storage.ts. */
import { shown } from "../options.ts";

type Scheme = "opfs" | "indexeddb" | "downloads";

export interface Place {
  readonly scheme: Scheme;
  readonly name: string;
}

/** Where a path with one of the schemes points to; undefined for any other text. RangeError for a name that cannot be. */
export function browserPlace(path: string): Place | undefined {
  const found = /^(opfs|indexeddb|downloads):\/\/(.*)$/.exec(path);
  if (found === null) return undefined;
  const [, scheme, name] = found;
  if (name === "" || /[/\\]/.test(name) || /^\.+$/.test(name)) throw new RangeError(`${shown(path)}: ${shown(name)} is no name of a file`);
  return { scheme: scheme as Scheme, name };
}
