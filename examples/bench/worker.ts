/** Measures one case with the suites of `npm run bench`, away from the page's own thread. */
import { parseCase } from "../../bench/cases.ts";
import { Bench } from "../../bench/harness.ts";
import { timeKernel } from "../../bench/kernelCase.ts";
import { timeNet } from "../../bench/suites/inference.ts";
import { convOutput } from "../../bench/suites/kernels.ts";
import { timeTraining } from "../../bench/suites/training.ts";
import type { Answer, Findings, Order } from "./plan.ts";

/** The page does not measure the machine's own limit: no row is a fraction of it. */
const NO_PEAKS = { best: () => undefined, remeasure: async () => {} };

async function measured({ item, depth }: Order): Promise<Findings> {
  const bench = new Bench({ suites: [item.suite], short: depth === "quick", profile: false }, NO_PEAKS);
  const parsed = parseCase(item.case);
  if (parsed.kind === "conv") await timeKernel(bench, convOutput(parsed));
  else if (parsed.mode === "train") await timeTraining(bench, parsed);
  else await timeNet(bench, parsed);
  return { rows: bench.finish(), notRun: bench.notRun, problems: bench.problems };
}

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  const answer = (message: Answer) => postMessage(message);
  measured(data).then(
    (findings) => answer({ findings }),
    (reason: Error) => answer({ error: reason.message }),
  );
});
