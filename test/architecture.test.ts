/** What the map of the project promises: who may import whom, names, sizes, the package's face. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../build/records.ts";
import { ops } from "../src/ops/index.ts";
import { filesIn, functionsOf, importsOf, textOf } from "./support/sources.ts";

const sources = filesIn("src", ".ts");

/**
 * The one-way order: a file may import what stands in a line above its own, and its own folder. Files and folders of src; what one
 * line names together does not see each other, save for ORDER_WITHIN.
 */
const ORDER = [
  ["nodeModule", "options", "field", "fetched", "math", "threefry", "random", "shape", "initializers", "xxh32"],
  ["ops", "graph"],
  ["image"],
  ["layers"],
  ["machine"],
  ["modelOptions"],
  ["program"],
  ["compiler"],
  ["engine"],
  ["training"],
  ["formats", "inspect"],
  ["weights"],
  ["singleRun"],
  ["inference"],
  ["modelLayer"],
  ["model"],
  ["restore"],
  ["remote"],
  ["models", "exportProgram", "runModel"],
  ["index", "worker", "run"],
  ["module", "node", "script"],
];

/** Within a line: the basics build on each other; a node names its op and its attributes, an op its node, both as types only. */
const ORDER_WITHIN = { basics: ORDER[0], types: ORDER[1] };

/** "layers" for src/layers/dense.ts, "graph" for src/graph.ts. */
function moduleOf(path: string): string {
  return path.split("/")[1].replace(/\.ts$/, "");
}

const rankOf = (module: string) => ORDER.findIndex((line) => line.includes(module));

/** All [importer, imported] between files of src, with whether it is a type. */
const edges = sources.flatMap((path) => importsOf(path).map((each) => ({ path, ...each })));
const inside = edges.filter(({ target }) => target.startsWith("src/"));

describe("imports", () => {
  test("are found: a count to notice when the expression stops matching", () => {
    expect(inside.length).toBeGreaterThan(300);
    expect(inside.every(({ target }) => sources.includes(target))).toBe(true);
  });

  test("every file of src has its place in the order", () => {
    expect(sources.map(moduleOf).filter((module) => rankOf(module) < 0)).toEqual([]);
  });

  test("go one way", () => {
    const isAllowed = (from: string, to: string, isType: boolean) => {
      if (from === to || rankOf(to) < rankOf(from)) return true;
      const together = (line: readonly string[]) => line.includes(from) && line.includes(to);
      return together(ORDER_WITHIN.basics) || (together(ORDER_WITHIN.types) && isType);
    };
    const wrong = inside.filter(({ path, target, isType }) => !isAllowed(moduleOf(path), moduleOf(target), isType));
    expect(wrong.map(({ path, target }) => `${path} imports ${target}`)).toEqual([]);
  });

  test("of values have no cycle between files", () => {
    const targets = new Map(sources.map((path) => [path, importsOf(path).filter(({ isType, target }) => !isType && sources.includes(target))]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, above: readonly string[]) => {
      if (above.includes(path)) cycles.push([...above.slice(above.indexOf(path)), path].join(" → "));
      if (above.includes(path) || done.has(path)) return;
      for (const { target } of targets.get(path)!) visit(target, [...above, path]);
      done.add(path);
    };
    for (const path of sources) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test("of src stay in src: outside are only the two files that the build makes, Node's modules and the loader", () => {
    const outside = edges.filter(({ target }) => !target.startsWith("src/")).map(({ target }) => target);
    const known = ["build/records.ts", "build/kernels.ts", "build/inferenceKernels.ts", "@assemblyscript/loader"];
    expect([...new Set(outside)].filter((target) => !known.includes(target) && !target.startsWith("node:"))).toEqual([]);
  });

  test("of Node's modules are made in one place, when they are needed, and as types", () => {
    const users = edges.filter(({ target }) => target.startsWith("node:")).map(({ path }) => path);
    // The second is the source text of a worker, which is no import of a page's.
    expect([...new Set(users)]).toEqual(["src/machine/workerSource.ts", "src/nodeModule.ts"]);
    expect(textOf("src/nodeModule.ts")).not.toMatch(/^import|(?<!typeof )import\("/m);
  });

  test("of the plain-JS kernels and of the records are the record format, and the arithmetic that stands in assembly/ too", () => {
    const allowed = ["build/records.ts", "src/machine/records.ts", "src/machine/machine.ts", "src/math.ts", "src/threefry.ts"];
    const isKernel = (path: string) => path.startsWith("src/machine/plain/");
    const of = edges.filter(({ path }) => isKernel(path) || path === "src/machine/records.ts");
    expect(of.filter(({ target }) => !isKernel(target) && !allowed.includes(target))).toEqual([]);
    expect(importsOf("src/machine/records.ts").map(({ target }) => target)).toEqual(["build/records.ts"]);
  });

  test("of the loader and the kernels' binaries are in one file", () => {
    const users = edges.filter(({ target }) => ["@assemblyscript/loader", "build/kernels.ts"].includes(target)).map(({ path }) => path);
    expect([...new Set(users)]).toEqual(["src/machine/wasm.ts"]);
    const inference = edges.filter(({ target }) => target === "build/inferenceKernels.ts").map(({ path }) => path);
    expect(inference).toEqual(["src/machine/inference.ts"]);
  });

  test("of the kernels stay in assembly/, but for the tiles that the build writes", () => {
    const outside = filesIn("assembly", ".ts").flatMap((path) => importsOf(path).filter(({ target }) => !target.startsWith("assembly/")));
    expect(outside.map(({ target }) => target).filter((target) => target !== "build/assembly/tiles")).toEqual([]);
  });
});

describe("one op, one name in every folder", () => {
  /** Ops whose layer stands with others of its kind. */
  const elsewhere: Readonly<Record<string, string>> = { softmax: "activation" };

  test.each(Object.keys(ops))("%s", (op) => {
    expect(filesIn("src/ops")).toContain(`src/ops/${op}.ts`);
    expect(textOf(`src/ops/${op}.ts`)).toContain(`export const ${op}:`);
    expect(filesIn("src/layers")).toContain(`src/layers/${elsewhere[op] ?? op}.ts`);
  });

  test("and no file of ops/ is none", () => {
    const files = filesIn("src/ops").map((path) => path.slice("src/ops/".length, -".ts".length));
    // winograd: where an algorithm of conv2d pays, and its memory.
    expect(files.filter((name) => !Object.hasOwn(ops, name))).toEqual(["index", "op", "winograd"]);
  });

  /** Kernels that other kernels' tests run. */
  const testedBy: Readonly<Record<string, string>> = {
    // Its layout is a matter between it and the product: conv2d's tests pack before they multiply.
    packWeights: "conv2d",
  };

  test.each(Object.keys(Kernel))("kernel %s", (kernel) => {
    const [plain, ...more] = filesIn("src/machine/plain", ".ts").filter((path) =>
      new RegExp(`^export const ${kernel}: Plain`, "m").test(textOf(path)),
    );
    expect(more).toEqual([]);
    const thing = plain.slice("src/machine/plain/".length, -".ts".length);
    const [wasm, ...others] = filesIn("assembly", ".ts").filter((path) => textOf(path).includes(`export function ${kernel}(record: `));
    expect(others).toEqual([]);
    expect(wasm).toMatch(new RegExp(`^assembly/${thing}(?:\\.ts|Grad\\.ts|/\\w+\\.ts)$`));
    const test = testedBy[thing] ?? thing;
    const tests = filesIn("test/kernels", ".ts").filter((path) => path.startsWith(`test/kernels/${test}`));
    expect(tests).toContain(`test/kernels/${test}.test.ts`);
    expect(tests.some((path) => textOf(path).includes(kernel))).toBe(true);
  });
});

describe("package.json", () => {
  const face = JSON.parse(textOf("package.json")) as {
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, Readonly<Record<string, string>>>>>>;
    readonly [key: string]: unknown;
  };

  test("asks for nothing at run time", () => {
    for (const kind of ["dependencies", "peerDependencies", "optionalDependencies", "bundledDependencies"]) expect(face[kind]).toBeUndefined();
  });

  test("publishes what the build made, nothing else", () => {
    expect(face.files).toEqual(["dist", "CHANGELOG.md"]);
  });

  test("names types first under import and require of every entry, all of them built from a file of src", () => {
    for (const [entry, target] of Object.entries(face.exports)) {
      if (typeof target === "string") {
        expect(target).toMatch(/^\.\/(?:package\.json|dist\/[\w-]+\.wasm)$/);
        continue;
      }
      const name = entry === "." ? "index" : entry.slice(2);
      expect(sources).toContain(`src/${name}.ts`);
      // A worker is a program of its own, which nothing imports.
      if (name === "worker") {
        expect(target).toEqual({ types: "./dist/types/src/worker.d.ts", default: "./dist/worker.js" });
        continue;
      }
      // One file: Vite before version 8 makes no worker of what imports something later. A page without a bundler takes run.js by its address.
      const browser = { index: "./dist/index.js", run: "./dist/run.whole.js" }[name];
      const file = browser === undefined ? name : `${name}.node`;
      // In this order: the first that fits is taken.
      expect(JSON.stringify(target)).toBe(
        JSON.stringify({
          import: { types: `./dist/types/src/${name}.d.ts`, ...(browser && { browser }), default: `./dist/${file}.js` },
          require: { types: `./dist/cjs/types/src/${name}.d.ts`, default: `./dist/cjs/${name}.js` },
        }),
      );
    }
    expect(face).toMatchObject({ main: "./dist/cjs/index.js", types: "./dist/cjs/types/src/index.d.ts" });
  });

  test("says for which Node it is, and that imports have no effects but that of the worker, which serves", () => {
    expect(face).toMatchObject({ engines: { node: ">=20.16" }, type: "module", sideEffects: ["./dist/worker.js"] });
  });
});

describe("sizes", () => {
  const MOST_LINES = 350;
  const MOST_FUNCTION_LINES = 70;
  const files = [...sources, ...filesIn("assembly", ".ts")];

  /** Files that may be longer, each up to its own number. */
  const longer: Readonly<Record<string, { readonly lines: number; readonly because: string }>> = {
    "assembly/records.ts": { lines: 600, because: "the list of all records, which the build reads as one file" },
  };

  test("files", () => {
    const sizes = files.map((path) => ({ path, lines: textOf(path).trimEnd().split("\n").length }));
    const offenders = sizes.filter(({ path, lines }) => lines > (longer[path]?.lines ?? MOST_LINES));
    expect(offenders.map(({ path, lines }) => `${path} has ${lines} lines`)).toEqual([]);
    const needless = Object.keys(longer).filter((name) => sizes.every(({ path, lines }) => path !== name || lines <= MOST_LINES));
    expect(needless).toEqual([]);
  });

  test("functions", () => {
    const found = files.flatMap(functionsOf);
    expect(found.length).toBeGreaterThan(800);
    expect(found.every(({ lines }) => lines > 0)).toBe(true);
    const offenders = found.filter(({ lines }) => lines > MOST_FUNCTION_LINES);
    expect(offenders.map(({ at, lines }) => `${at} has ${lines} lines`)).toEqual([]);
  });
});

test("nothing is left to do, switched off or typed away", () => {
  // In pieces, so that this file passes its own test.
  const forbidden = ["TO|DO\\b", "FIX|ME\\b", "XX|X\\b", "\\bas a|ny\\b", "\\.on|ly\\(", "@ts-no|check"].map(
    (word) => new RegExp(word.replace("|", "")),
  );
  /** Allowed with a comment on the line or on the one above that says why. */
  const withReason = ["\\.sk|ip(?:If)?\\(", "@ts-expect-er|ror", "biome-ig|nore"].map((word) => new RegExp(word.replace("|", "")));
  const folders = ["src", "assembly", "test", "bench", "examples", "scripts"];
  const paths = folders.flatMap((folder) => filesIn(folder)).filter((path) => /\.(?:ts|mjs|js|py|html|css|md)$/.test(path));
  const findings = paths.flatMap((path) => {
    const lines = textOf(path).split("\n");
    return lines.flatMap((line, index) => {
      const isExplained = /\/\/|\*/.test(`${lines[index - 1] ?? ""}${line}`);
      const isWrong = forbidden.some((word) => word.test(line)) || (!isExplained && withReason.some((word) => word.test(line)));
      return isWrong ? [`${path}:${index + 1}: ${line.trim()}`] : [];
    });
  });
  expect(findings).toEqual([]);
});
