import { describe, expect, test } from "vitest";
import { EXACT, expectClose, machineNames, seededRandom, type TestArray, TestMemory } from "../support/kernels.ts";

/** 20 steps in float32 against float64. */
const F32_STEPS = 1e-5;
const STEPS = 20;
const COUNTS = [1, 2, 3, 4, 5, 1023, 1026];
const RATE = Math.fround(0.05);

interface Clip {
  readonly clipValue: number;
  readonly clipNorm: number;
  readonly weightDecay: number;
  readonly gradientScale: number;
}
const clips: Record<string, Clip> = {
  plain: { clipValue: 0, clipNorm: 0, weightDecay: 0, gradientScale: 1 },
  "scaled and decayed": { clipValue: 0, clipNorm: 0, weightDecay: 0.0625, gradientScale: 0.25 },
  "clipped by value": { clipValue: 0.5, clipNorm: 0, weightDecay: 0, gradientScale: 1 },
  "clipped by norm": { clipValue: 0, clipNorm: 0.75, weightDecay: 0, gradientScale: 0.5 },
};

/** g in float64, after scaling and clipping. */
function clippedGradient(gradient: Float64Array, clip: Clip): Float64Array {
  const scaled = gradient.map((g) => g * clip.gradientScale);
  const norm = Math.sqrt(scaled.reduce((sum, g) => sum + g * g, 0));
  const factor = clip.clipNorm > 0 && norm > clip.clipNorm ? clip.clipNorm / norm : 1;
  const limit = clip.clipValue || Number.POSITIVE_INFINITY;
  return scaled.map((g) => Math.max(-limit, Math.min(limit, g * factor)));
}

/** Arrays, the words every update shares, and one gradient per step. */
function setUp(machine: (typeof machineNames)[number], count: number, clip: Clip) {
  const memory = new TestMemory(machine);
  const weight = memory.array(count);
  const gradient = memory.array(count);
  const normSquares = memory.array(1);
  const random = seededRandom(11);
  const gradients = Array.from({ length: STEPS }, () => Float64Array.from({ length: count }, random));
  const { clipValue, clipNorm, weightDecay } = clip;
  return { memory, gradients, gradient, weight, common: { weight, gradient, count, clipValue, clipNorm, normSquares, weightDecay } };
}

/** Puts a step's gradient where the record reads it, and its scaled square norm. */
async function feed({ memory, common, gradient }: ReturnType<typeof setUp>, values: Float64Array, gradientScale: number): Promise<void> {
  const floats = memory.elementBytes === 8 ? new Float64Array(memory.memory.buffer) : new Float32Array(memory.memory.buffer);
  floats.set(values, gradient.address / memory.elementBytes);
  await memory.run("sumSquares", { gradient, sum: common.normSquares, count: common.count, write: 0 }, { gradientScale });
}

const slot = (memory: TestMemory, count: number): TestArray => memory.array(count, new Array(count).fill(0));

describe.each(machineNames)("optimizer updates on %s", (machine) => {
  describe.each(Object.entries(clips))("%s", (_, clip) => {
    const header = { learningRate: RATE, gradientScale: clip.gradientScale };

    test.each([
      [0, 0],
      [0.875, 0],
      [0.875, 1],
    ])("SGD, momentum %d, nesterov %i", async (momentum, nesterov) => {
      for (const count of COUNTS) {
        const run = setUp(machine, count, clip);
        const velocity = momentum === 0 ? null : slot(run.memory, count);
        const w = run.memory.read(run.weight);
        const v = new Float64Array(count);
        for (const gradient of run.gradients) {
          await feed(run, gradient, clip.gradientScale);
          await run.memory.run("sgdUpdate", { ...run.common, velocity, momentum, nesterov }, header);
          clippedGradient(gradient, clip).forEach((g, i) => {
            v[i] = momentum * v[i] - RATE * g;
            w[i] += (nesterov ? momentum * v[i] - RATE * g : v[i]) - w[i] * clip.weightDecay * RATE;
          });
        }
        expectClose(run.memory.read(run.weight), w, F32_STEPS, `${count} weights`);
        if (velocity !== null) expectClose(run.memory.read(velocity), v, F32_STEPS);
      }
    });

    test.each([0, 0.5])("RMSprop, momentum %d", async (momentum) => {
      for (const count of COUNTS) {
        const run = setUp(machine, count, clip);
        const [rho, epsilon] = [Math.fround(0.9), Math.fround(1e-7)];
        const square = slot(run.memory, count);
        const velocity = momentum === 0 ? null : slot(run.memory, count);
        const w = run.memory.read(run.weight);
        const [s, v] = [new Float64Array(count), new Float64Array(count)];
        for (const gradient of run.gradients) {
          await feed(run, gradient, clip.gradientScale);
          await run.memory.run("rmspropUpdate", { ...run.common, square, velocity, rho, momentum, epsilon }, header);
          clippedGradient(gradient, clip).forEach((g, i) => {
            s[i] = rho * s[i] + (1 - rho) * g * g;
            v[i] = momentum * v[i] + (RATE * g) / Math.sqrt(s[i] + epsilon);
            w[i] -= v[i] + w[i] * clip.weightDecay * RATE;
          });
        }
        expectClose(run.memory.read(run.weight), w, F32_STEPS, `${count} weights`);
        expectClose(run.memory.read(square), s, F32_STEPS);
      }
    });

    test("Adam", async () => {
      for (const count of COUNTS) {
        const run = setUp(machine, count, clip);
        const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-7].map(Math.fround);
        const first = slot(run.memory, count);
        const second = slot(run.memory, count);
        const w = run.memory.read(run.weight);
        const [m, v] = [new Float64Array(count), new Float64Array(count)];
        for (let step = 1; step <= STEPS; step++) {
          const correctedRate = Math.fround((RATE * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step));
          await feed(run, run.gradients[step - 1], clip.gradientScale);
          await run.memory.run("adamUpdate", { ...run.common, first, second, beta1, beta2, epsilon }, { ...header, correctedRate });
          clippedGradient(run.gradients[step - 1], clip).forEach((g, i) => {
            m[i] += (g - m[i]) * (1 - beta1);
            v[i] += (g * g - v[i]) * (1 - beta2);
            w[i] -= (correctedRate * m[i]) / (Math.sqrt(v[i]) + epsilon) + w[i] * clip.weightDecay * RATE;
          });
        }
        expectClose(run.memory.read(run.weight), w, F32_STEPS, `${count} weights`);
        expectClose(run.memory.read(first), m, F32_STEPS);
        expectClose(run.memory.read(second), v, F32_STEPS);
      }
    });
  });

  test("a NaN gradient reaches its weight through any clip; a NaN norm reaches all; a norm of 0 changes nothing", async () => {
    const memory = new TestMemory(machine);
    const update = async (gradient: number[], clipValue: number, clipNorm: number, square: number) => {
      const weight = memory.array(5, [1, 2, 3, 4, 5]);
      const arrays = { weight, gradient: memory.array(5, gradient), normSquares: memory.array(1, [square]), velocity: null };
      await memory.run("sgdUpdate", { ...arrays, count: 5, clipValue, clipNorm, weightDecay: 0, momentum: 0, nesterov: 0 });
      return memory.read(weight);
    };
    const one = await update([0, 0, 0, 0, Number.NaN], 0.5, 0, 0);
    expectClose(one, [1, 2, 3, 4, Number.NaN], EXACT);
    const all = await update([0, 0, 0, 0, 1], 0, 1, Number.NaN);
    expect(all.every(Number.isNaN)).toBe(true);
    expectClose(await update([0, 0, 0, 0, 0], 0, 1, 0), [1, 2, 3, 4, 5], EXACT);
  });
});
