/** `npm run bench`: scripts/bench.mjs builds and starts this. */
import { writeFile } from "node:fs/promises";
import { growthMarkdown } from "./growth.ts";
import { Bench } from "./harness.ts";
import { parseOptions } from "./options.ts";
import { profile } from "./profile.ts";
import { environment, markdown, type Row, writeJson } from "./report.ts";
import { growth } from "./suites/growth.ts";
import { inference } from "./suites/inference.ts";
import { kernels } from "./suites/kernels.ts";
import { References } from "./suites/reference.ts";
import { training } from "./suites/training.ts";

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const env = await environment();
  if (options.profile) {
    console.log(await profile(env));
    return;
  }
  const start = performance.now();
  const log = (line: string) => console.error(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const references = new References(options);
  await references.measure();
  const bench = new Bench(options, references, log);
  await kernels(bench);
  await inference(bench);
  await training(bench);
  const curves = await growth(bench);
  if (bench.rows.length + curves.length === 0) throw new RangeError(`no case ${options.case} in ${options.suites.join(", ")}`);
  const rows: Row[] = [...references.rows, ...bench.finish()];
  const unchecked = references.rows.filter(({ checked }) => !checked).map((row) => `reference ${row.case}: wrong result`);
  const notRun = bench.notRun.map((line) => `- not run: ${line}`);
  const problems = [...unchecked, ...bench.problems].map((line) => `- **${line}**`);
  const text = [
    markdown(env, rows),
    ...(curves.length > 0 ? [growthMarkdown(curves)] : []),
    ...(notRun.length > 0 ? [`${notRun.join("\n")}\n`] : []),
    ...(problems.length > 0 ? [`${problems.join("\n")}\n`] : []),
  ];
  console.log(text.join("\n"));
  if (options.markdown !== undefined) await writeFile(options.markdown, text.join("\n"));
  if (options.json !== undefined) await writeJson(options.json, { environment: env, rows, growth: curves });
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((reason: Error) => {
  console.error(reason instanceof TypeError || reason instanceof RangeError ? reason.message : reason);
  process.exitCode = 2;
});
