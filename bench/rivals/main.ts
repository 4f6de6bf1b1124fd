/** `npm run bench:rivals`: scripts/rivals.mjs builds and starts this. */
import { writeFile } from "node:fs/promises";
import { floorsMarkdown, judge, missed } from "../floors.ts";
import { type RivalsResult, rivalsPage } from "../page/rivalsPage.ts";
import { rivalsReadme, writeReadme } from "../readme.ts";
import { environment, writeJson } from "../report.ts";
import { References } from "../suites/reference.ts";
import { coldStarts } from "./coldStart.ts";
import { crossCheck } from "./crossCheck.ts";
import { parseRivalOptions, type RivalOptions } from "./options.ts";
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
  const references = new References({ short: true });
  await references.measure();
  const floors = judge({ rows: [], growth: [], rivals: rows, coldStarts: cold });
  if (options.floors) problems.push(...missed(floors));
  const torch = options.contenders.some(({ engine }) => engine === "pytorch") ? [pytorchNote()] : [];
  const notes = [...torch, ...files.checked, ...notRun.map((line) => `not run: ${line}`), ...problems.map((line) => `**${line}**`)];
  await report({ environment: await environment(), rows, coldStarts: cold, references: references.rows, floors, notes }, options);
  if (problems.length > 0) process.exitCode = 1;
}

/** Prints the tables and writes the files. */
async function report(result: RivalsResult, options: RivalOptions): Promise<void> {
  const { environment: env, rows, floors, notes } = result;
  const tables = [rivalTables(result), ...(options.floors ? [floorsMarkdown(floors)] : [])];
  const text = `${tables.join("\n")}\n${notes.map((line) => `- ${line}\n`).join("")}`;
  console.log(text);
  if (options.markdown !== undefined) await writeFile(options.markdown, text);
  if (options.json !== undefined) await writeJson(options.json, result);
  await writeFile(options.html, rivalsPage({ ...result, notes: notes.map((line) => line.replaceAll("**", "*")) }));
  console.error(`wrote ${options.html}`);
  if (options.readme)
    await writeReadme(
      "README.md",
      "bench:rivals",
      rivalsReadme(
        env,
        rows,
        notes.filter((line) => line.startsWith("pytorch")),
      ),
    );
}

main().catch((reason: Error) => {
  console.error(reason instanceof TypeError ? reason.message : reason);
  process.exitCode = 2;
});
