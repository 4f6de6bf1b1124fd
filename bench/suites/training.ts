/** Training steps as `fit` makes them: a batch gathered, forward, loss, backward, update, weights packed anew. */

import { type Model, type ModelOptions, sparseCategoricalCrossentropy } from "../../src/index.ts";
import { supportsRelaxed } from "../../src/machine/wasm.ts";
import type { Samples } from "../../src/training/session.ts";
import { CASES, type NetCase, type NetData, netData, parseCase } from "../cases.ts";
import type { Arrays, Bench, Contender } from "../harness.ts";
import { MnistCnn, type MnistCnnArrays, type MnistCnnName } from "../js/mnistCnn.ts";
import { netModel } from "../nets.ts";
import { internals } from "../program.ts";

/** Batches that take turns: on a single one the loss would soon be nothing. */
const BATCHES = 8;

/** Gradients, relative to the largest of their array, and losses: float32 sums over all pixels of a batch. */
const GRADIENTS = 1e-4;

export async function training(bench: Bench): Promise<void> {
  for (const name of CASES) {
    const net = parseCase(name);
    if (net.kind === "net" && net.mode === "train" && bench.wants("training", name, { inShort: true })) await timeTraining(bench, net);
  }
}

export async function timeTraining(bench: Bench, net: NetCase): Promise<void> {
  const data = trainingData(net);
  const contenders: Contender[] = [await convlet(net, data, "strict")];
  if (supportsRelaxed()) contenders.push(await convlet(net, data, "relaxed"));
  else bench.leaveOut(`${net.name} convlet relaxed`, "this engine has no relaxed SIMD");
  if (bench.affordsPlain(`${net.name} convlet-plain`, net.flop)) contenders.push(await convlet(net, data, "float64"));
  if (net.net === "mnist_cnn") contenders.push(baseline(net, data));
  await bench.time({ suite: "training", name: net.name, work: net.batch, unit: "images/s", tolerance: GRADIENTS, contenders });
}

/** Bytes of the training program's arena, without weights and slots: activations, gradients, halos, scratch and partial sums. */
export async function trainingArena(name: string): Promise<number> {
  const net = parseCase(name);
  if (net.kind !== "net") throw new Error(`internal: ${name} is no network`);
  const model = await netModel(net.net, netData(net), { machine: "wasm" });
  try {
    compileForTraining(model);
    const { session, compiled } = internals(model);
    return session.trainingProgram(compiled, net.batch).program.arenaBytes;
  } finally {
    model.dispose();
  }
}

/** As many samples as all batches that take turns have. */
export function trainingData(net: NetCase): NetData {
  return netData({ ...net, batch: BATCHES * net.batch });
}

/** The O/X network has a softmax of its own. */
export function compileForTraining(model: Model): void {
  const fromLogits = model.graph.nodes.at(-1)!.op !== "softmax";
  model.compile({ optimizer: "adam", loss: sparseCategoricalCrossentropy({ fromLogits }) });
}

export function samplesOf({ images, labels }: NetData): Samples {
  return { inputs: [{ data: images, count: labels.length }], target: { data: labels, count: labels.length }, sampleWeight: null };
}

async function convlet(net: NetCase, data: NetData, numerics: Contender["numerics"]): Promise<Contender> {
  const options = numerics === "float64" ? ({ machine: "plain" } as const) : ({ machine: "wasm", numerics } as const);
  const { run, result } = await trainingContender(net, data, options);
  return { engine: numerics === "float64" ? "convlet-plain" : "convlet", numerics, run, result };
}

/** `data` holds the batches that take turns. */
export async function trainingContender(net: NetCase, data: NetData, options: ModelOptions) {
  const model = await netModel(net.net, data, options);
  compileForTraining(model);
  const samples = samplesOf(data);
  const capacity = net.batch;
  const accumulation = { adds: false, updates: true, samples: capacity };
  let batch = 0;
  const step = () => {
    const { session, compiled } = internals(model);
    const plan = { start: capacity * (batch++ % BATCHES), size: capacity, order: null };
    return session.trainBatch(compiled, samples, plan, { capacity, seed: 0, accumulation });
  };
  const result = (): Arrays => {
    compileForTraining(model);
    model.setWeights(Object.values(data.weights));
    const { session, compiled } = internals(model);
    const gradients = [...session.gradientsOf(compiled, samplesOf(firstBatch(data, capacity))).values()];
    batch = 0;
    return { losses: [step(), step()], ...Object.fromEntries(Object.keys(data.weights).map((name, index) => [name, gradients[index]])) };
  };
  return { model, run: step, result };
}

function firstBatch({ images, labels, weights }: NetData, batch: number): NetData {
  return { images: images.subarray(0, (images.length / labels.length) * batch), labels: labels.subarray(0, batch), weights };
}

function baseline({ batch: capacity }: NetCase, data: NetData): Contender {
  const start = () => {
    const net = new MnistCnn(capacity);
    net.setWeights(data.weights as MnistCnnArrays);
    return net;
  };
  const size = data.images.length / data.labels.length;
  const step = (net: MnistCnn, index: number) => {
    const first = capacity * (index % BATCHES);
    const images = data.images.subarray(first * size, (first + capacity) * size);
    return net.trainStep(images, data.labels.subarray(first, first + capacity), capacity);
  };
  const measured = start();
  let batch = 0;
  const result = (): Arrays => {
    const net = start();
    const losses = [step(net, 0)];
    const gradients = Object.fromEntries(Object.keys(data.weights).map((name) => [name, net.grads[name as MnistCnnName].slice()]));
    losses.push(step(net, 1));
    return { losses, ...gradients };
  };
  return { engine: "bench-js", numerics: "float64", run: () => step(measured, batch++), result };
}
