/** The tables of `npm run bench:rivals`. */
import { type Environment, significant, table } from "../report.ts";
import type { ColdStart } from "./coldStart.ts";
import type { RivalRow } from "./runCase.ts";

export interface Report {
  readonly environment: Environment;
  readonly rows: readonly RivalRow[];
  readonly coldStarts: readonly ColdStart[];
}

export function rivalTables({ environment, rows, coldStarts }: Report): string {
  const { cpu, cores, platform, runtime, v8, date } = environment;
  const parts = [`${cpu}, ${cores} cores, ${platform}; ${runtime} (V8 ${v8}); ${date}`];
  if (rows.length > 0) parts.push("## Ratios, one thread\n", ratios(rows), "\n## All engines\n", details(rows));
  if (coldStarts.length > 0) parts.push("\n## From import to the first prediction of mnist_cnn@1, fresh processes\n", coldTable(coldStarts));
  return `${parts.join("\n")}\n`;
}

const COMPARED = { "best in WASM": "wasm", "best in JavaScript": "js", "best native": "native" } as const;

/** How many times as fast as the best engine of each kind: by the minima, and in brackets by the medians. */
function ratios(rows: readonly RivalRow[]): string {
  const lines: string[][] = [];
  for (const name of new Set(rows.map((row) => row.case))) {
    const single = rows.filter((row) => row.case === name && row.threads === 1);
    const best = Object.values(COMPARED).map((kind) => fastest(single.filter((row) => row.kind === kind)));
    for (const own of single.filter(({ kind }) => kind === "convlet")) {
      lines.push([name, own.numerics, significant(own.minMs), ...best.flatMap((rival) => against(rival, own))]);
    }
  }
  const header = ["case", "convlet", "min ms", ...Object.keys(COMPARED).flatMap((title) => [title, "convlet's speed"])];
  return table(header, lines, [2, 4, 6, 8]);
}

function fastest(rows: readonly RivalRow[]): RivalRow | undefined {
  return rows.toSorted((a, b) => a.minMs - b.minMs)[0];
}

function against(rival: RivalRow | undefined, own: RivalRow): string[] {
  if (rival === undefined) return ["", ""];
  const ratio = (value: number) => `${value.toFixed(2)}x`;
  const ratios = `${ratio(rival.minMs / own.minMs)} (${ratio(rival.medianMs / own.medianMs)})`;
  return [`${rival.engine} ${significant(rival.minMs)} ms`, ratios];
}

function details(rows: readonly RivalRow[]): string {
  const lines = rows.map((row) => [
    row.case,
    row.engine,
    row.numerics,
    String(row.threads),
    significant(row.medianMs),
    significant(row.minMs),
    `${significant(row.rate)} ${row.unit}`,
    String(row.runs),
    row.cpu.toFixed(2),
    `${row.checked ? "yes" : "NO"}: ${row.check}`,
  ]);
  return table(["case", "engine", "numerics", "threads", "median ms", "min ms", "rate", "samples", "CPUs", "checked"], lines, [3, 4, 5, 6, 7, 8]);
}

function coldTable(coldStarts: readonly ColdStart[]): string {
  const own = coldStarts.find(({ engine }) => engine === "convlet");
  const lines = coldStarts.map(({ engine, medianMs, minMs, runs, checked }) => {
    const ratio = own === undefined ? "" : `${(medianMs / own.medianMs).toFixed(2)}x`;
    return [engine, significant(medianMs), significant(minMs), String(runs), ratio, checked ? "yes" : "NO"];
  });
  return table(["engine", "median ms", "min ms", "processes", "of convlet's", "checked"], lines, [1, 2, 3, 4]);
}
