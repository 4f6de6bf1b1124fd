/** `npm run bench:rivals`: scripts/rivals.mjs builds and starts this. */
import { writeFile } from "node:fs/promises";
import { environment } from "../report.ts";
import { coldStarts } from "./coldStart.ts";
import { crossCheck } from "./crossCheck.ts";
import { parseRivalOptions } from "./options.ts";
import { pytorchNote } from "./pytorch.ts";
import { type RivalRow, runCase } from "./runCase.ts";
import { rivalTables } from "./table.ts";

async function main(): Promise<void> {
  const options = parseRivalOptions(process.argv.slice(2));
  const start = performance.now();
  const log = (line: string) => console.error(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const rows: RivalRow[] = [];
  const notRun: string[] = [];
  const problems: string[] = [];
  for (const name of options.cases) {
    const result = await runCase(name, options.contenders, options.limits, log);
    rows.push(...result.rows);
    notRun.push(...result.notRun);
    problems.push(...result.problems);
  }
  const cold = options.coldStarts > 0 ? await coldStarts(options.coldStarts, log) : [];
  for (const { engine, checked } of cold) if (!checked) problems.push(`first prediction of ${engine}: wrong`);
  const files = await crossCheck();
  problems.push(...files.problems);
  const report = { environment: await environment(), rows, coldStarts: cold };
  const torch = options.contenders.some(({ engine }) => engine === "pytorch") ? [pytorchNote()] : [];
  const notes = [...torch, ...files.checked, ...notRun.map((line) => `not run: ${line}`), ...problems.map((line) => `**${line}**`)];
  const text = `${rivalTables(report)}\n${notes.map((line) => `- ${line}\n`).join("")}`;
  console.log(text);
  if (options.markdown !== undefined) await writeFile(options.markdown, text);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify({ ...report, notRun }, null, 2)}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((reason: Error) => {
  console.error(reason instanceof TypeError ? reason.message : reason);
  process.exitCode = 2;
});
