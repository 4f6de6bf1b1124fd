import { describe, expect, test } from "vitest";
import { RECORDS } from "../../build/records.ts";
import { adam, adamW, learningRateAt, type Optimizer, optimizer, rmsprop, sgd } from "../../src/training/optimizers.ts";
import { cosineDecay } from "../../src/training/schedules.ts";

const table: [string, Optimizer, Partial<Optimizer>][] = [
  ["sgd", sgd(), { learningRate: 0.01, slots: [], kernel: "sgdUpdate", fields: { momentum: 0, nesterov: 0 }, weightDecay: 0 }],
  ["sgd with momentum", sgd({ momentum: 0.9, nesterov: true }), { slots: ["velocity"], fields: { momentum: 0.9, nesterov: 1 } }],
  ["rmsprop", rmsprop(), { learningRate: 0.001, slots: ["square"], kernel: "rmspropUpdate", fields: { rho: 0.9, momentum: 0, epsilon: 1e-7 } }],
  ["rmsprop with momentum", rmsprop({ momentum: 0.5 }), { slots: ["square", "velocity"] }],
  ["adam", adam(), { learningRate: 0.001, slots: ["first", "second"], fields: { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }, weightDecay: 0 }],
  ["adamW", adamW(), { learningRate: 0.001, kernel: "adamUpdate", weightDecay: 0.004 }],
  ["adam that clips", adam({ clipNorm: 1, weightDecay: 0.1 }), { clipNorm: 1, weightDecay: 0.1 }],
  ["sgd that clips values", sgd({ clipValue: 0.5 }), { clipValue: 0.5 }],
  ["rmsprop that clips all", rmsprop({ globalClipNorm: 2 }), { globalClipNorm: 2 }],
];

describe.each(table)("%s", (_name, made, expected) => {
  test("has Keras's defaults", () => {
    expect(made).toMatchObject(expected);
  });

  test("has fields and slots that its record knows", () => {
    const known = RECORDS[made.kernel].map(([name]) => name) as string[];
    expect(known).toEqual(expect.arrayContaining([...made.slots, ...Object.keys(made.fields)]));
  });

  test("comes back from its JSON", () => {
    const { correctedRate: _before, ...before } = made;
    const { correctedRate: _after, ...after } = optimizer(JSON.parse(JSON.stringify({ name: made.name, config: made.config })));
    expect(after).toEqual(before);
    expect(optimizer(made)).toBe(made);
  });
});

test.each(["sgd", "rmsprop", "adam", "adamW"] as const)("%s may be asked for by name", (name) => {
  expect(optimizer(name).name).toBe(name);
});

describe("correctedRate", () => {
  test.each([1, 2, 3, 10, 999, 100_000])("corrects Adam's bias at step %i", (step) => {
    const [beta1, beta2] = [Math.fround(0.9), Math.fround(0.999)];
    const expected = (0.01 * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    expect(adam().correctedRate(0.01, step)).toBeCloseTo(expected, 14);
  });

  test("leaves the others' rate alone", () => {
    expect(sgd().correctedRate(0.01, 1)).toBe(0.01);
    expect(rmsprop().correctedRate(0.01, 1)).toBe(0.01);
  });
});

test("a schedule decides the rate and is kept in the config", () => {
  const learningRate = cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 });
  const made = adam({ learningRate });
  expect(learningRateAt(made, 0)).toBe(0.1);
  const revived = optimizer(JSON.parse(JSON.stringify({ name: made.name, config: made.config })));
  expect(learningRateAt(revived, 5)).toBe(learningRate.at(5));
  expect(learningRateAt(sgd(), 5)).toBe(0.01);
});

test.each([
  [() => Number.NaN, RangeError, "mine: learningRate is NaN, needs a finite number ≥ 0"],
  [() => -1, RangeError, "mine: learningRate is -1, needs a finite number ≥ 0"],
  [() => undefined as never, TypeError, "mine: learningRate is undefined, needs a finite number ≥ 0"],
])("a schedule of the user's own must give a rate: %s", (at, Kind, message) => {
  const made = sgd({ learningRate: { name: "mine", config: {}, at } });
  expect(() => learningRateAt(made, 2)).toThrow(new Kind(message));
});

test.each([
  [() => adam({ learningRate: Number.NaN }), RangeError, "adam: learningRate is NaN, needs a finite number ≥ 0"],
  [() => adam({ learningRate: -1 }), RangeError, "adam: learningRate is -1, needs a finite number ≥ 0"],
  [() => adam({ learningRate: "0.1" as never }), TypeError, 'adam: learningRate is "0.1", needs a finite number ≥ 0 or a schedule'],
  [
    () => adam({ lr: 0.1 } as never),
    TypeError,
    'adam: unknown option "lr"; known: learningRate, weightDecay, clipNorm, globalClipNorm, clipValue, beta1, beta2, epsilon',
  ],
  [() => adam({ beta1: 1 }), RangeError, "adam: beta1 is 1, needs a finite number ≥ 0 and < 1"],
  [() => adamW({ epsilon: 0 }), RangeError, "adamW: epsilon is 0, needs a finite number > 0"],
  [() => sgd({ momentum: 1.5 }), RangeError, "sgd: momentum is 1.5, needs a finite number ≥ 0 and ≤ 1"],
  [() => sgd({ nesterov: 1 as never }), TypeError, "sgd: nesterov is 1, needs true or false"],
  [() => rmsprop({ rho: Infinity }), RangeError, "rmsprop: rho is Infinity, needs a finite number ≥ 0 and < 1"],
  [() => sgd({ clipNorm: 0 }), RangeError, "sgd: clipNorm is 0, needs a finite number > 0"],
  [() => sgd({ clipNorm: 1, clipValue: 1 }), TypeError, "sgd: got clipNorm and clipValue, needs at most one of clipNorm, globalClipNorm, clipValue"],
  [() => optimizer("adamax" as never), RangeError, 'unknown optimizer "adamax"; known: sgd, rmsprop, adam, adamW'],
  [() => optimizer(null as never), TypeError, "optimizer: got null, needs a name or an object made by one of sgd, rmsprop, adam, adamW"],
])("refuses: %s", (make, kind, message) => {
  expect(make).toThrow(new kind(message));
});
