import { configDefaults, defineConfig } from "vitest/config";

/** Node 20 has relaxed SIMD behind a flag; later engines have it as it is. */
const relaxedFlag = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/witnessReporter.ts"],
    include: ["test/**/*.test.ts"],
    // Those need browsers: scripts/browserTests.mjs, scripts/packageTests.mjs.
    exclude: [...configDefaults.exclude, "test/browser/**", "test/packages/**"],
    testTimeout: 60_000,
    // What a busy machine breaks once is told from what is broken; scripts/ci.mjs names every second attempt.
    retry: 1,
    pool: "forks",
    execArgv: [...relaxedFlag, "--expose-gc"],
  },
});
