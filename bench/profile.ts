/** Where the time of a training step goes: every record executed by itself. */
import { supportsRelaxed } from "../src/machine/wasm.ts";
import { netData, parseCase } from "./cases.ts";
import { netModel } from "./nets.ts";
import { internals, ProgramUnderTest, type RecordAt } from "./program.ts";
import { type Environment, significant } from "./report.ts";
import { compileForTraining, samplesOf } from "./suites/training.ts";

const CASE = "mnist_cnn-train@64";
const ROUNDS = 15;
const WARM_UP_ROUNDS = 5;

/** A Markdown table per numerics: kernel, layer, milliseconds (median, minimum), part of the step, GFLOP/s. */
export async function profile({ cpu, runtime, date }: Environment): Promise<string> {
  const net = parseCase(CASE);
  if (net.kind !== "net") throw new Error(`internal: ${CASE} is no network`);
  const data = netData(net);
  const model = await netModel(net.net, data, { machine: "wasm" });
  compileForTraining(model);
  const { engine, session, compiled } = internals(model);
  const placed = session.trainingProgram(compiled, net.batch);
  session.load(placed, samplesOf(data), { start: 0, size: net.batch, order: null });
  const program = new ProgramUnderTest(engine, placed, net.batch);
  const learningRate = 0.001;
  const tables: string[] = [];
  const numerics = supportsRelaxed() ? (["strict", "relaxed"] as const) : (["strict"] as const);
  const samples = new Map(numerics.map((each) => [each, program.records.map((): number[] => [])]));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    program.setHeader({ learningRate, correctedRate: compiled.optimizer.correctedRate(learningRate, round + WARM_UP_ROUNDS + 1) });
    for (const each of numerics) {
      const machine = engine.machine(each);
      for (const [index, { first }] of program.records.entries()) {
        const start = performance.now();
        machine.execute(first, 1);
        if (round >= 0) samples.get(each)![index].push(performance.now() - start);
      }
    }
  }
  for (const each of numerics) tables.push(`## ${CASE}, ${each}\n\n${table(program.records, samples.get(each)!, net.batch)}`);
  return [`${cpu}; ${runtime}; ${date}`, ...tables].join("\n\n");
}

function table(records: readonly RecordAt[], samples: readonly number[][], batch: number): string {
  const lines = records.map(({ step }, index) => {
    const sorted = samples[index].toSorted((a, b) => a - b);
    return { step, medianMs: sorted[sorted.length >> 1], minMs: sorted[0] };
  });
  const total = lines.reduce((sum, { minMs }) => sum + minMs, 0);
  const medians = lines.reduce((sum, { medianMs }) => sum + medianMs, 0);
  const cells = lines.map(({ step, medianMs, minMs }) => {
    const rate = step.cost === 0 ? "" : significant(((step.cost * batch) / minMs) * 1e-6);
    return [step.section, step.kernel, step.name, significant(medianMs), significant(minMs), `${((100 * minMs) / total).toFixed(1)} %`, rate];
  });
  cells.push(["all", "", "", significant(medians), significant(total), "100 %", ""]);
  const header = ["section", "kernel", "layer", "median ms", "min ms", "of the step", "GFLOP/s"];
  const rule = header.map((_, column) => (column < 3 ? "---" : "---:"));
  const images = (1000 * batch) / total;
  return `${[header, rule, ...cells].map((line) => `| ${line.join(" | ")} |`).join("\n")}\n\n${significant(images)} images/s at the minima`;
}
