import { defineConfig } from "vitest/config";

/** Fresh projects: run by scripts/packageTests.mjs, which builds and installs first. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/packages/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    // What a busy machine breaks once is told from what is broken; scripts/ci.mjs names every second attempt.
    retry: 1,
    testTimeout: 120_000,
    expect: { requireAssertions: true },
    hookTimeout: 300_000,
  },
});
