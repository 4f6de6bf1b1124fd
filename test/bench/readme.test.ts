import { describe, expect, test } from "vitest";
import { type RivalsResult, rivalsPage } from "../../bench/page/rivalsPage.ts";
import { aligned, benchReadme, replaceBetween, rivalsReadme } from "../../bench/readme.ts";
import type { Row } from "../../bench/report.ts";
import type { RivalRow } from "../../bench/rivals/runCase.ts";
import { RIVAL_CASES } from "../../bench/rivals/workload.ts";
import { textOf } from "../support/sources.ts";

const environment = { cpu: "CPU", cores: 2, runtime: "Node 24", v8: "13", platform: "linux x64", date: "2026-11-25T09:00:00.000Z" };

const rowOf = (own: Partial<RivalRow>): RivalRow => ({
  ...{ suite: "kernels", case: "ox@1", engine: "convlet", numerics: "relaxed", threads: 1, runtime: "Node 24", kind: "convlet" },
  ...{ medianMs: 3, minMs: 2, rate: 10, unit: "GFLOP/s", checked: true, check: "output 1e-6", runs: 9, cpu: 1 },
  ...own,
});

const rows = RIVAL_CASES.flatMap((name) => [
  rowOf({ case: name, numerics: "strict", minMs: 2.5 }),
  rowOf({ case: name }),
  rowOf({ case: name, engine: "tfjs-wasm", kind: "wasm", numerics: "float32", minMs: 5 }),
  rowOf({ case: name, engine: "onnxruntime-web", kind: "wasm", numerics: "float32", threads: 2, minMs: 1 }),
  rowOf({ case: name, engine: "onnxruntime-node", kind: "native", numerics: "native", minMs: 1.5 }),
]);

describe("the README's tables", () => {
  test("have their places", () => {
    for (const name of ["bench", "bench:rivals"])
      expect(replaceBetween(textOf("README.md"), name, "X")).toContain(`<!-- ${name} -->\nX\n<!-- /${name} -->`);
    expect(() => replaceBetween("nothing", "bench", "X")).toThrow("README.md has no place between <!-- bench --> and <!-- /bench -->");
  });

  test("tell machine, date and ratios of one thread", () => {
    const text = rivalsReadme(environment, rows, ["pytorch: missing"]);
    expect(text).toContain("CPU, 2 cores, Node 24, 2026-11-25");
    expect(text.match(/2\.50x tfjs-wasm \| +0\.75x onnxruntime-node/g)).toHaveLength(RIVAL_CASES.length);
    expect(text.endsWith("pytorch: missing")).toBe(true);
    expect(() => rivalsReadme(environment, rows.slice(5), [])).toThrow("no rows of convlet for conv_64_64_3_1_1_56_1");
  });

  test("of the bench are of the minima", () => {
    const timed = (name: string, engine: string, numerics: string, minMs: number): Row => rowOf({ case: name, engine, numerics, minMs });
    const all = ["mnist_cnn-train@64", "mnist_cnn@64", "mnist_cnn@1"].flatMap((name) => [
      timed(name, "convlet", "strict", 64),
      timed(name, "convlet", "relaxed", 32),
      timed(name, "bench-js", "float64", 640),
    ]);
    const text = benchReadme(environment, all);
    expect(text).toMatch(/\| training, batch 64, Adam +\| +1,000 images\/s \| +2,000 images\/s \| +100 images\/s \|/);
    expect(() => benchReadme(environment, all.slice(1))).toThrow("no row of mnist_cnn-train@64, convlet strict");
  });

  test("are aligned", () => {
    expect(
      aligned([
        ["a", "b"],
        ["longer", "12345"],
      ]),
    ).toBe("| a      |     b |\n| ------ | ----: |\n| longer | 12345 |");
  });
});

test("the page of the rivals: every case and ratio, no network, no script", () => {
  const result: RivalsResult = {
    ...{ environment, rows, floors: [], notes: ["not run: *something*"] },
    coldStarts: [
      { engine: "convlet", medianMs: 20, minMs: 19, runs: 20, checked: true },
      { engine: "tfjs-wasm", medianMs: 200, minMs: 190, runs: 20, checked: true },
    ],
    references: [
      rowOf({ suite: "reference", engine: "reference", case: "fused, 12 chains", rate: 58 }),
      rowOf({ suite: "reference", engine: "reference", case: "copy 96 MB", unit: "GB/s" }),
    ],
  };
  const page = rivalsPage(result);
  expect([...page.matchAll(/<h2 id="(\w+)"/g)].map(([, id]) => id)).toEqual(["ratios", "cases", "roofline", "start", "rows"]);
  for (const name of RIVAL_CASES) expect(page).toContain(`<code>${name}</code>`);
  expect(page).toContain("3x3, 64 → 64, 56x56: 2.50x of best WASM engine");
  expect(page).not.toMatch(/<script|<link|src=|url\(|https?:|@import/);
});
