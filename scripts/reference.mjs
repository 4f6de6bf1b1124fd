/** `npm run docs`: dist/API.md, from the docstrings of every public name, in the order of src/index.ts. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { installMissing, root } from "./install.mjs";

const types = join(root, "dist/types/src");

export function makeReference() {
  const index = readFileSync(join(types, "index.d.ts"), "utf8");
  const sections = [];
  for (const [, names, module] of index.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    const path = join(types, module.replace(/\.[jt]s$/, ".d.ts"));
    const declarations = declarationsOf(readFileSync(path, "utf8"));
    for (const name of names
      .split(",")
      .map((part) => part.trim().replace(/^type /, ""))
      .filter(Boolean)) {
      const [from, to = from] = name.split(" as ");
      const declaration = declarations.get(from) ?? forwarded(path, from);
      if (declaration === undefined) throw new Error(`no declaration of ${name} in ${path}`);
      sections.push({ name: to, ...declaration });
    }
  }
  const contents = sections.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(" · ");
  const body = sections.map(({ name, comment, code }) => `## ${name}\n\n${comment}\n\n\`\`\`ts\n${code}\n\`\`\`\n`);
  return { text: `# convlet: API\n\nMade by \`npm run docs\` from the docstrings.\n\n${contents}\n\n${body.join("\n")}`, sections };
}

/** A name that the module only hands on. */
function forwarded(path, name) {
  for (const [, names, module] of readFileSync(path, "utf8").matchAll(/(?:export|import) (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    if (!names.split(",").some((part) => part.trim().replace(/^type /, "") === name)) continue;
    const next = join(dirname(path), module.replace(/\.[jt]s$/, ".d.ts"));
    if (existsSync(next)) return declarationsOf(readFileSync(next, "utf8")).get(name) ?? forwarded(next, name);
  }
  return undefined;
}

/** Exported declarations of a .d.ts file: name → docstring and code. */
function declarationsOf(text) {
  const found = new Map();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const match = /^export (?:declare )?(?:abstract )?(?:function|const|class|interface|type) (\w+)/.exec(lines[at]);
    if (match === null || found.has(match[1])) continue;
    let end = at;
    if (lines[at].trimEnd().endsWith("{")) while (!/^\}/.test(lines[end])) end++;
    else while (!lines[end].trimEnd().endsWith(";")) end++;
    const code = lines.slice(at, end + 1).filter((line) => !/^\s*private /.test(line));
    found.set(match[1], { comment: commentAbove(lines, at), code: code.join("\n").replace(/^export (declare )?/, "") });
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

if (process.argv[1]?.endsWith("reference.mjs")) {
  installMissing();
  const { buildAll } = await import("./build.mjs");
  await buildAll();
  const { text, sections } = makeReference();
  writeFileSync(join(root, "dist/API.md"), text);
  console.log(`dist/API.md: ${sections.length} names`);
}
