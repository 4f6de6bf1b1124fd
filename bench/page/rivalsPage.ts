/** The page of `npm run bench:rivals`. */
import { type Figure, type ReportSection, renderReport, type TableFigure } from "../../src/inspect/report.ts";
import { parseCase } from "../cases.ts";
import type { Judged } from "../floors.ts";
import { type Row, significant } from "../report.ts";
import type { ColdStart } from "../rivals/coldStart.ts";
import type { RivalRow } from "../rivals/runCase.ts";
import type { Report } from "../rivals/table.ts";
import { barRows, ratioRows } from "./bars.ts";
import { bandwidthsOf, environmentLine, peaksOf, promised } from "./benchPage.ts";
import { nameInWords } from "./names.ts";
import { roofline } from "./roofline.ts";
import type { Color } from "./svg.ts";

export interface RivalsResult extends Report {
  /** The machine's own loops; none where they were not measured. */
  readonly references: readonly Row[];
  readonly floors: readonly Judged[];
  /** One line each. */
  readonly notes: readonly string[];
}

/** Self-contained. */
export function rivalsPage(result: RivalsResult): string {
  const { environment, rows, coldStarts } = result;
  const sections = [ratios(rows), cases(rows), limits(result), starts(coldStarts), promised(result.floors), everything(result)];
  return renderReport({
    title: "convlet beside other engines",
    lead: `The same models, weights and inputs in one run, engines in turns, on one machine: ${environmentLine(environment)}.`,
    facts: facts(rows, coldStarts),
    sections: sections.filter((section) => section !== undefined),
    footer: `Made by npm run bench:rivals on ${environment.date.slice(0, 10)}. Bars and ratios are of the fastest sample; the table has the medians too.`,
  });
}

/** By kind; the two numerics of the library apart. */
const COLORS: Readonly<Record<RivalRow["kind"], Color>> = { convlet: 0, wasm: 1, native: 2, js: 3 };
const KINDS = ["wasm", "native", "js"] as const;
const KIND_TITLES = { wasm: "best WASM engine", native: "best native engine", js: "best engine in JavaScript" } as const;

type Kind = (typeof KINDS)[number];

const namesOf = (rows: readonly RivalRow[]) => [...new Set(rows.map((row) => row.case))];
const single = (rows: readonly RivalRow[], name: string) => rows.filter((row) => row.case === name && row.threads === 1);
const fastest = <T extends { readonly minMs: number }>(rows: readonly T[]): T | undefined => rows.toSorted((a, b) => a.minMs - b.minMs)[0];

/** Times as fast as the fastest of a kind; undefined where one of the two did not run. */
function ratioTo(rows: readonly RivalRow[], name: string, kind: Kind): number | undefined {
  const own = fastest(single(rows, name).filter((row) => row.kind === "convlet"));
  const other = fastest(single(rows, name).filter((row) => row.kind === kind));
  return own && other && other.minMs / own.minMs;
}

function facts(rows: readonly RivalRow[], coldStarts: readonly ColdStart[]) {
  const wanted = [
    ["conv_64_64_3_1_1_56_1", "wasm", "as fast as the best WASM engine: 3x3 convolution"],
    ["mnist_cnn@64", "wasm", "as fast as the best WASM engine: MNIST CNN, batch 64"],
    ["mnist_cnn-train@64", "js", "as fast as the best engine in JavaScript or WASM: training"],
  ] as const;
  const shown = wanted.flatMap(([name, kind, label]) => {
    const ratio = ratioTo(rows, name, kind);
    return ratio === undefined ? [] : [{ value: `${significant(ratio)}x`, label }];
  });
  const start = coldStarts.find(({ engine }) => engine === "convlet");
  return start === undefined ? shown : [...shown, { value: `${significant(start.medianMs)} ms`, label: "from import to the first prediction" }];
}

function ratios(rows: readonly RivalRow[]): ReportSection | undefined {
  const kinds = KINDS.filter((kind) => rows.some((row) => row.kind === kind));
  const found = namesOf(rows).map((name) => ({ name, values: kinds.map((kind) => ratioTo(rows, name, kind)) }));
  const drawn = found.map(({ name, values }) => ({
    label: nameInWords(name),
    points: values.flatMap((value, index) => (value === undefined ? [] : [{ series: COLORS[kinds[index]], value }])),
  }));
  if (drawn.every(({ points }) => points.length === 0)) return undefined;
  const series = ["", ...(["wasm", "native", "js"] as const).map((kind) => KIND_TITLES[kind])];
  const caption = "convlet's speed over that of the fastest engine of each kind, one thread. Right of the line convlet is faster.";
  const svg = ratioRows(drawn, { label: caption, series });
  const table = found.map(({ name, values }) => [name, ...values.map((value) => (value === undefined ? "" : `${value.toFixed(2)}x`))]);
  const figure: Figure = { kind: "drawn", caption, svg, columns: ["case", ...kinds.map((kind) => KIND_TITLES[kind])], rows: table };
  return { id: "ratios", title: "Against the best of each kind", text: [], figures: [figure] };
}

function titleOf({ engine, numerics, threads, kind }: RivalRow): string {
  return `${engine}${kind === "convlet" ? ` ${numerics}` : ""}${threads > 1 ? `, ${threads} threads` : ""}`;
}

function cases(rows: readonly RivalRow[]): ReportSection | undefined {
  if (rows.length === 0) return undefined;
  const figures = namesOf(rows).map((name): Figure => {
    const own = rows.filter((row) => row.case === name).toSorted((a, b) => a.minMs - b.minMs);
    const bars = own.map((row) => {
      const rate = (row.rate * row.medianMs) / row.minMs;
      return { label: titleOf(row), value: rate, words: `${significant(row.minMs)} ms`, color: COLORS[row.kind] };
    });
    const svg = barRows([{ title: nameInWords(name), bars }], { label: `speed of every engine, ${nameInWords(name)}` });
    const table = own.map((row) => [titleOf(row), significant(row.minMs), significant(row.medianMs), `${significant(row.rate)} ${row.unit}`]);
    return { kind: "drawn", half: true, caption: `\`${name}\``, svg, columns: ["engine", "min ms", "median ms", "rate"], rows: table };
  });
  const text = ["The longer the bar, the faster; behind it the time of a call. Each case has its own scale."];
  return { id: "cases", title: "Case by case", text, figures };
}

function limits({ rows, references }: RivalsResult): ReportSection | undefined {
  const convolutions = namesOf(rows).filter((name) => name.startsWith("conv_"));
  if (references.length === 0 || convolutions.length === 0) return undefined;
  const points = convolutions.flatMap((name) => {
    const conv = parseCase(name);
    if (conv.kind !== "conv") throw new Error(`internal: ${name} is no convolution`);
    const { batch, size, inChannels, outChannels, outSize, window, groups, flop } = conv;
    const bytes = 4 * (batch * (size ** 2 * inChannels + outSize ** 2 * outChannels) + (window ** 2 * inChannels * outChannels) / groups);
    const best = (["convlet", "wasm", "native"] as const).map((kind) => fastest(single(rows, name).filter((row) => row.kind === kind)));
    return best.flatMap((row) => {
      if (row === undefined) return [];
      const gflops = (flop / row.minMs) * 1e-6;
      return [{ name: nameInWords(name), engine: row.engine, intensity: flop / bytes, gflops, color: COLORS[row.kind] }];
    });
  });
  const series = [
    { name: "convlet", color: COLORS.convlet },
    { name: "best WASM", color: COLORS.wasm },
    { name: "best native", color: COLORS.native },
  ];
  const caption =
    "Roofline of 128-bit WebAssembly on this machine. Work is that of the direct sum for every engine: Winograd (3x3) and wider vectors (native) may lie above it.";
  const svg = roofline({ points, peaks: peaksOf(references), bandwidths: bandwidthsOf(references), series });
  const table = points.map(({ name, engine, intensity, gflops }) => [name, engine, significant(intensity), significant(gflops)]);
  const columns = ["convolution", "engine", "FLOP per byte", "GFLOP/s"];
  return { id: "roofline", title: "The machine's limits", text: [], figures: [{ kind: "drawn", caption, svg, columns, rows: table }] };
}

function starts(coldStarts: readonly ColdStart[]): ReportSection | undefined {
  if (coldStarts.length === 0) return undefined;
  const bars = coldStarts.map(({ engine, medianMs }) => {
    return { label: engine, value: medianMs, words: `${significant(medianMs)} ms`, color: engine === "convlet" ? (0 as const) : (1 as const) };
  });
  const caption = "From the first import to the first prediction of the MNIST CNN, median of fresh processes. The shorter the better.";
  const rows = coldStarts.map(({ engine, medianMs, minMs, runs }) => [engine, significant(medianMs), significant(minMs), `${runs}`]);
  const columns = ["engine", "median ms", "min ms", "processes"];
  const figure: Figure = {
    kind: "drawn",
    half: true,
    caption,
    svg: barRows([{ title: "first prediction", bars }], { label: caption }),
    columns,
    rows,
  };
  return { id: "start", title: "The first prediction", text: [], figures: [figure] };
}

function everything({ rows, notes }: RivalsResult): ReportSection {
  const table: TableFigure = {
    kind: "table",
    caption:
      "CPUs: CPU time of all threads over wall time. Checked: what was compared with the bench's own JavaScript in this run, and the relative error.",
    columns: ["case", "engine", "threads", "median ms", "min ms", "rate", "samples", "CPUs", "checked"],
    rows: rows.map((row) => [
      ...[row.case, titleOf(row), `${row.threads}`, significant(row.medianMs), significant(row.minMs), `${significant(row.rate)} ${row.unit}`],
      ...[`${row.runs}`, row.cpu.toFixed(2), `${row.checked ? "yes" : "NO"}: ${row.check}`],
    ]),
  };
  return { id: "rows", title: "All rows", text: notes.map((line) => `${line}.`), figures: [table] };
}
