/** `npm run docs`: dist/API.md, from the docstrings of every public name, and of the types that they are made of. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { installMissing, root } from "./install.mjs";

const types = join(root, "dist/types/src");

/** Private members and constructors, with their comments. */
const HIDDEN = /(?: *\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? *(?:private |constructor\().*\n/g;

/** The names that entries export, and the types that these are made of. */
function makeReference() {
  const known = new Set();
  const parts = ["index", "run", "node"].map((entry) => {
    // What two entries export stands with the first.
    const sections = publicNames(join(types, `${entry}.d.ts`)).filter(({ code }) => !known.has(code));
    for (const { code } of sections) known.add(code);
    return { title: entry === "index" ? "convlet" : `convlet/${entry}`, sections };
  });
  const sections = parts.flatMap((part) => part.sections);
  const shown = new Set(sections.map(({ name }) => name));
  const others = { title: "Types of their options and results", sections: [] };
  // Types of types too: the list grows while it is walked through.
  for (const all = [...sections]; all.length > 0; ) {
    const { path, code } = all.shift();
    for (const [name] of code.replace(/\/\*\*[\s\S]*?\*\//g, "").matchAll(/\b[A-Z]\w+\b/g)) {
      const found = shown.has(name) ? undefined : declared(path, name);
      shown.add(name);
      if (found === undefined) continue;
      all.push(found);
      others.sections.push(found);
    }
  }
  return [...parts, others].filter((part) => part.sections.length > 0);
}

/** Of an entry, in its order. */
function publicNames(entry) {
  const names = [...readFileSync(entry, "utf8").matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)].flatMap(([, list, module]) => {
    return namesIn(list).map((name) => ({ name, path: declarationFile(entry, module) }));
  });
  return names.map(({ name, path }) => {
    const found = declared(path, name);
    if (found === undefined) throw new Error(`no declaration of ${name} in ${path}`);
    return found;
  });
}

function namesIn(list) {
  return list
    .split(",")
    .map((part) => part.trim().replace(/^type /, ""))
    .filter(Boolean);
}

function declarationFile(from, module) {
  return join(dirname(from), module.replace(/\.[jt]s$/, ".d.ts"));
}

/** A name's declaration in a file, or where the file has it from; undefined where it is none of ours. */
function declared(path, name) {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  const own = declarationsOf(text).get(name);
  if (own !== undefined) return { name, path, ...own };
  for (const [, list, module] of text.matchAll(/(?:export|import) (?:type )?\{([^}]*)\} from "(\.[^"]+)"/g)) {
    if (namesIn(list).includes(name)) return declared(declarationFile(path, module), name);
  }
  return undefined;
}

/** Declarations of a .d.ts file: name → docstring and code. */
function declarationsOf(text) {
  const found = new Map();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const match = /^(?:export )?(?:declare )?(?:abstract )?(?:function|const|class|interface|type) (\w+)/.exec(lines[at]);
    if (match === null) continue;
    let end = at;
    if (lines[at].trimEnd().endsWith("{")) while (!/^\}/.test(lines[end])) end++;
    else while (!lines[end].trimEnd().endsWith(";")) end++;
    const whole = lines.slice(at, end + 1).join("\n");
    const own = whole.replace(/^(export )?(declare )?/, "").replace(HIDDEN, "");
    const before = found.get(match[1]);
    // Another way to call the same function.
    found.set(match[1], before ? { ...before, code: `${before.code}\n${own}` } : { comment: commentAbove(lines, at), code: own });
  }
  return found;
}

function commentAbove(lines, at) {
  if (!lines[at - 1]?.trimEnd().endsWith("*/")) return "";
  let first = at - 1;
  while (!lines[first].trimStart().startsWith("/**")) first--;
  const text = lines
    .slice(first, at)
    .join("\n")
    .replace(/^\s*\/\*\*/, "")
    .replace(/\*\/\s*$/, "");
  return text
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trim())
    .filter(Boolean)
    .join(" ");
}

installMissing();
const { buildAll } = await import("./build.mjs");
await buildAll();
const parts = makeReference();
const anchors = new Map();
/** Of a heading; of the second one of a name, -1. */
function anchorOf({ name }) {
  const count = anchors.get(name) ?? 0;
  anchors.set(name, count + 1);
  return `#${name.toLowerCase()}${count === 0 ? "" : `-${count}`}`;
}
const contents = parts.map(({ title, sections }) => `**${title}**: ${sections.map((each) => `[${each.name}](${anchorOf(each)})`).join(" · ")}`);
const body = parts.map(({ title, sections }) => {
  const texts = sections.map(({ name, comment, code }) => [`### ${name}`, comment, `\`\`\`ts\n${code}\n\`\`\``].filter(Boolean).join("\n\n"));
  return [`## ${title}`, ...texts].join("\n\n");
});
writeFileSync(
  join(root, "dist/API.md"),
  ["# convlet: API", "Made by `npm run docs` from the docstrings.", ...contents, ...body].join("\n\n").concat("\n"),
);
console.log(`dist/API.md: ${parts.map(({ title, sections }) => `${title}: ${sections.length}`).join(", ")}`);
