/** The packed library in a fresh project: what is in it, and its entries in Node. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { folder, resultsOfNode, run, told, write } from "./project.ts";

let expected: ReturnType<typeof resultsOfNode>;

beforeAll(() => {
  expected = resultsOfNode();
});

describe("the package", () => {
  test("has the files that are meant to be in it, and no other", () => {
    const files = readdirSync(join(folder, "node_modules/convlet"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const kinds = new Set(files.map(({ name }) => name.replace(/^.*?(\.d\.ts|\.js\.map|\.[a-z]+)$/, "$1")));
    expect([...kinds].sort()).toEqual([".d.ts", ".js", ".js.map", ".json", ".md", ".wasm", "LICENSE"].sort());
  });

  test("passes publint", () => {
    const { status, output } = run("publint", "--strict", "node_modules/convlet");
    expect(output).toContain("All good!");
    expect(status).toBe(0);
  });

  test("passes arethetypeswrong: node10 reads no exports, kernels have no types, a worker's file is not imported", () => {
    const apart = ["worker", "strict.wasm", "relaxed.wasm", "inference-strict.wasm", "inference-relaxed.wasm"];
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
    const { status, output } = run("attw", tarball, "--format", "ascii", "--profile", "node16", "--exclude-entrypoints", ...apart);
    for (const entry of ["convlet", "convlet/run", "convlet/node"])
      expect(output).toContain(`"${entry}"\n\nnode16 (from CJS): 🟢 (CJS)\nnode16 (from ESM): 🟢 (ESM)`);
    expect(status).toBe(0);
  });

  test("has types for a strict reader without skipLibCheck, as a module and as CommonJS", () => {
    const uses = `const model = sequential([input({ shape: [2] }), dense({ units: 1 })]);
export const output: Promise<Float32Array> = model.predict(new Float32Array(2)).then(({ data }) => data);
export const same: Promise<Float32Array> = load(exportProgram(model)).then((program) => program.predictSync([1, 2]).data);
`;
    const imports = 'import { dense, exportProgram, input, sequential } from "convlet";\nimport { load } from "convlet/run";\n';
    write("reader.mts", imports + uses);
    write("reader.cts", imports.replace(/import (.*) from (".*");/g, "import $1 from $2;") + uses);
    const compilerOptions = { noEmit: true, strict: true, module: "nodenext", target: "es2022", lib: ["es2022", "dom", "dom.iterable"], types: [] };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["reader.mts", "reader.cts"] }));
    expect(run("tsc")).toEqual({ status: 0, output: "" });
  });
});

describe("Node", () => {
  test("as a module trains and predicts, and exported programs give the same bits", () => {
    expect(expected.wasm.ran).toEqual(expected.wasm.predicted);
    expect(expected.plain.ran).toEqual(expected.plain.predicted);
    expect(expected.wasm.loss).toBeGreaterThan(0);
    write("same.js", 'import { Model } from "convlet";\nimport * as node from "convlet/node";\nconsole.log(JSON.stringify(node.Model === Model));\n');
    expect(told("node", "same.js")).toBe(true);
  });

  test("by require", () => {
    write(
      "required.cjs",
      `const convlet = require("convlet"), run = require("convlet/run"), node = require("convlet/node");
if (node.Model !== convlet.Model) throw new Error("convlet/node has classes of its own");
import("./check.js").then(({ check }) => check(convlet, run.load)).then((result) => console.log(JSON.stringify(result)));\n`,
    );
    expect(told("node", "required.cjs")).toEqual(expected.wasm);
  });

  test("shows of an error that nobody catches a line that can be read", () => {
    const failing = (names: string) => `const model = ${names};\nmodel.fit([[1, 2]], [1]);\n`;
    write("failing.js", `import { dense, sequential } from "convlet";\n${failing("sequential([dense({ units: 1, inputShape: [2] })])")}`);
    write("failing.cjs", failing('require("convlet").sequential([require("convlet").dense({ units: 1, inputShape: [2] })])'));
    write("failing.node.js", `import { dense, sequential } from "convlet/node";\n${failing("sequential([dense({ units: 1, inputShape: [2] })])")}`);
    write("failing.run.js", 'import { load } from "convlet/run";\nawait load(new Uint8Array(3));\n');
    for (const [file, message] of [
      ["failing.js", "Error: fit: the model is not compiled"],
      ["failing.cjs", "Error: fit: the model is not compiled"],
      ["failing.node.js", "Error: fit: the model is not compiled"],
      ["failing.run.js", "FileFormatError: load: the file is truncated"],
    ]) {
      const { status, output } = run("node", file);
      expect(status).toBe(1);
      expect(output).toContain(message);
      expect(output.length, file).toBeLessThan(2000);
    }
  });

  test("rendering on a server imports all entries without an effect: no output, no global, nothing that keeps it alive", () => {
    write(
      "server.js",
      `const before = Object.keys(globalThis).length;
for (const entry of ["convlet", "convlet/run", "convlet/node", "convlet/worker"]) await import(entry);
const own = ["PipeWrap", "TTYWrap", "CloseReq", "Timeout"];
const handles = process.getActiveResourcesInfo().filter((name) => !own.includes(name));
console.log(JSON.stringify({ globals: Object.keys(globalThis).length - before, handles }));\n`,
    );
    const { status, output } = run("node", "server.js");
    expect({ status, output: output.trim() }).toEqual({ status: 0, output: '{"globals":0,"handles":[]}' });
  });
});
