/** Measures one case with the suites of `npm run bench`, away from the page's own thread. */
import { parseCase } from "../../bench/cases.ts";
import { Bench } from "../../bench/harness.ts";
import { timeKernel } from "../../bench/kernelCase.ts";
import { timeNet } from "../../bench/suites/inference.ts";
import { convOutput } from "../../bench/suites/kernels.ts";
import { threads } from "../../bench/suites/threads.ts";
import { timeTraining } from "../../bench/suites/training.ts";
import type { Answer, Findings, Order } from "./plan.ts";

/** The page does not measure the machine's own limit: no row is a fraction of it. */
const NO_PEAKS = { best: () => undefined, remeasure: () => Promise.reject(new Error("internal: there are no loops")) };

async function measured(order: Order): Promise<Findings> {
  const { item, depth, threads } = order;
  const bench = new Bench({ suites: [item.suite], short: depth === "quick" }, NO_PEAKS);
  const parsed = parseCase(item.case);
  if (parsed.kind === "conv") await timeKernel(bench, convOutput(parsed));
  else if (parsed.mode === "train") await timeTraining(bench, parsed);
  else await timeNet(bench, parsed);
  const own = { rows: bench.finish(), notRun: bench.notRun, problems: bench.problems };
  return threads === "run" ? joined(own, await onThreads(order)) : own;
}

/** Several threads beside one, in a round of their own: nothing else has the cores meanwhile. */
async function onThreads({ item, depth }: Order): Promise<Findings> {
  const bench = new Bench({ suites: ["threads"], case: item.case, short: depth === "quick" }, NO_PEAKS);
  await threads(bench);
  const rows = bench.finish().filter((row) => row.threads > 1);
  return { rows: rows.map((row) => ({ ...row, suite: item.suite })), notRun: bench.notRun, problems: bench.problems };
}

function joined(first: Findings, second: Findings): Findings {
  const both = <T>(of: (findings: Findings) => readonly T[]) => [...of(first), ...of(second)];
  return { rows: both(({ rows }) => rows), notRun: both(({ notRun }) => notRun), problems: both(({ problems }) => problems) };
}

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  const answer = (message: Answer) => postMessage(message);
  measured(data).then(
    (findings) => answer({ findings }),
    (reason: Error) => answer({ error: reason.message }),
  );
});
