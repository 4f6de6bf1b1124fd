/** The README's tables, made from a run: `--readme` puts them between <!-- NAME --> and <!-- /NAME -->. */
import { readFile, writeFile } from "node:fs/promises";
import type { RivalFigure } from "./floors.ts";
import { type Environment, type Row, significant } from "./report.ts";

/** RangeError where the text has no such place. */
export function replaceBetween(text: string, name: string, content: string): string {
  const [first, last] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(first), text.indexOf(last)];
  if (start < 0 || end < start) throw new RangeError(`README.md has no place between ${first} and ${last}`);
  return `${text.slice(0, start + first.length)}\n${content.trim()}\n${text.slice(end)}`;
}

export async function writeReadme(path: string, name: string, content: string): Promise<void> {
  await writeFile(path, replaceBetween(await readFile(path, "utf8"), name, content));
}

/** "AMD EPYC, 2 cores, Node 24.21.0, 2026-11-25". */
function place({ cpu, cores, runtime, date }: Environment): string {
  return `${cpu}, ${cores} cores, ${runtime}, ${date.slice(0, 10)}`;
}

/** Columns as wide as their widest cell: the first on the left, numbers on the right. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0].map((_, column) => Math.max(3, ...lines.map((line) => line[column].length)));
  const pad = (line: readonly string[]) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const [header, ...rest] = lines.map(pad);
  return [header, rule, ...rest].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function time(ms: number): string {
  return ms < 0.01 ? `${significant(ms * 1000)} µs` : `${significant(ms)} ms`;
}

/** Networks on WASM and in tuned JavaScript. RangeError where the run lacks one. */
export function benchReadme(environment: Environment, rows: readonly Row[]): string {
  const minMs = (name: string, engine: string, numerics: string) => {
    const row = rows.find((each) => each.case === name && each.engine === engine && each.numerics === numerics && each.suite !== "threads");
    if (row === undefined) throw new RangeError(`--readme: the run has no row of ${name}, ${engine} ${numerics}`);
    return row.minMs;
  };
  const cells = (name: string, words: (ms: number) => string) => [
    words(minMs(name, "convlet", "strict")),
    words(minMs(name, "convlet", "relaxed")),
    words(minMs(name, "bench-js", "float64")),
  ];
  const images = (ms: number) => `${Math.round((64 / ms) * 1000).toLocaleString("en")} images/s`;
  const table = aligned([
    ["MNIST CNN (1.2 M parameters)", "WASM strict", "WASM relaxed", "tuned JavaScript"],
    ["training, batch 64, Adam", ...cells("mnist_cnn-train@64", images)],
    ["inference, batch 64", ...cells("mnist_cnn@64", images)],
    ["inference, one image", ...cells("mnist_cnn@1", time)],
  ]);
  return `One thread; ${place(environment)}; minima of \`npm run bench -- --suite inference,training --readme\`.\n\n${table}`;
}

const CASES = [
  ["3x3, 64 → 64 at 56x56", "conv_64_64_3_1_1_56_1"],
  ["3x3, 256 → 256 at 14x14", "conv_256_256_3_1_1_14_1"],
  ["1x1, 128 → 256 at 28x28", "conv_128_256_1_1_0_28_1"],
  ["depthwise 3x3, 96 at 56x56", "conv_96_96_3_1_1_56_96"],
  ["first layer, 3 → 32, stride 2 at 224x224", "conv_3_32_3_2_1_224_1"],
  ["5x5, 1 → 32 at 28x28, batch 32", "conv_1_32_5_1_0_28_1@32"],
  ["MNIST CNN, one image", "mnist_cnn@1"],
  ["MNIST CNN, batch 64", "mnist_cnn@64"],
  ["MNIST CNN, training, batch 64", "mnist_cnn-train@64"],
  ["O/X network, one image", "ox@1"],
  ["MobileNet at 224x224, one image", "mobilenet@1"],
  ["ResNet-18 at 224x224, one image", "resnet18@1"],
] as const;

/** Against the best engine of each kind. `notes`: what a reader of the numbers must know. */
export function rivalsReadme(environment: Environment, rows: readonly RivalFigure[], notes: readonly string[]): string {
  const lines = CASES.map(([words, name]) => {
    const single = rows.filter((row) => row.case === name && row.threads === 1);
    const own = (numerics: string) => single.find((row) => row.kind === "convlet" && row.numerics === numerics);
    const [strict, relaxed] = [own("strict"), own("relaxed")];
    if (strict === undefined || relaxed === undefined) throw new RangeError(`--readme: the run has no rows of convlet for ${name}`);
    const against = (kind: RivalFigure["kind"]) => {
      const best = single.filter((row) => row.kind === kind).toSorted((a, b) => a.minMs - b.minMs)[0];
      return best === undefined ? "none can" : `${(best.minMs / relaxed.minMs).toFixed(2)}x ${best.engine}`;
    };
    return [words, time(strict.minMs), time(relaxed.minMs), against("wasm"), against("native")];
  });
  const table = aligned([["case", "strict", "relaxed", "relaxed, against the best WASM rival", "against the best native one"], ...lines]);
  const head = `One thread; ${place(environment)}; minima of \`npm run bench:rivals -- --readme\`, engines in turns; below 1 we are slower.`;
  return [head, table, ...notes].join("\n\n");
}
