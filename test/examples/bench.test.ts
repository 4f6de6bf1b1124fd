/** The bench page away from a browser: what it says of one, its bars, its sentence. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { CASES, parseCase } from "../../bench/cases.ts";
import type { Row } from "../../bench/report.ts";
import { browserName, clockStep, threadsFact } from "../../examples/bench/browser.ts";
import { barsOf, machineName } from "../../examples/bench/chart.ts";
import { PLAN } from "../../examples/bench/plan.ts";
import { Results } from "../../examples/bench/result.ts";

const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";

function row(engine: string, numerics: string, rate: number, more: Partial<Row> = {}): Row {
  const common = { suite: "training", case: "mnist_cnn-train@64", threads: 1, runtime: `${AGENT} Chrome/156.0.0.0 Safari/537.36` };
  return { ...common, engine, numerics, medianMs: 64_000 / rate, minMs: 60_000 / rate, rate, unit: "images/s", checked: true, ...more };
}

const ROWS = [row("convlet", "strict", 800), row("convlet", "relaxed", 1012), row("bench-js", "float64", 80)];

describe("the browser", () => {
  test.each([
    [`${AGENT} Chrome/156.0.0.0 Safari/537.36`, "Chrome 156"],
    [`${AGENT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0`, "Edge 156"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox 153"],
    ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "Safari 26"],
    ["Something else", "Something else"],
  ])("%s", (agent, name) => {
    expect(browserName(agent)).toBe(name);
  });

  test("why there are no threads is said", () => {
    expect(threadsFact({ isolated: true, cores: 2 })).toBe("yes");
    expect(threadsFact({ isolated: false, cores: 8 })).toMatch(/not run: .*COOP and COEP/);
    expect(threadsFact({ isolated: true, cores: 1 })).toBe("not run: there is one core");
  });

  test("the clock's step is the smallest that was seen", () => {
    const times = [0, 0, 2, 2, 2.5, 4, 4, 5, 5, 5, 7, 8, 9];
    expect(clockStep(() => times.shift() ?? 10 + performance.now())).toBe(0.5);
  });
});

test("every case of the plan is one of the bench's table, or a training of its networks", () => {
  for (const { suite, case: name } of PLAN) {
    const parsed = parseCase(name);
    expect(suite).toBe(parsed.kind === "conv" ? "kernels" : parsed.mode === "train" ? "training" : "inference");
    if (name !== "ox-train@64") expect(CASES).toContain(name);
  }
});

describe("bars", () => {
  test("fastest first, from 0, with ratios to tuned JavaScript", () => {
    expect(barsOf(ROWS)).toEqual([
      { label: "WASM relaxed", length: 1, value: "1,010 images/s", ratio: "13×", isWasm: true },
      { label: "WASM strict", length: 800 / 1012, value: "800 images/s", ratio: "10×", isWasm: true },
      { label: "JavaScript, tuned", length: 80 / 1012, value: "80.0 images/s", ratio: "", isWasm: false },
    ]);
  });

  test("without tuned JavaScript against the obvious loops", () => {
    const bars = barsOf([row("convlet", "strict", 50), row("convlet-plain", "float64", 100)]);
    expect(bars.map(({ ratio }) => ratio)).toEqual(["", "0.5×"]);
  });

  test("threads are named", () => {
    expect(machineName({ engine: "convlet", numerics: "strict", threads: 2 })).toBe("WASM strict, 2 threads");
  });
});

describe("results", () => {
  const environment = { cpu: "unknown", cores: 2, runtime: ROWS[0].runtime, v8: "", platform: "Linux x86_64", date: "2026-11-25T00:00:00.000Z" };
  const results = new Results([{ name: "Threads", value: "not run: one core" }]);
  results.add({ rows: ROWS, notRun: ["conv_1 convlet-plain: too long"], problems: [] });

  test("as Markdown: tables, the browser's short name, what was not run", () => {
    const text = results.markdown(environment);
    expect(text).toContain("Chrome 156; 2026-11-25");
    expect(text).not.toContain("Mozilla");
    expect(text).toMatch(/\| mnist_cnn-train@64 \| convlet \| relaxed \| 1 \|.* 1012 images\/s \|/);
    expect(text).toContain("- Threads: not run: one core");
    expect(text).toContain("- not run: conv_1 convlet-plain: too long");
  });

  test("as JSON: everything", () => {
    const json = JSON.parse(results.json(environment));
    expect(json.rows).toHaveLength(3);
    expect(json).toMatchObject({ environment: { cores: 2 }, facts: [{ name: "Threads" }], problems: [] });
  });

  test("as a sentence, and whether all is equal", () => {
    expect(results.verdict()).toBe("This browser trains the digit network on 1,012 images a second, 12.7 times as fast as tuned JavaScript.");
    expect(results.equality()).toMatch(/^All machines/);
    const wrong = new Results([]);
    expect(wrong.verdict()).toBe("");
    wrong.add({ rows: [row("convlet", "strict", 1, { checked: false })], notRun: [], problems: [] });
    expect(wrong.equality()).toMatch(/could not be compared/);
    wrong.add({ rows: [], notRun: [], problems: ["x differs"] });
    expect(wrong.equality()).toMatch(/^Not all/);
  });
});

test("nothing that its scripts import is of Node alone", async () => {
  for (const name of ["main", "worker"]) {
    const entry = fileURLToPath(new URL(`../../examples/bench/${name}.ts`, import.meta.url));
    const built = await build({ entryPoints: [entry], bundle: true, write: false, metafile: true, format: "esm", external: ["node:*", "*.wasm"] });
    const imports = Object.values(built.metafile.outputs).flatMap((output) => output.imports);
    expect(imports.filter(({ path, kind }) => path.startsWith("node:") && kind === "import-statement")).toEqual([]);
  }
});
