/** What is measured, and for how long: for every engine, browsers included. */
import { CASES, parseCase } from "./cases.ts";
import type { MeasureOptions } from "./report.ts";

export const SUITES = ["kernels", "inference", "training", "threads", "growth"] as const;
/** "model": of `--model`. */
export type Suite = (typeof SUITES)[number] | "model";

/** What is measured, and for how long. */
export interface Selection {
  readonly suites: readonly Suite[];
  /** Only this one. */
  readonly case?: string;
  readonly short: boolean;
}

/** Limits of a candidate: a call that would take longer than maxTimeMs by far is not made (see harness.ts). */
export function limits({ short }: Pick<Selection, "short">, suite?: Suite): MeasureOptions & { maxTimeMs: number } {
  if (short) return { minTimeMs: 30, minRuns: 3, maxTimeMs: 500 };
  // Two threads are at their best only in the moments that all of the cores are free.
  return { minTimeMs: suite === "threads" ? 2000 : 500, minRuns: 7, maxTimeMs: 6000 };
}

/** The names of a table's cases, and with `--case` also one that it does not hold. */
export function convolutions(options: Selection): string[] {
  const names: string[] = CASES.filter((name) => parseCase(name).kind === "conv");
  if (options.case?.startsWith("conv_") && !/[/?]/.test(options.case) && !names.includes(options.case)) names.push(options.case);
  return names;
}
