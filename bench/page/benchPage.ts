/** The page of `npm run bench`. */
import { type Figure, type ReportSection, renderReport, type TableFigure } from "../../src/inspect/report.ts";
import { floorCells, type Judged } from "../floors.ts";
import { ALLOWED, type Curve, nameAt, offences } from "../growth.ts";
import { type LayerProfile, PROFILE_COLUMNS, profileCells } from "../layers.ts";
import { type Environment, type Row, reallyDone, significant, threadRatios } from "../report.ts";
import { type Bar, barRows } from "./bars.ts";
import { growthChart } from "./growthChart.ts";
import { nameInWords } from "./names.ts";
import { roofline } from "./roofline.ts";
import type { Color } from "./svg.ts";

export interface BenchResult {
  readonly environment: Environment;
  readonly rows: readonly Row[];
  readonly growth: readonly Curve[];
  /** Of `--model`. */
  readonly layers: readonly LayerProfile[];
  readonly floors: readonly Judged[];
  /** One line each. */
  readonly notRun: readonly string[];
  readonly problems: readonly string[];
}

/** Self-contained. Sections without rows are left out. */
export function benchPage(result: BenchResult): string {
  const { environment, rows, growth } = result;
  const sections = [
    ...brought(result),
    machine(rows),
    kernels(rows),
    passes(rows),
    networks(rows),
    threads(rows),
    growing(growth),
    promised(result.floors),
    everything(result),
  ];
  return renderReport({
    title: "convlet, measured",
    lead: `Every figure of one run on one machine: ${environmentLine(environment)}.`,
    facts: facts(rows),
    sections: sections.filter((section) => section !== undefined),
    footer: `Made by npm run bench on ${environment.date.slice(0, 10)}. Bars are of the fastest sample; the table has the medians too.`,
  });
}

export function environmentLine({ cpu, cores, platform, runtime, v8 }: Environment): string {
  return `${cpu}, ${cores} cores, ${platform}, ${runtime}${v8 ? ` (V8 ${v8})` : ""}`;
}

const COLORS: Readonly<Record<string, Color>> = { "convlet relaxed": 0, "bench-js float64": 1, "convlet strict": 2, "convlet-plain float64": 3 };
const TITLES: Readonly<Record<string, string>> = {
  "convlet relaxed": "WASM relaxed",
  "bench-js float64": "tuned JavaScript",
  "convlet strict": "WASM strict",
  "convlet-plain float64": "plain JavaScript",
  "reference stream": "loop without arithmetic",
};

const contenderOf = ({ engine, numerics }: Row) => `${engine} ${numerics}`;
const isConvlet = ({ engine }: Row) => engine === "convlet";
/** Work per time at the fastest sample. */
const fastestRate = ({ rate, medianMs, minMs }: Row) => (rate * medianMs) / minMs;

function facts(rows: readonly Row[]) {
  const found = (name: string, numerics: string) => rows.find((row) => row.case === name && row.numerics === numerics && isConvlet(row));
  const wanted = [
    { row: found("mnist_cnn-train@64", "strict"), label: "images a second, training the MNIST CNN, strict" },
    { row: found("mnist_cnn@64", "relaxed"), label: "images a second, inference at batch 64, relaxed" },
    { row: found("conv_64_64_3_1_1_56_1", "relaxed"), label: "GFLOP/s of a 3x3 convolution, counted as the direct sum" },
  ];
  const shown = wanted.flatMap(({ row, label }) => (row === undefined ? [] : [{ value: Math.round(fastestRate(row)).toLocaleString("en"), label }]));
  const peak = peaksOf(rows).at(-1);
  return [...shown, ...(peak ? [{ value: `${peak.limit.toFixed(1)} GFLOP/s`, label: `the machine's best loop: ${peak.name}` }] : [])];
}

/** Best loop by numerics, the slower first. */
export function peaksOf(rows: readonly Row[]) {
  const arithmetic = rows.filter(({ suite, unit }) => suite === "reference" && unit === "GFLOP/s");
  return (["strict", "relaxed"] as const).flatMap((numerics) => {
    const own = arithmetic.filter((row) => row.numerics === numerics);
    if (own.length === 0) return [];
    return [{ name: numerics === "strict" ? "multiply and add" : "fused multiply-add", limit: Math.max(...own.map(fastestRate)) }];
  });
}

export function bandwidthsOf(rows: readonly Row[]) {
  const streams = rows.filter(({ suite, unit }) => suite === "reference" && unit === "GB/s");
  const fastest = streams.toSorted((a, b) => fastestRate(b) - fastestRate(a));
  return [fastest[0], fastest.at(-1)]
    .filter((row) => row !== undefined)
    .map((row) => ({ name: `${row.case.replace(/,? \d.*$/, "")} stream`, limit: fastestRate(row) }));
}

function machine(rows: readonly Row[]): ReportSection | undefined {
  const points = rows.filter(
    (row) => isConvlet(row) && row.threads === 1 && row.arithmetic !== undefined && row.bytes !== undefined && !row.case.endsWith("/packing"),
  );
  if (points.length === 0) return undefined;
  const drawn = points.map((row) => ({
    name: nameInWords(row.case),
    intensity: row.arithmetic! / row.bytes!,
    gflops: (row.arithmetic! / row.minMs) * 1e-6,
    color: COLORS[contenderOf(row)],
  }));
  const series = [
    { name: "relaxed", color: 0 },
    { name: "strict", color: 2 },
  ] as const;
  const parts = { points: drawn, peaks: peaksOf(rows), bandwidths: bandwidthsOf(rows), series };
  const caption =
    "Roofline: the flat lines are the best loops of this machine, hot in cache; the slopes are its streams of 192 MB. Arithmetic counts as really done (Winograd's products, not the sum's), bytes as each array once.";
  const table = drawn.map(({ name, intensity, gflops }, index) => [name, points[index].numerics, significant(intensity), significant(gflops)]);
  const columns = ["kernel", "numerics", "FLOP per byte", "GFLOP/s"];
  const text = [
    "How near each kernel comes to what arithmetic or memory allow it. What fits the caches may lie above the slopes, never above the flat lines.",
  ];
  return { id: "roofline", title: "The machine's limits", text, figures: [{ kind: "drawn", caption, svg: roofline(parts), columns, rows: table }] };
}

function bar(row: Row, words: string): Bar {
  const contender = contenderOf(row);
  return { label: TITLES[contender] ?? contender, value: fastestRate(row), words, color: COLORS[contender] ?? 3 };
}

const rateWords = (row: Row) => `${significant(fastestRate(row))} ${row.unit}`;

function barsOf(rows: readonly Row[], caption: string): Figure {
  const names = [...new Set(rows.map((row) => row.case))];
  const groups = names.map((name) => ({
    title: nameInWords(name),
    bars: rows.filter((row) => row.case === name).map((row) => bar(row, rateWords(row))),
  }));
  const table = rows.map((row) => [row.case, TITLES[contenderOf(row)] ?? row.engine, significant(row.minMs), rateWords(row)]);
  return { kind: "drawn", half: true, caption, svg: barRows(groups, { label: caption }), columns: ["case", "engine", "min ms", "rate"], rows: table };
}

function fractionsOf(rows: readonly Row[], caption: string): Figure {
  const own = rows.filter((row) => isConvlet(row) && row.fraction !== undefined);
  const names = [...new Set(own.map((row) => row.case))];
  const groups = names.map((name) => ({
    title: nameInWords(name),
    bars: own.filter((row) => row.case === name).map((row) => ({ ...bar(row, row.fraction!.toFixed(2)), value: row.fraction! })),
  }));
  const table = own.map((row) => [row.case, row.numerics, reallyDone(row), row.fraction!.toFixed(2)]);
  const columns = ["case", "numerics", "really done", "of reference"];
  return { kind: "drawn", half: true, caption, svg: barRows(groups, { label: caption, full: 1 }), columns, rows: table };
}

function kernels(rows: readonly Row[]): ReportSection | undefined {
  const own = rows.filter(({ suite, unit }) => suite === "kernels" && unit === "GFLOP/s");
  if (own.length === 0) return undefined;
  const rates = "Rates at the work of the direct sum, each case on its own scale. Winograd's may exceed the machine's arithmetic.";
  const fractions = "Part of the best loop with the same instructions, at the arithmetic really done.";
  const text = ["One layer at a time, weights packed before, every engine's numbers compared in the same run."];
  return { id: "kernels", title: "Kernels that compute", text, figures: [barsOf(own, rates), fractionsOf(own, fractions)] };
}

function passes(rows: readonly Row[]): ReportSection | undefined {
  const own = rows.filter(({ suite, unit }) => suite === "kernels" && unit === "GB/s");
  if (own.length === 0) return undefined;
  const rates = "Bytes that must be read and written, per second.";
  const fractions = "Part of a loop without arithmetic over the same arrays, measured in the same rounds.";
  const text = ["Pooling, normalization, activation and optimizer on arrays that are larger than the caches: their limit is memory."];
  return { id: "passes", title: "Kernels that move data", text, figures: [barsOf(own, rates), fractionsOf(own, fractions)] };
}

function networks(rows: readonly Row[]): ReportSection | undefined {
  const [inference, training] = ["inference", "training"].map((suite) => rows.filter((row) => row.suite === suite));
  const figures = [
    ...(inference.length > 0 ? [barsOf(inference, "Inference: inputs copied in, outputs copied out. Each case on its own scale.")] : []),
    ...(training.length > 0 ? [barsOf(training, "Training: a step as fit makes it, with Adam and weights packed anew.")] : []),
  ];
  return figures.length === 0 ? undefined : { id: "networks", title: "Whole networks", text: [], figures };
}

/** The user's own model. */
function brought({ rows, layers }: BenchResult): ReportSection[] {
  const own = rows.filter(({ suite }) => suite === "model");
  if (own.length === 0) return [];
  const machines = barsOf(own, "Images a second on every machine. Each case on its own scale.");
  const text = ["Every machine's numbers are compared with plain JavaScript's in the same run, or with strict ones where that takes too long."];
  const times = layers.map((profile): Figure => {
    const bars = profile.rows.map(({ layer, kernel, ms }) => ({
      label: layer,
      value: ms,
      words: `${significant(ms)} ms ${kernel}`,
      color: 0 as const,
    }));
    const caption = `Time per instruction of a prediction at batch ${profile.batch}, ${profile.numerics}.`;
    const svg = barRows([{ title: `batch ${profile.batch}`, bars }], { label: caption });
    return { kind: "drawn", half: true, caption, svg, columns: PROFILE_COLUMNS, rows: profileCells(profile.rows) };
  });
  return [
    { id: "model", title: "The model", text, figures: [machines] },
    { id: "layers", title: "Layer by layer", text: [], figures: times },
  ];
}

function threads(rows: readonly Row[]): ReportSection | undefined {
  const ratios = threadRatios(rows);
  if (ratios.length === 0) return undefined;
  const groups = ratios.map(({ case: name, ratio, oneMs, manyMs }) => ({
    title: nameInWords(name),
    bars: [
      { label: "one thread", value: 1, words: `${significant(oneMs)} ms`, color: 2 as const },
      { label: "two threads", value: ratio, words: `${significant(manyMs)} ms, ${ratio.toFixed(2)}x`, color: 0 as const },
    ],
  }));
  const table = ratios.map(({ case: name, oneMs, manyMs, ratio, median }) => [
    name,
    significant(oneMs),
    significant(manyMs),
    ratio.toFixed(2),
    median.toFixed(2),
  ]);
  const caption = "Strict, the same bits. Two threads need both cores of a machine that has two: what else runs there is seen here first.";
  const columns = ["case", "one thread, min ms", "two threads, min ms", "faster, minima", "faster, medians"];
  const figure = { kind: "drawn", half: true, caption, svg: barRows(groups, { label: caption, full: 2 }), columns, rows: table } as const;
  return { id: "threads", title: "Two threads", text: ["Speed over that of one thread; the line is twice."], figures: [figure] };
}

function growing(curves: readonly Curve[]): ReportSection | undefined {
  if (curves.length === 0) return undefined;
  const baseOf = ({ pattern }: Curve) => pattern.split("/")[0];
  const figures = [...new Set(curves.map(baseOf))].map((pattern): Figure => {
    const own = curves.filter((curve) => baseOf(curve) === pattern);
    const columns = [own[0].axis, ...own.map(({ work, numerics }) => `${work}, ${numerics}`)];
    const rows = own[0].sizes.map((size, index) => [`${size}`, ...own.map(({ minMs }) => significant(minMs[index]))]);
    return { kind: "drawn", half: true, caption: `${own[0].work} by ${own[0].axis}: \`${pattern}\``, svg: growthChart(own), columns, rows };
  });
  const found = curves.flatMap(offences);
  const pairs: TableFigure = {
    kind: "table",
    caption: `Pairs in which the smaller size takes more than ${ALLOWED} times as long as the larger one.`,
    columns: ["smaller", "numerics", "min ms", "larger", "min ms", "ratio"],
    rows: found.map(({ curve, small, large, smallMs, largeMs }) => [
      nameAt(curve, small),
      ...[curve.numerics, significant(smallMs), nameAt(curve, large), significant(largeMs), (smallMs / largeMs).toFixed(2)],
    ]),
  };
  const text = [
    "A smaller size should never take noticeably longer than a larger one: no cliff beside a tile's edge. Rings mark sizes that do.",
    found.length === 0
      ? `None of ${curves.length} curves has such a pair.`
      : `${found.length} pairs in ${new Set(found.map(({ curve }) => curve)).size} of ${curves.length} curves.`,
  ];
  return { id: "growth", title: "How cost grows", text, figures: [...figures, ...(found.length > 0 ? [pairs] : [])] };
}

/** Floors that the run measured. */
export function promised(judged: readonly Judged[]): ReportSection | undefined {
  const measured = judged.filter(({ passes }) => passes !== undefined);
  if (measured.length === 0) return undefined;
  const table: TableFigure = {
    kind: "table",
    caption: "Of the minima, ratios within one run. The table of floors is bench/floors.ts.",
    columns: ["work", "numerics", "floor", "reached", "", "goal", "reached", ""],
    rows: measured.map(floorCells),
  };
  const held = measured.filter(({ passes }) => passes).length;
  const text = [`Floors must be reached, goals are chased: ${held} of ${measured.length} floors hold in this run.`];
  return { id: "floors", title: "Floors and goals", text, figures: [table] };
}

function everything({ rows, notRun, problems }: BenchResult): ReportSection {
  const table: TableFigure = {
    kind: "table",
    caption:
      "Median and minimum of one call; engines take turns. Rate: work of the direct sum over the median. Checked: compared with the baseline's numbers in this run.",
    columns: ["case", "engine", "numerics", "threads", "median ms", "min ms", "rate", "really done", "of reference", "checked"],
    rows: rows.map((row) => [
      ...[row.case, row.engine, row.numerics, `${row.threads}`, significant(row.medianMs), significant(row.minMs)],
      ...[`${significant(row.rate)} ${row.unit}`, reallyDone(row), row.fraction?.toFixed(2) ?? "", row.checked ? "yes" : "no"],
    ]),
  };
  const text = [...problems.map((line) => `*${line}*`), ...notRun.map((line) => `Not run: ${line}.`)];
  return { id: "rows", title: "All rows", text, figures: [table] };
}
