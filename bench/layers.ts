/** Where the time of a prediction goes, as tables show it. */
import type { ProfileRow } from "../src/index.ts";
import { significant, table } from "./report.ts";

/** A prediction, instruction by instruction. */
export interface LayerProfile {
  readonly batch: number;
  readonly numerics: string;
  readonly rows: readonly ProfileRow[];
}

export const PROFILE_COLUMNS = ["layer", "kernel", "ms", "of the whole", "GFLOP/s", "MB", "GB/s"];

/** Milliseconds per instruction, its part of the whole, GFLOP/s and GB/s. */
export function profileMarkdown({ batch, numerics, rows }: LayerProfile): string {
  return `## layers, batch ${batch}, ${numerics}\n\n${table(PROFILE_COLUMNS, profileCells(rows), [2, 3, 4, 5, 6])}\n`;
}

export function profileCells(rows: readonly ProfileRow[]): string[][] {
  const total = rows.reduce((sum, { ms }) => sum + ms, 0);
  const cells = rows.map(({ layer, kernel, ms, gflops, bytes }) => [
    ...[layer, kernel, significant(ms), `${((100 * ms) / (total || 1)).toFixed(1)} %`],
    ...[gflops > 0 ? significant(gflops) : "", significant(bytes * 1e-6), ms > 0 ? significant((bytes / ms) * 1e-6) : ""],
  ]);
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  return [...cells, ["all", "", significant(total), "100 %", "", significant(bytes * 1e-6), total > 0 ? significant((bytes / total) * 1e-6) : ""]];
}
