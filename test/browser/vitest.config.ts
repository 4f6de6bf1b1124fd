import { defineConfig } from "vitest/config";

/** Real browsers: run by scripts/browserTests.mjs, which finds them and builds first. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/browser/**/*.test.ts"],
    pool: "forks",
    // One browser at a time: memory and frame times are measured.
    fileParallelism: false,
    // What a busy machine breaks once is told from what is broken; scripts/ci.mjs names every second attempt.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A busy machine draws late; what is right does not take longer for it.
    expect: { poll: { timeout: 10_000 }, requireAssertions: true },
  },
});
