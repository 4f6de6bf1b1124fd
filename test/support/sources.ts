/** The project's own sources as text: who imports what, how long files and functions are. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Import {
  /** From the project's root: "src/ops/op.ts"; of a package its name. */
  readonly target: string;
  /** `import type …`, `export type … from`: gone when the program runs. */
  readonly isType: boolean;
  /** `import(…)`: loaded when it is needed. */
  readonly isLater: boolean;
}

/** Files below a folder (or the file itself), from the root, in order. Nothing installed or built. */
export function filesIn(folder: string, ending = ""): string[] {
  const entries = readdirSync(`${ROOT}${folder}`, { withFileTypes: true });
  const paths = entries.flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "build"].includes(entry.name) ? [] : filesIn(path, ending);
    return path.endsWith(ending) ? [path] : [];
  });
  return paths.sort();
}

export function textOf(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

const STATEMENT = /^(?:import|export)\s+(type\s)?[^;"']*?from\s+["']([^"']+)["']|^import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

export function importsOf(path: string): Import[] {
  return [...textOf(path).matchAll(STATEMENT)].map(([, type, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic;
    return {
      target: name.startsWith(".") ? posix.join(posix.dirname(path), name) : name,
      isType: type !== undefined,
      isLater: dynamic !== undefined,
    };
  });
}

export interface FunctionLines {
  /** "src/model.ts:120". */
  readonly at: string;
  /** Its first line: "export function tile4x8(…". */
  readonly head: string;
  readonly lines: number;
}

/** Functions with a block of their own, told by the formatter's layout: it closes where its first line is indented to. */
export function functionsOf(path: string): FunctionLines[] {
  const lines = textOf(path).split("\n");
  return lines.flatMap((line, end) => {
    if (!/(?:=>|\)(?:: .+)?) \{$/.test(line)) return [];
    const indent = line.search(/\S/);
    let start = end;
    while (lines[start].startsWith(")", indent)) start = lines.findLastIndex((each, at) => at < start && each.search(/\S/) === indent);
    const head = lines[start].trim();
    // What follows a keyword is a block of its function; a line that begins with a point ends a condition.
    if (/^(?:\} )?(?:if|else|for|while|switch|catch|do)\b|^\./.test(head) && !line.endsWith("=> {")) return [];
    const close = lines.findIndex((each, at) => at > end && each.search(/\S/) === indent && each[indent] === "}");
    return [{ at: `${path}:${start + 1}`, head, lines: close - start + 1 }];
  });
}
