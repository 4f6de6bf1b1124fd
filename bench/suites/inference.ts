/** Whole networks through `predictSync`: inputs copied in, outputs copied out. */

import { supportsRelaxed } from "../../src/machine/wasm.ts";
import { CASES, type NetCase, type NetData, netData, parseCase } from "../cases.ts";
import type { Arrays, Bench, Contender } from "../harness.ts";
import { MnistCnn, type MnistCnnArrays } from "../js/mnistCnn.ts";
import { Ox, type OxWeights } from "../js/ox.ts";
import { netModel } from "../nets.ts";

/** Outputs of a network, relative to the largest: some thousand float32 products one layer after the other. */
const NET = 1e-5;

export async function inference(bench: Bench): Promise<void> {
  for (const name of CASES) {
    const net = parseCase(name);
    if (net.kind === "net" && net.mode === "predict" && bench.wants("inference", name, { inShort: true })) await timeNet(bench, net);
  }
}

export async function timeNet(bench: Bench, net: NetCase): Promise<void> {
  const data = netData(net);
  const contenders: Contender[] = [await convlet(net, data, "strict")];
  if (supportsRelaxed()) contenders.push(await convlet(net, data, "relaxed"));
  else bench.leaveOut(`${net.name} convlet relaxed`, "this engine has no relaxed SIMD");
  if (bench.affordsPlain(`${net.name} convlet-plain`, net.flop)) contenders.push(await convlet(net, data, "float64"));
  contenders.push(baseline(net, data));
  await bench.time({ suite: "inference", name: net.name, work: net.batch, unit: "images/s", tolerance: NET, contenders });
}

async function convlet({ net, batch }: NetCase, data: NetData, numerics: Contender["numerics"]): Promise<Contender> {
  const options = numerics === "float64" ? ({ machine: "plain" } as const) : ({ machine: "wasm", numerics } as const);
  const model = await netModel(net, data, options);
  const run = () => model.predictSync(data.images, { batchSize: batch });
  return { engine: numerics === "float64" ? "convlet-plain" : "convlet", numerics, run, result: () => ({ output: run().data }) };
}

function baseline({ net, batch }: NetCase, { images, weights }: NetData): Contender {
  const contender = (run: () => Float32Array): Contender => {
    const result = (): Arrays => ({ output: run().slice() });
    return { engine: "bench-js", numerics: "float64", run, result };
  };
  if (net === "ox") {
    const ox = new Ox(weights as unknown as OxWeights);
    return contender(() => ox.predict(images));
  }
  const mnistCnn = new MnistCnn(batch);
  mnistCnn.setWeights(weights as MnistCnnArrays);
  return contender(() => mnistCnn.predict(images, batch));
}
