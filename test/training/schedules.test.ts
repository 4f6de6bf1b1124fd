import { describe, expect, test } from "vitest";
import { cosineDecay, exponentialDecay, integerPower, piecewiseConstant, type Schedule, schedule, stepDecay } from "../../src/training/schedules.ts";

/** Keras 3's CosineDecay, line by line. */
function kerasCosine(step: number, initial: number, decaySteps: number, alpha: number, warmup?: { target: number; steps: number }): number {
  const decay = (at: number, from: number) => from * ((1 - alpha) * 0.5 * (1 + Math.cos((Math.PI * at) / decaySteps)) + alpha);
  if (warmup === undefined) return decay(Math.min(step, decaySteps), initial);
  const at = Math.min(step, decaySteps + warmup.steps);
  if (at < warmup.steps) return (warmup.target - initial) * (at / warmup.steps) + initial;
  return decay(at - warmup.steps, warmup.target);
}

const STEPS = [0, 1, 2, 9, 10, 11, 19, 20, 21, 99, 100, 101, 109, 110, 111, 1e6];

const cases: [string, Schedule, (step: number) => number][] = [
  ["exponentialDecay", exponentialDecay({ initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.96 }), (step) => 0.1 * 0.96 ** (step / 10)],
  [
    "exponentialDecay in stairs",
    exponentialDecay({ initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.96, staircase: true }),
    (step) => 0.1 * 0.96 ** Math.floor(step / 10),
  ],
  ["cosineDecay", cosineDecay({ initialLearningRate: 0.1, decaySteps: 100 }), (step) => kerasCosine(step, 0.1, 100, 0)],
  ["cosineDecay to alpha", cosineDecay({ initialLearningRate: 0.1, decaySteps: 100, alpha: 0.2 }), (step) => kerasCosine(step, 0.1, 100, 0.2)],
  [
    "cosineDecay with warm-up",
    cosineDecay({ initialLearningRate: 0.01, decaySteps: 100, alpha: 0.1, warmupTarget: 0.1, warmupSteps: 10 }),
    (step) => kerasCosine(step, 0.01, 100, 0.1, { target: 0.1, steps: 10 }),
  ],
  ["stepDecay", stepDecay({ initial: 0.1, every: 10, factor: 0.5 }), (step) => 0.1 * 0.5 ** Math.floor(step / 10)],
  [
    "piecewiseConstant",
    piecewiseConstant({ boundaries: [10, 20], values: [0.1, 0.01, 0.001] }),
    (step) => (step <= 10 ? 0.1 : step <= 20 ? 0.01 : 0.001),
  ],
];

describe.each(cases)("%s", (_name, made, formula) => {
  test("follows its formula", () => {
    for (const step of STEPS) expect(Math.abs(made.at(step) - formula(step))).toBeLessThanOrEqual(1e-13 * formula(step));
  });

  test("comes back from its JSON", () => {
    const revived = schedule(JSON.parse(JSON.stringify(made)));
    expect(revived).toMatchObject({ name: made.name, config: made.config });
    expect(STEPS.map(revived.at)).toEqual(STEPS.map(made.at));
    expect(schedule(made)).toBe(made);
  });
});

test("integerPower multiplies", () => {
  expect(integerPower(0.5, 10)).toBe(2 ** -10);
  expect(integerPower(3, 0)).toBe(1);
  expect(integerPower(0.9, 1e9)).toBe(0);
  expect(integerPower(1.0000001, 2 ** 33)).toBeGreaterThan(1);
});

test.each([
  [
    () => exponentialDecay({ initialLearningRate: Number.NaN, decaySteps: 1, decayRate: 1 }),
    "exponentialDecay: initialLearningRate is NaN, needs a finite number ≥ 0",
  ],
  [() => exponentialDecay({ initialLearningRate: 1, decaySteps: 0, decayRate: 1 }), "exponentialDecay: decaySteps is 0, needs a finite number > 0"],
  [() => exponentialDecay({ initialLearningRate: 1, decaySteps: 1 } as never), "exponentialDecay: decayRate is undefined, needs a finite number > 0"],
  [
    () => exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 1, staircase: 1 } as never),
    "exponentialDecay: staircase is 1, needs true or false",
  ],
  [() => exponentialDecay(undefined as never), "exponentialDecay: got undefined, needs an object of options"],
  [
    () => cosineDecay({ initialLearningRate: 1, decaySteps: 1, warmupSteps: 5 }),
    "cosineDecay: warmupSteps is 5 without a warmupTarget, needs both or neither",
  ],
  [() => stepDecay({ initial: 1, every: 2.5, factor: 0.5 }), "stepDecay: every is 2.5, needs a whole number ≥ 1"],
  [() => stepDecay({ initial: 1, every: 2, facter: 0.5 } as never), 'stepDecay: unknown option "facter"; known: initial, every, factor'],
  [() => piecewiseConstant({ boundaries: [1, 2], values: [1, 2] }), "piecewiseConstant: 2 values for 2 boundaries, needs 3"],
  [() => piecewiseConstant({ boundaries: [2, 2], values: [1, 2, 3] }), "piecewiseConstant: boundaries[1] is 2, needs a finite number > 2"],
  [() => piecewiseConstant({ boundaries: 3, values: [1] } as never), "piecewiseConstant: boundaries is 3, needs an array of numbers"],
  [() => schedule({ name: "linear" }), 'unknown schedule "linear"; known: exponentialDecay, cosineDecay, stepDecay, piecewiseConstant'],
  [() => schedule([1] as never), "schedule: got an array of 1, needs a name or an object made by one of exponentialDecay, cosineDecay"],
])("refuses: %s", (make, message) => {
  expect(make).toThrow(message);
});
