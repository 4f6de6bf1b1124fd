/** `npm run bench:ladder`: builds the product's kernels and the ladder's, bundles bench/ladder/main.ts, runs it. Arguments go to it. */
import { installMissing } from "./install.mjs";
import { runBundle } from "./run.mjs";

installMissing();
const { asc, buildKernels, bundleForNode } = await import("./build.mjs");
await buildKernels();
for (const target of ["strict", "relaxed"]) await asc("--config", "bench/ladder/asconfig.json", "--target", target);
process.exit(runBundle(await bundleForNode("bench/ladder/main.ts", "build/ladder.mjs")));
