import { describe, expect, test } from "vitest";
import { judge } from "../../bench/floors.ts";
import { barRows, ratioRows } from "../../bench/page/bars.ts";
import { type BenchResult, benchPage } from "../../bench/page/benchPage.ts";
import { nameInWords } from "../../bench/page/names.ts";
import { roofline } from "../../bench/page/roofline.ts";
import { logScale } from "../../bench/page/svg.ts";
import type { Row } from "../../bench/report.ts";

const row = (own: Partial<Row>): Row => ({
  ...{ suite: "kernels", case: "conv_64_64_3_1_1_56_1", engine: "convlet", numerics: "strict", threads: 1, runtime: "Node 24" },
  ...{ medianMs: 2, minMs: 1, rate: 50, unit: "GFLOP/s", checked: true },
  ...own,
});

const result: BenchResult = {
  environment: { cpu: "A <fast> CPU", cores: 2, runtime: "Node 24", v8: "13", platform: "linux x64", date: "2026-11-25T09:00:00.000Z" },
  rows: [
    row({ suite: "reference", case: "mul+add, 12 chains", engine: "reference", rate: 23, medianMs: 2, minMs: 1 }),
    row({ suite: "reference", case: "copy 24 MB", engine: "reference", unit: "GB/s", rate: 10 }),
    row({ arithmetic: 4e7, bytes: 1e6, fraction: 0.87 }),
    row({ engine: "bench-js", numerics: "float64", rate: 5 }),
    row({ case: "maxpool_2_64_24@64", unit: "GB/s", fraction: 0.5, arithmetic: 1e6, bytes: 1e7 }),
    row({ suite: "inference", case: "mnist_cnn@1", unit: "images/s" }),
    row({ suite: "model", case: "mine@32", unit: "images/s" }),
    row({ suite: "threads", case: "mnist_cnn@64", unit: "images/s", minMs: 10 }),
    row({ suite: "threads", case: "mnist_cnn@64", unit: "images/s", minMs: 5.4, threads: 2 }),
  ],
  growth: [
    { work: "dense", axis: "outputs", pattern: "dense_128_?@1", numerics: "strict", sizes: [31, 32, 33], minMs: [0.8, 0.3, 0.5] },
    { work: "dense", axis: "outputs", pattern: "dense_128_?@1", numerics: "relaxed", sizes: [31, 32, 33], minMs: [0.2, 0.3, 0.5] },
  ],
  layers: [{ batch: 32, numerics: "relaxed", rows: [{ layer: "conv1", kernel: "conv2dOutput", ms: 2, gflops: 40, bytes: 4e6 }] }],
  floors: judge({ rows: [], growth: [], rivals: [], coldStarts: [], arenaBytes: 30e6 }),
  notRun: ["something: it was late"],
  problems: ["conv: wrong"],
};

describe("the page of the bench", () => {
  const page = benchPage(result);

  test("asks the network for nothing and runs no script", () => {
    expect(page).not.toMatch(/<script|<link|src=|url\(|https?:|@import/);
    expect(page).toContain("prefers-color-scheme: dark");
  });

  test("has every section, and what it is given is text", () => {
    for (const id of ["model", "layers", "roofline", "kernels", "passes", "networks", "threads", "growth", "floors", "rows"])
      expect(page).toContain(`<h2 id="${id}">`);
    expect(page).toContain("A &lt;fast&gt; CPU");
    expect(page).not.toContain("<fast>");
    expect(page).toContain("Not run: something: it was late.");
    expect(page).toContain("<em>conv: wrong</em>");
  });

  test("writes ratios and offences", () => {
    expect(page).toContain("5.40 ms, 1.85x");
    expect(page).toContain("2 pairs in 1 of 2 curves.");
    expect(page.match(/<circle class="bad"/g)).toHaveLength(1);
    expect(page).toContain("strict: 31 takes 0.800 ms, 2.67x of 32, 1.60x of 33");
  });

  test("leaves out what was not measured", () => {
    const some = benchPage({ ...result, growth: [], rows: result.rows.filter(({ suite }) => suite === "inference") });
    expect([...some.matchAll(/<h2 id="(\w+)"/g)].map(([, id]) => id)).toEqual(["networks", "floors", "rows"]);
  });
});

describe("drawings", () => {
  test("scales by powers of ten", () => {
    const scale = logScale([0.1, 1000], [0, 400]);
    expect([0.1, 1, 10, 1000].map(scale.at).map(Math.round)).toEqual([0, 100, 200, 400]);
    expect(scale.value(300)).toBeCloseTo(100, 9);
    expect(scale.ticks).toEqual([0.1, 1, 10, 100, 1000]);
    expect(logScale([3, 60], [0, 1]).ticks).toEqual([5, 10, 20, 50]);
  });

  test("bars are as long as their values, within their group", () => {
    const bars = [1, 2, 4].map((value) => ({ label: "x", value, words: `${value}`, color: 0 as const }));
    const widths = [...barRows([{ title: "a", bars }], { label: "l" }).matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths[1] / widths[0]).toBeCloseTo(2, 2);
    expect(widths[2] / widths[0]).toBeCloseTo(4, 2);
  });

  test("a ratio of 1 lies on the line", () => {
    const drawn = ratioRows([{ label: "a", points: [{ series: 0, value: 1 }] }], { label: "l", series: ["WASM"] });
    const [, line] = /<line class="limit" x1="([\d.]+)"/.exec(drawn)!;
    expect(drawn).toContain(`<circle cx="${line}"`);
  });

  test("names of a crowded roofline do not cover each other", () => {
    const points = Array.from({ length: 24 }, (_, index) => {
      return { name: `kernel number ${index}`, intensity: 20 * 1.03 ** index, gflops: 40 + (index % 5), color: 0 as const };
    });
    const parts = { points, peaks: [{ name: "fma", limit: 58 }], bandwidths: [{ name: "copy", limit: 20 }], series: [] };
    const labels = [...roofline(parts).matchAll(/<text class="small axis" x="([\d.]+)" y="([\d.]+)">([^<]+)</g)];
    const boxes = labels.map(([, x, y, words]) => ({ x: Number(x), y: Number(y), width: 5 * words.length }));
    expect(boxes).toHaveLength(24);
    const covered = boxes.flatMap((a, at) =>
      boxes.slice(at + 1).filter((b) => a.x < b.x + b.width && b.x < a.x + a.width && Math.abs(a.y - b.y) < 10),
    );
    expect(covered).toEqual([]);
  });
});

test("cases in words", () => {
  expect(nameInWords("conv_64_64_3_1_1_56_1@8/weightGrad")).toBe("3x3, 64 → 64, 56x56, batch 8, weight gradient");
  expect(nameInWords("conv_96_96_3_1_1_56_96")).toBe("depthwise 3x3, 96, 56x56");
  expect(nameInWords("conv_3_32_3_2_1_224_1")).toBe("3x3, 3 → 32, 224x224, stride 2");
  expect(nameInWords("mnist_cnn-train@64")).toBe("MNIST CNN, training, batch 64");
  expect(nameInWords("my-own_net@32")).toBe("my-own_net@32");
  expect(nameInWords("ox@1")).toBe("O/X network, one image");
  expect(nameInWords("maxpool_2_64_24@256/inputGrad")).toBe("max pooling 2x2, batch 256, input gradient");
  expect(nameInWords("batchnorm_64_24@64")).toBe("batch norm, batch 64");
  expect(nameInWords("gemm_256/packing")).toBe("matrices 256x256, packing");
  expect(nameInWords("adam_1179776")).toBe("Adam, 1,179,776 weights");
});
