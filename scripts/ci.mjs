/** Runs every check and sums them up: format, lint, types, build, tests, a short tour, a short bench. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

let passed = 0;
let failed = 0;
const skipped = [];

function run(name, command, args) {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, FORCE_COLOR: "0" } });
  return status === 0;
}

/** A suite that only says yes or no counts as one. */
function step(name, command, args) {
  if (run(name, command, args)) passed++;
  else {
    failed++;
    console.log(`FAILED: ${name}`);
  }
}

function tests() {
  const report = join(root, "build/test-report.json");
  rmSync(report, { force: true });
  const ok = run("tests", process.execPath, [
    "scripts/test.mjs",
    "--reporter=default",
    "--reporter=./test/support/witnessReporter.ts",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  if (!existsSync(report)) {
    failed++;
    return;
  }
  const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(readFileSync(report, "utf8"));
  passed += numPassedTests;
  failed += numFailedTests;
  // A file that does not even load has no failed test, but fails the run.
  if (!ok && numFailedTests === 0) failed += Math.max(1, numFailedTestSuites);
  for (const { assertionResults } of testResults) {
    for (const { status, fullName } of assertionResults) if (status !== "passed" && status !== "failed") skipped.push(fullName);
  }
}

step("format and lint", process.execPath, ["node_modules/@biomejs/biome/bin/biome", "ci", "."]);
step("build", process.execPath, ["scripts/build.mjs"]);
step("machine code", process.execPath, ["scripts/guard.mjs"]);
step("types", process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"]);
tests();
step("short tour", process.execPath, ["scripts/start.mjs", "--short", "--json", "build/tour-short.json"]);
step("short bench", process.execPath, ["scripts/bench.mjs", "--short", "--json", "build/bench-short.json"]);

for (const name of skipped) console.log(`skipped: ${name}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
