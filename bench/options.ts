/** What the command line says. */
import { CASES, parseCase } from "./cases.ts";
import type { MeasureOptions } from "./report.ts";

export const SUITES = ["kernels", "inference", "training", "growth"] as const;
export type Suite = (typeof SUITES)[number];

export interface BenchOptions {
  readonly suites: readonly Suite[];
  /** Only this one. */
  readonly case?: string;
  readonly short: boolean;
  /** Prints the time of every record of a training step instead. */
  readonly profile: boolean;
  /** Files to write. */
  readonly json?: string;
  readonly markdown?: string;
}

export const USAGE = `npm run bench -- [options]
  --suite ${SUITES.join("|")}   only this suite
  --case NAME       only this case: a name that the tables show, or any conv_CIN_COUT_WINDOW_STRIDE_PAD_SIZE_GROUPS[@BATCH]
  --short           some cases of every suite in few samples (at most 30 s)
  --profile         where the time of a training step of mnist_cnn goes, record by record
  --json FILE       { environment, rows }
  --markdown FILE   the tables`;

/** TypeError where an option is unknown or lacks its value. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const name = args[index];
    if (name === "--short" || name === "--profile") flags.add(name);
    else if (["--suite", "--case", "--json", "--markdown"].includes(name)) {
      const value = args[++index];
      if (value === undefined || value.startsWith("--")) throw new TypeError(`${name} needs a value\n${USAGE}`);
      values.set(name, value);
    } else throw new TypeError(`unknown option ${name}\n${USAGE}`);
  }
  const suite = values.get("--suite") as Suite | undefined;
  if (suite !== undefined && !SUITES.includes(suite)) throw new TypeError(`--suite ${suite}: it is one of ${SUITES.join(", ")}`);
  const optional = (["case", "json", "markdown"] as const).flatMap((name) => (values.has(`--${name}`) ? [[name, values.get(`--${name}`)]] : []));
  return {
    suites: suite === undefined ? SUITES : [suite],
    short: flags.has("--short"),
    profile: flags.has("--profile"),
    ...Object.fromEntries(optional),
  };
}

/** Limits of a candidate: a call that would take longer than maxTimeMs by far is not made (see harness.ts). */
export function limits({ short }: BenchOptions): MeasureOptions & { maxTimeMs: number } {
  if (short) return { minTimeMs: 30, minRuns: 3, warmUpMs: 40, maxTimeMs: 500 };
  return { minTimeMs: 500, minRuns: 7, warmUpMs: 200, maxTimeMs: 6000 };
}

/** The names of a table's cases, and with `--case` also one that it does not hold. */
export function convolutions(options: BenchOptions): string[] {
  const names: string[] = CASES.filter((name) => parseCase(name).kind === "conv");
  if (options.case?.startsWith("conv_") && !/[/?]/.test(options.case) && !names.includes(options.case)) names.push(options.case);
  return names;
}
