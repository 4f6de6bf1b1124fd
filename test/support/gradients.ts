/** Checks a whole program's gradients in float64: the plain-JS machine on a Float64Array against central differences. */
import type { Engine } from "../../src/engine.ts";
import type { Parameter } from "../../src/graph.ts";
import type { Model } from "../../src/index.ts";
import { asBatch } from "../../src/training/data.ts";
import type { Compiled, Samples, Session } from "../../src/training/session.ts";
import { seededRandom } from "./kernels.ts";

interface Internals {
  readonly engine: Engine;
  readonly session: Session;
  readonly compiled: Compiled;
}

/** Step of the central differences: the error of the difference itself is about STEP², of rounding about 1e-16 / STEP. */
const STEP = 1e-5;

/** Weights checked of each parameter, spread evenly: the stride is seldom a multiple of a channel count, so all axes are met. */
const CHECKED_PER_PARAMETER = 17;

/** Below this a gradient counts as 0: a bias in front of a batch normalization has none. */
const SMALLEST_SCALE = 1e-4;

/** Difference allowed, relative to the largest gradient of the array. */
export const FLOAT64_GRADIENT = 1e-6;

/** A float64 model must be made with `{ elementBytes: 8, machine: "plain" }`. Returns the largest relative error of every parameter. */
export async function gradientErrors(model: Model, samples: Samples): Promise<Map<string, number>> {
  await model.ready;
  const { engine, session, compiled } = model as unknown as Internals;
  scramble(engine, model.graph.parameters);
  const analytic = session.gradientsOf(compiled, samples);
  const errors = new Map<string, number>();
  for (const [parameter, gradient] of analytic) {
    const view = engine.state.view(parameter, "value");
    let worst = 0;
    let scale = SMALLEST_SCALE;
    const stride = Math.max(1, Math.floor(view.length / CHECKED_PER_PARAMETER));
    for (let index = 0; index < view.length; index += stride) {
      const numeric =
        (lossAt(engine, session, compiled, samples, view, index, STEP) - lossAt(engine, session, compiled, samples, view, index, -STEP)) / (2 * STEP);
      worst = Math.max(worst, Math.abs(numeric - gradient[index]));
      scale = Math.max(scale, Math.abs(numeric), Math.abs(gradient[index]));
    }
    errors.set(parameter.name, worst / scale);
  }
  return errors;
}

/** Generic values: initial zeros and ones would hide wrong gradients. Statistics stay positive. */
function scramble(engine: Engine, parameters: readonly Parameter[]): void {
  const random = seededRandom(11);
  for (const parameter of parameters) {
    const view = engine.state.view(parameter, "value");
    for (let index = 0; index < view.length; index++) view[index] = parameter.name.endsWith("ariance") ? 1 + 0.5 * random() : 0.6 * random() + 0.05;
  }
  engine.state.version++;
}

function lossAt(
  engine: Engine,
  session: Session,
  compiled: Compiled,
  samples: Samples,
  view: Float32Array | Float64Array,
  index: number,
  step: number,
): number {
  const before = view[index];
  view[index] = before + step;
  engine.state.version++;
  const size = samples.target.count;
  const placed = session.trainingProgram(compiled, size);
  session.load(placed, samples, { start: 0, size, order: null });
  const header = { batch: size, seed: session.options.seed, step: session.counters.run, accumulate: 0, lossScale: 1 / size, regularizationScale: 1 };
  engine.run(placed, ["forward", "loss", "backward"], { header, numerics: "strict" });
  view[index] = before;
  engine.state.version++;
  return session.lossOf(placed, size);
}

/** Seeded samples for a model's inputs, with a target of `targetShape`: class numbers below `classes`, or values in (0.05, 0.95). */
export function randomSamples(model: Model, count: number, target: { shape: readonly number[]; classes?: number }, sampleWeight = false): Samples {
  const random = seededRandom(5);
  const fill = (length: number) => Float64Array.from({ length }, () => random());
  const inputs = model.inputShapes.map((shape) => asBatch({ data: fill(count * size(shape)), shape: [count, ...shape] }, shape, "x"));
  const values = fill(count * size(target.shape)).map((value) =>
    target.classes === undefined ? 0.5 + 0.45 * value : Math.min(target.classes - 1, Math.floor(((value + 1) / 2) * target.classes)),
  );
  return {
    inputs,
    target: { data: values, count },
    sampleWeight: sampleWeight ? Float32Array.from({ length: count }, () => 0.5 + Math.abs(random())) : null,
  };
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, each) => product * each, 1);
}
