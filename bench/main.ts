/** `npm run bench`: scripts/bench.mjs builds and starts this. */
import { writeFile } from "node:fs/promises";
import { FileFormatError } from "../src/index.ts";
import { floorsMarkdown, judge, missed } from "./floors.ts";
import { growthMarkdown } from "./growth.ts";
import { Bench } from "./harness.ts";
import { profileMarkdown } from "./layers.ts";
import { type BenchOptions, parseOptions } from "./options.ts";
import { type BenchResult, benchPage } from "./page/benchPage.ts";
import { profile } from "./profile.ts";
import { benchReadme, writeReadme } from "./readme.ts";
import { environment, markdown, writeJson } from "./report.ts";
import { growth } from "./suites/growth.ts";
import { inference } from "./suites/inference.ts";
import { kernels } from "./suites/kernels.ts";
import { benchModel } from "./suites/model.ts";
import { References } from "./suites/reference.ts";
import { threads } from "./suites/threads.ts";
import { training, trainingArena } from "./suites/training.ts";

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
  const layers = options.model === undefined ? [] : await benchModel(bench, options.model);
  await kernels(bench);
  await inference(bench);
  await training(bench);
  await threads(bench);
  const curves = await growth(bench);
  if (bench.rows.length + curves.length === 0) throw new RangeError(`no case ${options.case} in ${options.suites.join(", ")}`);
  const unchecked = references.rows.filter(({ checked }) => !checked).map((row) => `reference ${row.case}: wrong result`);
  const rows = [...references.rows, ...bench.finish()];
  const arenaBytes = options.suites.includes("training") ? await trainingArena("mnist_cnn-train@64") : undefined;
  const floors = judge({ rows, growth: curves, rivals: [], coldStarts: [], ...(arenaBytes !== undefined && { arenaBytes }) });
  const problems = [...unchecked, ...bench.problems, ...(options.floors ? missed(floors) : [])];
  await report({ environment: env, rows, growth: curves, layers, floors, notRun: bench.notRun, problems }, options);
}

/** Prints the tables and writes the files. */
async function report(result: BenchResult, options: BenchOptions): Promise<void> {
  const { environment: env, rows, growth: curves, layers, floors, notRun, problems } = result;
  const notes = [...notRun.map((line) => `- not run: ${line}`), ...problems.map((line) => `- **${line}**`)];
  const text = [
    markdown(env, rows),
    ...layers.map(profileMarkdown),
    ...(curves.length > 0 ? [growthMarkdown(curves)] : []),
    ...(options.floors ? [floorsMarkdown(floors)] : []),
    ...(notes.length > 0 ? [`${notes.join("\n")}\n`] : []),
  ].join("\n");
  console.log(text);
  if (options.markdown !== undefined) await writeFile(options.markdown, text);
  if (options.json !== undefined) await writeJson(options.json, result);
  await writeFile(options.html, benchPage(result));
  console.error(`wrote ${options.html}`);
  if (options.readme) await writeReadme("README.md", "bench", benchReadme(env, rows));
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((reason: Error) => {
  const isUsers = reason instanceof TypeError || reason instanceof RangeError || reason instanceof FileFormatError || "code" in reason;
  console.error(isUsers ? reason.message : reason);
  process.exitCode = 2;
});
