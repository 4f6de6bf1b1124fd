/** Measuring and reporting. A comparison is made in one run, candidates in alternating rounds, with median and minimum. */

export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly runtime: string;
  readonly v8: string;
  readonly platform: string;
  /** ISO 8601 */
  readonly date: string;
}

export interface Row {
  readonly suite: string;
  readonly case: string;
  readonly engine: string;
  /** strict, relaxed, float64, native … */
  readonly numerics: string;
  readonly threads: number;
  readonly runtime: string;
  readonly medianMs: number;
  readonly minMs: number;
  /** From the median, in `unit`. */
  readonly rate: number;
  readonly unit: string;
  /** The numbers were compared with the reference's in the same run. */
  readonly checked: boolean;
  /** FLOP of a call, at the algorithm that was chosen. */
  readonly arithmetic?: number;
  /** Of a call, each input, weight and output once. */
  readonly bytes?: number;
  /** Of the machine's reference loop, at the arithmetic or the bytes really done; both at their fastest. */
  readonly fraction?: number;
}

export interface Measurement {
  readonly medianMs: number;
  readonly minMs: number;
  /** Samples taken; a sample of a short function is the mean of several calls. */
  readonly runs: number;
}

export interface MeasureOptions {
  /** Samples are taken for at least this long (default 500) … */
  readonly minTimeMs?: number;
  /** … and at least so many (default 7). */
  readonly minRuns?: number;
  /** Before the first sample, so that optimising compilers are through (default 200; at least 3 calls). */
  readonly warmUpMs?: number;
  /** What has run for longer, warm-up included, gets no further sample; the last call of a warm-up as long as this is the only one. */
  readonly maxTimeMs?: number;
}

export interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

/** Timers of browsers step by up to 0.1 ms: a sample lasts ten steps or more. */
const MIN_SAMPLE_MS = 1;
const WARM_UP_CALLS = 3;

/** Times `run`, whose promise, if it returns one, is waited for. */
export async function measure(run: () => unknown, options: MeasureOptions = {}): Promise<Measurement> {
  return (await alternate([{ name: "", run }], options)).get("")!;
}

interface Running extends Candidate {
  /** Of one sample. */
  readonly calls: number;
  readonly samples: number[];
  spent: number;
}

/**
 * Measures all candidates in rounds, one sample each, and starts every round with another one: drift of the machine meets all alike. Every
 * other round goes backward, since each finds in the caches what the one before it left. The limits hold for each candidate.
 */
export async function alternate(candidates: readonly Candidate[], options: MeasureOptions = {}): Promise<Map<string, Measurement>> {
  const { minTimeMs = 500, minRuns = 7, warmUpMs = 200, maxTimeMs = Number.POSITIVE_INFINITY } = options;
  const all: Running[] = [];
  for (const { name, run } of candidates) all.push({ name, run, ...(await warmUp(run, warmUpMs, maxTimeMs)) });
  let running = all;
  const unfinished = () => running.some(({ samples, spent }) => samples.length < minRuns || spent < minTimeMs);
  for (let round = 0; unfinished(); round++) {
    running = running.filter(({ samples, spent }) => samples.length === 0 || spent < maxTimeMs);
    const direction = round % 2 === 0 ? 1 : running.length - 1;
    for (let turn = 0; turn < running.length; turn++) {
      const candidate = running[(round + direction * turn) % running.length];
      const elapsed = await sample(candidate.run, candidate.calls);
      candidate.samples.push(elapsed / candidate.calls);
      candidate.spent += elapsed;
    }
  }
  return new Map(all.map(({ name, samples }) => [name, summary(samples)]));
}

async function warmUp(run: () => unknown, warmUpMs: number, maxTimeMs: number): Promise<Omit<Running, keyof Candidate>> {
  const start = performance.now();
  let calls = 0;
  let fastest = Number.POSITIVE_INFINITY;
  // The clock is read in doubling steps: with short functions it would otherwise be most of what is measured.
  for (let step = 1; calls < WARM_UP_CALLS || performance.now() - start < warmUpMs; step = Math.min(2 * step, 1024)) {
    const elapsed = await sample(run, step);
    const spent = performance.now() - start;
    if (spent > maxTimeMs) return { calls: 1, samples: [elapsed / step], spent };
    if (elapsed > 0) fastest = Math.min(fastest, elapsed / step);
    calls += step;
    if (elapsed > MIN_SAMPLE_MS) step = Math.max(1, step >> 2);
  }
  return { calls: Math.max(1, Math.ceil(MIN_SAMPLE_MS / fastest)), samples: [], spent: 0 };
}

async function sample(run: () => unknown, calls: number): Promise<number> {
  const start = performance.now();
  for (let call = 0; call < calls; call++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return performance.now() - start;
}

function summary(samples: number[]): Measurement {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const medianMs = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { medianMs, minMs: sorted[0], runs: sorted.length };
}

/** "Node 20.20.2", or what the browser calls itself. */
export function runtimeName(): string {
  return typeof process === "undefined" ? navigator.userAgent : `Node ${process.versions.node}`;
}

export async function environment(): Promise<Environment> {
  const date = new Date().toISOString();
  if (typeof process === "undefined") {
    return { cpu: "unknown", cores: navigator.hardwareConcurrency, runtime: runtimeName(), v8: "", platform: navigator.platform, date };
  }
  const { arch, availableParallelism, cpus, platform } = await import("node:os");
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    runtime: runtimeName(),
    v8: process.versions.v8,
    platform: `${platform()} ${arch()}`,
    date,
  };
}

/** Largest |actual - expected| relative to the largest |expected|; Infinity where one is NaN and the other is not, or lengths differ. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let scale = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    if (Object.is(actual[index], expected[index])) {
      if (Number.isFinite(expected[index])) scale = Math.max(scale, Math.abs(expected[index]));
      continue;
    }
    const difference = Math.abs(actual[index] - expected[index]);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, difference);
    scale = Math.max(scale, Math.abs(expected[index]));
  }
  return largest === 0 ? 0 : largest / scale;
}

/** One table per suite, rows in the order they came. */
export function markdown(env: Environment, rows: readonly Row[]): string {
  const heading = `${env.cpu}, ${env.cores} cores, ${env.platform}; ${env.runtime}${env.v8 ? ` (V8 ${env.v8})` : ""}; ${env.date}`;
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  const tables = suites.map((suite) => `## ${suite}\n\n${rowTable(rows.filter((row) => row.suite === suite))}`);
  if (suites.includes("threads")) tables.push(threadTable(rows));
  return `${[heading, ...tables].join("\n\n")}\n`;
}

function rowTable(rows: readonly Row[]): string {
  const fractions = rows.some(({ fraction }) => fraction !== undefined);
  const header = ["case", "engine", "numerics", "threads", "median ms", "min ms", "rate", "checked"];
  if (fractions) header.push("really done", "of reference");
  const cells = rows.map((row) => [
    row.case,
    row.engine,
    row.numerics,
    String(row.threads),
    significant(row.medianMs),
    significant(row.minMs),
    `${significant(row.rate)} ${row.unit}`,
    row.checked ? "yes" : "no",
    ...(fractions ? [reallyDone(row), row.fraction?.toFixed(2) ?? ""] : []),
  ]);
  return table(header, cells, [3, 4, 5, 6, 8, 9]);
}

/** What the fraction is taken of: arithmetic at the fastest, without what the algorithm spares; bytes for kernels that move data. */
export function reallyDone({ unit, arithmetic, minMs }: Row): string {
  if (unit !== "GFLOP/s" || arithmetic === undefined) return "";
  return `${significant((arithmetic / minMs) * 1e-6)} GFLOP/s`;
}

/** Cases that ran on one thread and on more: time of one over time of the others. */
export function threadRatios(
  rows: readonly Row[],
): { case: string; threads: number; oneMs: number; manyMs: number; ratio: number; median: number }[] {
  return rows
    .filter(({ suite, threads }) => suite === "threads" && threads > 1)
    .flatMap((many) => {
      const one = rows.find((row) => row.suite === many.suite && row.case === many.case && row.threads === 1 && row.numerics === many.numerics);
      if (one === undefined) return [];
      const ratios = { ratio: one.minMs / many.minMs, median: one.medianMs / many.medianMs };
      return [{ case: many.case, threads: many.threads, oneMs: one.minMs, manyMs: many.minMs, ...ratios }];
    });
}

function threadTable(rows: readonly Row[]): string {
  const lines = threadRatios(rows).map(({ case: name, threads, oneMs, manyMs, ratio, median }) => [
    name,
    String(threads),
    significant(oneMs),
    significant(manyMs),
    `${ratio.toFixed(2)}x`,
    `${median.toFixed(2)}x`,
  ]);
  return table(["case", "threads", "min ms of one", "min ms", "faster, by the minima", "by the medians"], lines, [1, 2, 3, 4, 5]);
}

/** A Markdown table; `right`: columns of numbers. */
export function table(header: readonly string[], lines: readonly (readonly string[])[], right: readonly number[]): string {
  const rule = header.map((_, column) => (right.includes(column) ? "---:" : "---"));
  return [header, rule, ...lines].map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}

/** Three significant digits, no exponent. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 9));
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
