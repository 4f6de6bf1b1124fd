import { configDefaults, defineConfig } from "vitest/config";
import { relaxedFlags } from "./scripts/run.mjs";

export default defineConfig({
  test: {
    // The counts come last.
    reporters: ["./test/support/witnessReporter.ts", "default"],
    include: ["test/**/*.test.ts"],
    // Those need browsers: scripts/browserTests.mjs, scripts/packageTests.mjs.
    exclude: [...configDefaults.exclude, "test/browser/**", "test/packages/**"],
    testTimeout: 60_000,
    expect: { requireAssertions: true },
    // What a busy machine breaks once is told from what is broken; scripts/ci.mjs names every second attempt.
    retry: 1,
    pool: "forks",
    execArgv: [...relaxedFlags(), "--expose-gc"],
  },
});
