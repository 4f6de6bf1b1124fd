/**
 * esbuild leaves an entry with later parts as a file of names that imports what it shares with them: a page would wait for one file, then for the
 * other, 5 to 14 ms on the same machine and a round trip elsewhere. Here the two become one; parts import from it, by names that begin with "_".
 */
import { basename } from "node:path";

/** `outputs`: what esbuild made, [{ path, text }], maps included. Returns the files to be written. */
export function oneFile(outputs, entry) {
  const file = (name) => outputs.find(({ path }) => basename(path) === name);
  const [, imports, from, exports] = ENTRY.exec(file(entry).text) ?? fail(`${entry} is no file of names alone`);
  const shared = file(from).text;
  const [list, own] = EXPORTS.exec(shared) ?? fail(`${from} has no list of exports`);
  const local = new Map(pairs(own).map(([name, exported]) => [exported, name]));
  const imported = new Map(pairs(imports).map(([exported, name]) => [name, local.get(exported)]));
  const names = pairs(exports).map(([name, exported]) => `${imported.get(name)} as ${exported}`);
  const inner = new Set();
  const importOf = new RegExp(`import(?:\\{([^}]*)\\}from)?"\\./${from.replaceAll(".", "\\.")}";?`, "g");
  const rest = outputs.filter(({ path }) => ![entry, from, `${entry}.map`, `${from}.map`].includes(basename(path)));
  const parts = rest.map(({ path, text }) => {
    const changed = text.replace(importOf, (_, wanted) => {
      if (wanted === undefined) return "";
      const each = pairs(wanted).map(([exported, name]) => {
        inner.add(exported);
        return `_${exported} as ${name}`;
      });
      return `import{${each.join()}}from"./${entry}";`;
    });
    if (changed.includes(from)) fail(`${basename(path)} uses ${from} in a way that is not known here`);
    return { path, text: changed };
  });
  const all = [...names, ...[...inner].map((exported) => `${local.get(exported)} as _${exported}`)];
  const text = shared.replace(list, () => `export{${all.join()}};`).replaceAll(from, entry);
  return [{ path: file(entry).path, text }, { path: file(`${entry}.map`).path, text: file(`${from}.map`).text }, ...parts];
}

const ENTRY = /^import\{([^}]*)\}from"\.\/([\w.-]+)";export\{([^}]*)\};\n/;
const EXPORTS = /export\{([^}]*)\};(?=\n\/\/# sourceMappingURL=.*\n$)/;

/** "a as b,c" → [["a", "b"], ["c", "c"]]. */
function pairs(list) {
  return list.split(",").map((each) => {
    const [name, other = name] = each.split(" as ");
    return [name, other];
  });
}

function fail(problem) {
  throw new Error(`bundles: ${problem}`);
}
