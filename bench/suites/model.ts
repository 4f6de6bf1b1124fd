/** `--model FILE`: inference and training of a model that the user brings, and where the time of a prediction goes. */
import { basename } from "node:path";
import { load, type Model } from "../../src/index.ts";
import { supportsRelaxed } from "../../src/machine/wasm.ts";
import type { Samples } from "../../src/training/session.ts";
import { seededUniform } from "../cases.ts";
import type { Arrays, Bench, Contender } from "../harness.ts";
import type { LayerProfile } from "../layers.ts";
import { internals, machinesReady } from "../program.ts";

const BATCHES = [1, 32] as const;
const TRAINING_BATCH = 32;

/** Of outputs, relative to the largest: float32 sums through many layers, fused or not, against plain JavaScript's. */
const OUTPUT = 1e-4;
/** Of gradients and loss: the way back as well. */
const GRADIENT = 1e-3;

type Numerics = Contender["numerics"];

/** What `load` throws about the file is for the user: it says what is wrong with it. */
export async function benchModel(bench: Bench, file: string): Promise<LayerProfile[]> {
  const name = basename(file).replace(/\.safetensors$/, "");
  const machines: Numerics[] = supportsRelaxed() ? ["strict", "relaxed", "float64"] : ["strict", "float64"];
  const models = new Map<Numerics, Model>();
  try {
    for (const numerics of machines) models.set(numerics, await loaded(file, numerics));
    for (const batch of BATCHES) await timePrediction(bench, { name, batch, models });
    if (internals(models.get("strict")!).compiled === undefined) bench.leaveOut(`${name} training`, "the file holds no compiled model");
    else await timeTraining(bench, { name, batch: TRAINING_BATCH, models });
    const numerics = supportsRelaxed() ? "relaxed" : "strict";
    const profiles: LayerProfile[] = [];
    for (const batch of BATCHES) {
      const model = models.get(numerics)!;
      profiles.push({ batch, numerics, rows: await model.profile(asInput(inputsOf(model, batch), model), { rounds: bench.options.short ? 5 : 30 }) });
    }
    return profiles;
  } finally {
    for (const model of models.values()) model.dispose();
  }
}

async function loaded(file: string, numerics: Numerics): Promise<Model> {
  const model = await load(file, numerics === "float64" ? { machine: "plain" } : { machine: "wasm", numerics });
  if (numerics !== "float64") await machinesReady(model);
  return model;
}

interface Subject {
  readonly name: string;
  readonly batch: number;
  readonly models: ReadonlyMap<Numerics, Model>;
}

async function timePrediction(bench: Bench, { name, batch, models }: Subject): Promise<void> {
  const contenders: Contender[] = [];
  for (const [numerics, model] of models) {
    const { session } = internals(model);
    const input = asInput(inputsOf(model, batch), model);
    const { steps } = session.inferenceProgram(model.graph.outputs, batch).program;
    if (numerics === "float64" && !bench.affordsPlain(`${name}@${batch} convlet-plain`, batch * costOf(steps))) continue;
    const run =
      model.outputShapes.length === 1 ? () => [model.predictSync(input, { batchSize: batch })] : () => model.predictAll(input, { batchSize: batch });
    const result = async (): Promise<Arrays> => Object.fromEntries((await run()).map(({ data }, index) => [`output ${index}`, data.slice()]));
    contenders.push({ ...engineOf(numerics), run, result });
  }
  await bench.time({ suite: "model", name: `${name}@${batch}`, work: batch, unit: "images/s", tolerance: OUTPUT, contenders });
}

/** At a rate of 0: every step is the same, and no weight runs away. */
async function timeTraining(bench: Bench, { name, batch, models }: Subject): Promise<void> {
  const contenders: Contender[] = [];
  for (const [numerics, model] of models) {
    const { session, compiled } = internals(model);
    const samples = samplesOf(model, batch);
    const { steps } = session.trainingProgram(compiled, batch).program;
    if (numerics === "float64" && !bench.affordsPlain(`${name}-train@${batch} convlet-plain`, batch * costOf(steps))) continue;
    session.learningRateOverride = 0;
    const start = { ...session.counters };
    const plan = { start: 0, size: batch, order: null };
    const run = () => {
      Object.assign(session.counters, start);
      const accumulation = { adds: false, updates: true, samples: batch };
      return session.trainBatch(compiled, samples, plan, { capacity: batch, seed: 0, accumulation });
    };
    const result = (): Arrays => {
      const loss = run();
      Object.assign(session.counters, start);
      const gradients = session.gradientsOf(compiled, samples);
      return { loss: [loss], ...Object.fromEntries([...gradients].map(([parameter, gradient]) => [parameter.name, gradient])) };
    };
    contenders.push({ ...engineOf(numerics), run, result });
  }
  await bench.time({ suite: "model", name: `${name}-train@${batch}`, work: batch, unit: "images/s", tolerance: GRADIENT, contenders });
}

function engineOf(numerics: Numerics) {
  return { engine: numerics === "float64" ? "convlet-plain" : "convlet", numerics } as const;
}

function costOf(steps: readonly { readonly cost: number }[]): number {
  return steps.reduce((sum, { cost }) => sum + cost, 0);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** Values in [0, 1) for every input. */
function inputsOf(model: Model, batch: number): Float32Array[] {
  const uniform = seededUniform(11);
  return model.inputShapes.map((shape) => uniform(batch * sizeOf(shape), 1).map(Math.abs));
}

function asInput(inputs: readonly Float32Array[], model: Model) {
  const shaped = inputs.map((data, index) => ({ data, shape: [data.length / sizeOf(model.inputShapes[index]), ...model.inputShapes[index]] }));
  return shaped.length === 1 ? shaped[0] : shaped;
}

/** Targets at random: class numbers, rows with a single 1 for categorical losses, values in [0, 1) for others. */
function samplesOf(model: Model, batch: number): Samples {
  const inputs = inputsOf(model, batch).map((data) => ({ data, count: batch }));
  const { loss } = internals(model).compiled;
  const [shape] = model.outputShapes;
  const classes = shape[shape.length - 1];
  const rows = batch * (sizeOf(shape) / classes);
  const uniform = seededUniform(12);
  const labels = uniform(rows, 1).map((value) => Math.floor(Math.abs(value) * classes));
  if (loss.target === "labels") return { inputs, target: { data: labels, count: batch }, sampleWeight: null };
  const oneHot = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) oneHot[row * classes + labels[row]] = 1;
  const data = loss.name === "categoricalCrossentropy" ? oneHot : uniform(rows * classes, 1).map(Math.abs);
  return { inputs, target: { data, count: batch }, sampleWeight: null };
}
