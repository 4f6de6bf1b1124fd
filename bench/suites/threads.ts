/** Two threads beside one, strict: the same bits, in how much less time. */

import type { Model, ModelOptions } from "../../src/index.ts";
import { CASES, type ConvCase, type NetCase, netData, parseCase } from "../cases.ts";
import type { Bench, BenchCase, Contender } from "../harness.ts";
import { netModel } from "../nets.ts";
import { convOutput } from "./kernels.ts";
import { trainingContender, trainingData } from "./training.ts";

const THREADS = [1, 2] as const;
/** Layers below are not worth waking a worker for. */
const LEAST_FLOP = 1e6;

/** Training at batch 64, inference of networks, single layers: those of the table with 1 MFLOP or more. */
export async function threads(bench: Bench): Promise<void> {
  for (const name of CASES) {
    const parsed = parseCase(name);
    if (parsed.flop < LEAST_FLOP || !bench.wants("threads", name, { inShort: name === "mnist_cnn@64" })) continue;
    await (parsed.kind === "conv" ? timeLayer(bench, parsed) : timeNet(bench, parsed));
  }
}

async function timeLayer(bench: Bench, conv: ConvCase): Promise<void> {
  const kernel = convOutput(conv);
  const subjects = [];
  for (const threads of THREADS) subjects.push(await kernel.build({ machine: "wasm", threads }));
  const contenders = subjects.map((subject, index) => {
    const run = subject.runner("strict");
    return { ...strict(THREADS[index]), run, result: () => subject.result(run) };
  });
  await time(
    bench,
    { ...kernel, contenders },
    subjects.map(({ model }) => model),
  );
}

async function timeNet(bench: Bench, net: NetCase): Promise<void> {
  const contenders: Contender[] = [];
  const models: Model[] = [];
  for (const threads of THREADS) {
    const options = { machine: "wasm", numerics: "strict", threads } as const;
    const { model, ...contender } = await (net.mode === "train" ? trainingContender(net, trainingData(net), options) : predicting(net, options));
    models.push(model);
    contenders.push({ ...strict(threads), ...contender });
  }
  await time(bench, { name: net.name, work: net.batch, unit: "images/s", contenders }, models);
}

async function predicting(net: NetCase, options: ModelOptions) {
  const data = netData(net);
  const model = await netModel(net.net, data, options);
  const run = () => model.predictSync(data.images, { batchSize: net.batch });
  return { model, run, result: () => ({ output: run().data }) };
}

function strict(threads: number) {
  return { engine: "convlet", numerics: "strict", threads } as const;
}

/** The numbers of two threads are those of one, to the bit. */
async function time(bench: Bench, benchCase: Omit<BenchCase, "suite" | "tolerance">, models: readonly Model[]): Promise<void> {
  try {
    await bench.time({ ...benchCase, suite: "threads", tolerance: 0 });
  } finally {
    for (const model of models) model.dispose();
  }
}
