/** Prints which witness saw which op and option, from the tests that ran and passed; a hole in a full run fails it. */
import type { Reporter, TestModule } from "vitest/node";
import { type Row, WITNESSES, witnessRows } from "./witnesses.ts";

/** 80 columns, as the table has at most. */
const TITLE = `Tests that passed for every op and option: WebAssembly against plain JavaScript,
that against PyTorch's numbers, gradients against float64 differences.`;

export default class WitnessReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = new Set(modules.map((module) => module.relativeModuleId.replace(/^test\//, "")));
    const needed = witnessRows.flatMap((row) => WITNESSES.map((witness) => row[witness].file));
    // Of a run of chosen files nothing can be said.
    if (needed.some((file) => !files.has(file))) return;
    const passed = modules.flatMap((module) =>
      [...module.children.allTests("passed")].map((test) => `${module.relativeModuleId.replace(/^test\//, "")} ${test.fullName.replaceAll("'", "")}`),
    );
    const seen = (row: Row) => WITNESSES.map((witness) => passed.filter((name) => matches(row[witness], name)).length);
    const rows = witnessRows.map((row) => ({ row, counts: seen(row) }));
    console.log(`\n${TITLE}\n\n${table(rows)}`);
    const holes = rows.filter(({ counts }) => counts.includes(0));
    if (holes.length === 0) return;
    console.log(`FAILED: ${holes.map(({ row }) => `${row.op} ${row.option}`).join(", ")} lack a witness`);
    process.exitCode = 1;
  }
}

function matches({ file, test }: { file: string; test: RegExp }, name: string): boolean {
  return name.startsWith(`${file} `) && test.test(name.slice(file.length + 1));
}

function table(rows: readonly { row: Row; counts: number[] }[]): string {
  const heads = ["op", "option", "WASM", "PyTorch", "float64"];
  const lines = rows.map(({ row, counts }) => [row.op, row.option, ...counts.map((count) => (count === 0 ? "none" : `${count}`))]);
  const widths = heads.map((head, column) => Math.max(head.length, ...lines.map((line) => line[column].length)));
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd();
  return [text(heads), ...lines.map(text)].join("\n");
}
