/** What is imported later is a file of its own in dist/, whole in itself: a source that two files of dist/ hold is there twice. */
import { describe, expect, test } from "vitest";
import { filesIn, importsOf, textOf } from "./support/sources.ts";

const sources = filesIn("src", ".ts");
const importsWithin = (path: string) => importsOf(path).filter(({ target, isType }) => !isType && sources.includes(target));

/** A file with all that it imports at once. */
function whole(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const { target, isLater } of importsWithin(path)) if (!isLater) whole(target, found);
  return found;
}

/** What all of `files` import later. */
const partsOf = (files: Iterable<string>) => [...new Set([...files].flatMap((path) => importsWithin(path).filter(({ isLater }) => isLater)))];

/** What keeps something between calls, or is asked for by `instanceof`: there may be one alone. */
const STATE = /^(?:export )?(?:let|var|class|abstract class) |^(?:export )?const \w+(?:: (?!Readonly)[^=]+)? = new (?!Uint8Array)/m;

describe.each([
  ["index", ["classify", "files", "inWorker", "plain/index", "storage", "threads"]],
  ["run", ["classify", "plain/inference"]],
])("%s", (name, expected) => {
  const entry = whole(`src/${name}.ts`);
  const parts = [...new Set(partsOf(entry).map(({ target }) => target))].sort();

  test("has these parts, which have none", () => {
    expect(parts.map((path) => expected.find((end) => path.endsWith(`/${end}.ts`)) ?? path).sort()).toEqual(expected);
    expect(partsOf(parts.flatMap((path) => [...whole(path)]))).toEqual([]);
  });

  test("shares with its parts, and these with each other, nothing that keeps state or is a class", () => {
    // dist/node.js has its own writeAtomically.
    const held = [entry, ...parts.map((path) => whole(path)), whole("src/formats/files.ts")].flatMap((files) => [...files]);
    const shared = [...new Set(held.filter((path, index) => held.indexOf(path) !== index))].sort();
    expect(shared).toContain("src/options.ts");
    expect(shared.filter((path) => STATE.test(textOf(path)))).toEqual([]);
  });
});
