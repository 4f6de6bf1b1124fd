/**
 * `npm run bench:ladder`: one convolution from the obvious loops up to the product, one idea a step, and what each idea buys.
 * scripts/ladder.mjs builds and starts this.
 */
import { writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { type Numerics, supportsRelaxed } from "../../src/machine/wasm.ts";
import { type ConvCase, convData, parseCase } from "../cases.ts";
import { commandLine } from "../commandLine.ts";
import { alternate, environment, type Row, relativeError, runtimeName, significant, writeJson } from "../report.ts";
import { limits } from "../selection.ts";
import { obvious, tuned } from "./javascript.ts";
import { LadderKernels } from "./kernels.ts";
import { product } from "./product.ts";

const CASE = "conv_64_64_3_1_1_56_1";
/** Relative to the largest value, against the obvious loops, which sum in float64. */
const TOLERANCE = 1e-5;
const THREADS = 2;
/** Calls in a row of what is fast: the first finds the caches, and workers, as another step left them. */
const CALLS = { float64: 1, strict: 8, relaxed: 8 } as const;
const USAGE = `npm run bench:ladder -- [options]
  --short           few samples
  --json FILE       { environment, rows }
  --markdown FILE   the table
  --help            this text`;

interface Step {
  readonly name: string;
  /** What is new in it. */
  readonly idea: string;
  readonly numerics: Numerics | "float64";
  readonly threads: number;
  readonly run: () => void;
  /** What the last run computed. */
  readonly output: () => Float32Array;
  readonly dispose?: () => void;
}

const notRun: string[] = [];

async function ladder(conv: ConvCase): Promise<Step[]> {
  const data = convData(conv);
  const kernels = new LadderKernels(conv, data);
  const javaScript = (name: string, idea: string, { run, output }: ReturnType<typeof obvious>): Step => {
    return { name, idea, numerics: "float64", threads: 1, run, output: () => output };
  };
  const kernel = (name: string, idea: string, ...[file, numerics]: Parameters<LadderKernels["step"]>): Step => {
    const { run, output } = kernels.step(file, numerics);
    return { name, idea, numerics, threads: 1, run, output: () => output };
  };
  const steps = [
    javaScript("obvious JavaScript", "seven loops, the sum in float64", obvious(conv, data)),
    javaScript("tuned JavaScript", "patches and weights packed, 4x4 sums in locals", tuned(conv, data)),
    kernel("scalar WASM", "the obvious loops again, compiled, in a halo of zeros", "scalar", "strict"),
    kernel("SIMD", "four output channels in one instruction", "simd", "strict"),
    kernel("register tile", "4 pixels x 8 channels in registers, weights in panels", "tile", "strict"),
  ];
  if (supportsRelaxed()) steps.push(kernel("fused multiply-add", "the same source, product and sum in one instruction", "tile", "relaxed"));
  else notRun.push("fused multiply-add: this engine has no relaxed SIMD");
  const numerics = supportsRelaxed() ? "relaxed" : "strict";
  for (const threads of [1, THREADS]) {
    if (threads > availableParallelism()) {
      notRun.push(`${threads} threads: this machine has ${availableParallelism()} core`);
      continue;
    }
    const { algorithm, ...step } = await product(conv, data, numerics, threads);
    const idea =
      threads > 1 ? "rows shared out" : algorithm === "winograd" ? "fewer products" : "any shape and stride; the copy into the halo included";
    steps.push({ name: threads > 1 ? `product, ${threads} threads` : `product, ${algorithm}`, idea, numerics, threads, ...step });
  }
  return steps;
}

function repeat(run: () => void, times: number): void {
  for (; times > 0; times--) run();
}

/** A line for every step whose numbers are not those of the first. */
function compare(steps: readonly Step[]): string[] {
  steps[0].run();
  const expected = steps[0].output().slice();
  return steps.flatMap(({ name, run, output }) => {
    // Kernels of the ladder share an output: a step that computes nothing must not pass with what another left.
    output().fill(Number.NaN);
    run();
    const error = relativeError(output(), expected);
    console.error(`  ${name}: error ${error.toExponential(1)}`);
    return error <= TOLERANCE ? [] : [`${name}: differs from ${steps[0].name} by ${error.toExponential(1)}, allowed ${TOLERANCE}`];
  });
}

function table(steps: readonly Step[], rows: readonly Row[]): string {
  const lines = rows.map(({ medianMs, minMs, rate }, index) => {
    const { name, idea, numerics } = steps[index];
    const gain = index === 0 ? "" : `${(rows[index - 1].minMs / minMs).toFixed(2)}x`;
    const total = index === 0 ? "" : `${significant(rows[0].minMs / minMs)}x`;
    return [name, idea, numerics, significant(medianMs), significant(minMs), significant(rate), gain, total];
  });
  const head = ["step", "what is new", "numerics", "median ms", "min ms", "GFLOP/s", "gain", "over the first"];
  const rule = head.map((_, column) => (column > 2 ? "---:" : "---"));
  return [head, rule, ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** Threads gain nothing on cores that others use: a load near the number of cores before anything ran. */
function busyNote(load: number): string[] {
  const cores = availableParallelism();
  if (load <= cores - 0.5) return [];
  return [`- **other work was running** (load average ${load.toFixed(1)} on ${cores} cores): the row with ${THREADS} threads says nothing`];
}

async function main(): Promise<void> {
  const file = { type: "string" } as const;
  const options = { short: { type: "boolean" }, json: file, markdown: file } as const;
  const { short = false, json, markdown } = commandLine(process.argv.slice(2), options, USAGE);
  const conv = parseCase(CASE) as ConvCase;
  const [load] = loadavg();
  const steps = await ladder(conv);
  try {
    const problems = compare(steps);
    const repeated = steps.map(({ name, numerics, run }) => ({ name, run: () => repeat(run, CALLS[numerics]) }));
    const measured = await alternate(repeated, limits({ short }));
    const rows = steps.map(({ name, numerics, threads }): Row => {
      const [medianMs, minMs] = [measured.get(name)!.medianMs / CALLS[numerics], measured.get(name)!.minMs / CALLS[numerics]];
      const row = { suite: "ladder", case: CASE, engine: name, numerics, threads, runtime: runtimeName(), unit: "GFLOP/s" };
      return { ...row, medianMs, minMs, rate: (conv.flop / minMs) * 1e-6, checked: problems.length === 0 };
    });
    const env = await environment();
    const text = [
      `${CASE}: 3x3, 64 to 64 channels, 56x56, one image, ${(conv.flop * 1e-6).toFixed(0)} MFLOP. ${env.cpu}; ${env.runtime}; ${env.date.slice(0, 10)}`,
      "",
      table(steps, rows),
      "",
      "Gains and rates are of the minima. The rate counts the obvious loops' work, whatever a step really does; weights are packed before.",
      ...busyNote(load),
      ...notRun.map((line) => `- not run: ${line}`),
      ...problems.map((line) => `- **${line}**`),
    ].join("\n");
    console.log(text);
    if (markdown !== undefined) await writeFile(markdown, `${text}\n`);
    if (json !== undefined) await writeJson(json, { environment: env, rows });
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    for (const { dispose } of steps) dispose?.();
  }
}

main().catch((reason: Error) => {
  console.error(reason instanceof TypeError ? reason.message : reason);
  process.exitCode = 2;
});
