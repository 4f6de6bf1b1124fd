/** How cost grows: every curve is one quantity at sizes on both sides of each tile's edge. Minima of alternating samples. */

import { conv2d, dense, flatten, type Layer, maxPooling2d, sequential } from "../../src/index.ts";
import { type Numerics, supportsRelaxed } from "../../src/machine/wasm.ts";
import { parseCase, seededUniform } from "../cases.ts";
import { type Curve, nameAt, offences, suspects } from "../growth.ts";
import { type Axis, COUNTS, type Growing, MAPS, PLANS } from "../growthPlans.ts";
import type { Bench } from "../harness.ts";
import type { Subject } from "../kernelCase.ts";
import { internals, machinesReady, ProgramUnderTest } from "../program.ts";
import { convInputGrad, convOutput, convWeightGrad, denseOutput } from "./kernels.ts";
import { poolGrad, poolOutput } from "./passes.ts";
import { compileForTraining, samplesOf } from "./training.ts";

type GrowthSubject = Pick<Subject, "model" | "runner">;

/** What `--short` leaves. */
const SHORT_PATTERN = "conv_32_?_3_1_1_14_1";
const SHORT_MOST = 33;
const SHORT_ROUNDS = 3;
const WARM_UP_MS = 8;

/** Samples of a size, shorter than this many milliseconds, have several calls. */
const SAMPLE_MS = 2;
const ROUNDS = 8;
/** What seems to offend is measured again, alone and in new memory, up to so many times. */
const REPEATS = 3;
const REPEAT_ROUNDS = 20;
/** A size takes part in no further round when its samples took so long. */
const ENOUGH_MS = 1500;

export async function growth(bench: Bench): Promise<Curve[]> {
  const curves: Curve[] = [];
  for (const plan of PLANS) {
    const [, , pattern] = plan;
    if (!bench.wants("growth", pattern, { inShort: pattern === SHORT_PATTERN })) continue;
    bench.say(`growth ${pattern}`);
    for (const curve of await measureCurve(plan, bench)) {
      curves.push(curve);
      for (const { small, large, smallMs, largeMs } of offences(curve)) {
        bench.say(`  ${curve.numerics}: ${small} takes ${(smallMs / largeMs).toFixed(2)}x the time of ${large}`);
      }
    }
  }
  return curves;
}

const NUMERICS = ["strict", "relaxed"] as const;

/** The subject of a name. */
function build(name: string): Promise<GrowthSubject> {
  const [what, gradient] = name.split("/");
  if (what.startsWith("conv_")) {
    const kernel = gradient === "inputGrad" ? convInputGrad : gradient === "weightGrad" ? convWeightGrad : convOutput;
    return kernel(conv(what)).build({ machine: "wasm" });
  }
  if (what.startsWith("train_")) return buildTraining(what);
  const [first, second, third, batch] = numbersOf(what);
  if (what.startsWith("dense_")) return denseOutput({ inputs: first, outputs: second, batch: third }).build({ machine: "wasm" });
  const shape = { channels: second, size: third, batch };
  return (gradient === undefined ? poolOutput(shape) : poolGrad(shape)).build({ machine: "wasm" });
}

function conv(name: string) {
  const parsed = parseCase(name);
  if (parsed.kind !== "conv") throw new Error(`internal: ${name} is no convolution`);
  return parsed;
}

function numbersOf(name: string): number[] {
  return [...name.matchAll(/\d+/g)].map(Number);
}

/** A step of a small network: two convolutions with as many filters, a pooling, a dense layer. The rate is 0: every step is the same. */
async function buildTraining(name: string): Promise<GrowthSubject> {
  const [filters, size, batch] = numbersOf(name);
  const own = { kernelSize: 3, filters, activation: "relu", padding: "same" } as const;
  const layers: Layer[] = [conv2d({ ...own, inputShape: [size, size, 1] }), conv2d(own), maxPooling2d(), flatten(), dense({ units: 10 })];
  const model = sequential(layers, { machine: "wasm" });
  compileForTraining(model);
  await machinesReady(model);
  const { engine, session, compiled } = internals(model);
  const program = new ProgramUnderTest(engine, session.trainingProgram(compiled, batch), batch);
  const images = seededUniform(5)(batch * size * size, 1);
  session.load(program.placed, samplesOf({ images, labels: new Uint8Array(batch), weights: {} }), { start: 0, size: batch, order: null });
  program.setHeader({ learningRate: 0, correctedRate: 0 });
  return { model, runner: (numerics) => () => program.run(numerics, ["repack", "forward", "loss", "backward", "statistics", "update"]) };
}

interface Point {
  readonly run: () => unknown;
  readonly calls: number;
  minMs: number;
  spentMs: number;
}

async function measureCurve([work, axis, pattern]: Growing, bench: Bench): Promise<Curve[]> {
  const { short } = bench.options;
  const sizes = sizesOf(axis, short);
  const curves: Curve[] = [];
  await withSubjects(pattern, sizes, (subjects) => {
    for (const numerics of supportsRelaxed() ? NUMERICS : (["strict"] as const)) {
      const minMs = sample(subjects, numerics, short ? SHORT_ROUNDS : ROUNDS);
      curves.push({ work, axis, pattern, numerics, sizes, minMs });
    }
  });
  for (let repeat = 0; repeat < REPEATS && !short; repeat++) {
    for (const [index, curve] of curves.entries()) {
      const again = suspects(curve);
      await withSubjects(pattern, again, (subjects) => {
        const minMs = sample(subjects, curve.numerics, REPEAT_ROUNDS);
        const fastest = (size: number, before: number) => Math.min(before, minMs[again.indexOf(size)] ?? before);
        curves[index] = { ...curve, minMs: curve.minMs.map((before, at) => fastest(sizes[at], before)) };
      });
    }
  }
  return curves;
}

/** Each in a memory of its own, which is new: where that lies may cost a quarter (3 channels of a depthwise gradient: 0.71 instead of 0.57 µs). */
async function withSubjects(pattern: string, sizes: readonly number[], use: (subjects: readonly GrowthSubject[]) => void): Promise<void> {
  const subjects: GrowthSubject[] = [];
  try {
    for (const size of sizes) subjects.push(await build(nameAt({ pattern }, size)));
    use(subjects);
  } finally {
    for (const { model } of subjects) model.dispose();
  }
}

function sizesOf(axis: Axis, short: boolean): number[] {
  const sizes = axis === "map" ? MAPS : COUNTS;
  return short ? sizes.filter((size) => size <= SHORT_MOST) : sizes;
}

function point(run: () => unknown): Point {
  const start = performance.now();
  let fastest = Number.POSITIVE_INFINITY;
  for (let calls = 1; performance.now() - start < WARM_UP_MS; calls = Math.min(2 * calls, 256)) fastest = Math.min(fastest, msOf(run, calls));
  return { run, calls: Math.max(1, Math.ceil(SAMPLE_MS / fastest)), minMs: Number.POSITIVE_INFINITY, spentMs: 0 };
}

/** Fastest call of each, of a sample in every round; what is short runs once before, since the others emptied the caches. */
function sample(subjects: readonly GrowthSubject[], numerics: Numerics, rounds: number): number[] {
  const points = subjects.map(({ runner }) => point(runner(numerics)));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < points.length; turn++) {
      const each = points[(round + turn) % points.length];
      if (each.spentMs > ENOUGH_MS) continue;
      each.run();
      const ms = msOf(each.run, each.calls);
      each.minMs = Math.min(each.minMs, ms);
      each.spentMs += ms * (each.calls + 1);
    }
  }
  return points.map(({ minMs }) => minMs);
}

function msOf(run: () => unknown, calls: number): number {
  const start = performance.now();
  for (let call = 0; call < calls; call++) run();
  return (performance.now() - start) / calls;
}
