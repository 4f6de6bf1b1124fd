/** Runs every check and sums them up: format, lint, types, build, tests, real browsers, a short tour, a short bench. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

// Here a browser that is not found is a failure.
process.env.CI ??= "true";

let passed = 0;
let failed = 0;
const skipped = [];
/** Passed, but not at once. */
const retried = [];
/** What failed, with its message: said once more at the end, for a long report is read from there. */
const failures = [];

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
    failures.push(name);
  }
}

/** A suite of vitest counts as many as it has tests. */
function tests(name, script, args = []) {
  const report = join(root, `build/${script}-report.json`);
  rmSync(report, { force: true });
  const json = ["--reporter=json", `--outputFile.json=${report}`];
  const ok = run(name, process.execPath, [`scripts/${script}.mjs`, "--reporter=default", ...args, ...json]);
  if (!existsSync(report)) {
    failed++;
    failures.push(`${name}: no report`);
    return;
  }
  const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(readFileSync(report, "utf8"));
  passed += numPassedTests;
  failed += numFailedTests;
  // A file that does not even load has no failed test, but fails the run.
  if (!ok && numFailedTests === 0) {
    failed += Math.max(1, numFailedTestSuites);
    failures.push(
      `${name}: ${testResults.flatMap(({ message, name: file }) => (message ? [`${file}: ${message}`] : [])).join("\n") || "ended with an error"}`,
    );
  }
  for (const { status, fullName, failureMessages, meta } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const failure = `${name}: ${fullName}\n${failureMessages.join("\n")}`;
    if (status === "failed") failures.push(failure);
    else if (status === "passed" && failureMessages.length > 0) retried.push(failure);
    else if (status !== "passed") skipped.push(meta?.reason ? `${fullName}: ${meta.reason}` : fullName);
  }
}

step("format and lint", process.execPath, ["node_modules/@biomejs/biome/bin/biome", "ci", "."]);
step("build", process.execPath, ["scripts/build.mjs"]);
step("machine code", process.execPath, ["scripts/guard.mjs"]);
step("types", process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"]);
tests("tests", "test", ["--reporter=./test/support/witnessReporter.ts"]);
tests("real browsers", "browserTests");
tests("fresh projects", "packageTests");
step("size", process.execPath, ["scripts/size.mjs"]);
step("short tour", process.execPath, ["scripts/start.mjs", "--short", "--json", "build/tour-short.json"]);
step("short bench", process.execPath, ["scripts/bench.mjs", "--short", "--json", "build/bench-short.json", "--html", "build/bench-short.html"]);

for (const failure of failures) console.log(`FAILED: ${failure}`);
for (const name of retried) console.log(`passed only at the second attempt: ${name}`);
for (const name of skipped) console.log(`skipped: ${name}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
