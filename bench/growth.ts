/** How cost grows with a size: pairs in which the smaller size takes longer than the larger one. */
import type { Numerics } from "../src/machine/wasm.ts";
import { significant, table } from "./report.ts";

/** One quantity against one size, everything else fixed. */
export interface Curve {
  /** What is computed: "conv 3x3", "dense" … */
  readonly work: string;
  /** What grows. */
  readonly axis: string;
  /** With ? for the size. */
  readonly pattern: string;
  readonly numerics: Numerics;
  readonly sizes: readonly number[];
  /** Fastest call, milliseconds, by size. */
  readonly minMs: readonly number[];
}

/** A smaller size that takes longer than a larger one. */
export interface Offence {
  readonly curve: Curve;
  readonly small: number;
  readonly large: number;
  readonly smallMs: number;
  readonly largeMs: number;
}

/** A smaller size may take this many times as long as a larger one. */
export const ALLOWED = 1.15;

/** All pairs beyond ALLOWED, by smaller size, then larger size. */
export function offences(curve: Curve): Offence[] {
  const { sizes, minMs } = curve;
  return sizes.flatMap((small, at) =>
    sizes.flatMap((large, other) => {
      const [smallMs, largeMs] = [minMs[at], minMs[other]];
      return large > small && smallMs > ALLOWED * largeMs ? [{ curve, small, large, smallMs, largeMs }] : [];
    }),
  );
}

/** Sizes that a curve's offences are about: those worth measuring again. */
export function suspects(curve: Curve): number[] {
  const found = offences(curve).flatMap(({ small, large }) => [small, large]);
  return curve.sizes.filter((size) => found.includes(size));
}

/** "?" of the curve's pattern filled in. */
export function nameAt({ pattern }: Pick<Curve, "pattern">, size: number): string {
  return pattern.replaceAll("?", String(size));
}

/** A line per curve with the times of its sizes, and every offending pair. */
export function growthMarkdown(curves: readonly Curve[]): string {
  const found = curves.flatMap(offences);
  const pairs = found.map(({ curve, small, large, smallMs, largeMs }) => [
    nameAt(curve, small),
    curve.numerics,
    significant(smallMs),
    nameAt(curve, large),
    significant(largeMs),
    `${(smallMs / largeMs).toFixed(2)}x`,
  ]);
  const summary = curves.map((curve) => {
    const own = offences(curve);
    const worst = Math.max(0, ...own.map(({ smallMs, largeMs }) => smallMs / largeMs));
    const { work, axis, pattern, numerics, sizes } = curve;
    return [work, axis, pattern, numerics, String(sizes.length), String(own.length), own.length > 0 ? `${worst.toFixed(2)}x` : ""];
  });
  const none = `No smaller size takes more than ${ALLOWED}x the time of a larger one.`;
  const listed = table(["smaller", "numerics", "min ms", "larger", "min ms", "ratio"], pairs, [2, 4, 5]);
  return [
    "## growth\n",
    table(["work", "axis", "case", "numerics", "sizes", `pairs beyond ${ALLOWED}x`, "worst"], summary, [4, 5, 6]),
    "",
    found.length === 0 ? none : `A smaller size takes more than ${ALLOWED}x the time of a larger one in ${found.length} pairs:\n\n${listed}`,
    "",
  ].join("\n");
}
