import { describe, expect, test } from "vitest";
import { constant, type Initializer, type InitializerSpec, initializer, orthogonal } from "../src/initializers.ts";

const SHAPE = [3, 3, 48, 80];
const ELEMENTS = 3 * 3 * 48 * 80;
const FANS = { fanIn: 3 * 3 * 48, fanOut: 3 * 3 * 80 };

function filled(spec: InitializerSpec, { shape = SHAPE, seed = 1, stream = 2, fans = FANS } = {}): Float32Array {
  const target = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(Number.NaN);
  initializer(spec).fill(target, shape, fans, seed, stream);
  return target;
}

describe.each([
  ["glorotUniform", Math.sqrt(2 / (FANS.fanIn + FANS.fanOut)), Math.sqrt(6 / (FANS.fanIn + FANS.fanOut))],
  ["glorotNormal", Math.sqrt(2 / (FANS.fanIn + FANS.fanOut)), 2 * Math.sqrt(2 / (FANS.fanIn + FANS.fanOut))],
  ["heUniform", Math.sqrt(2 / FANS.fanIn), Math.sqrt(6 / FANS.fanIn)],
  ["heNormal", Math.sqrt(2 / FANS.fanIn), 2 * Math.sqrt(2 / FANS.fanIn)],
  ["lecunUniform", Math.sqrt(1 / FANS.fanIn), Math.sqrt(3 / FANS.fanIn)],
  ["lecunNormal", Math.sqrt(1 / FANS.fanIn), 2 * Math.sqrt(1 / FANS.fanIn)],
] as const)("%s", (name, deviation, bound) => {
  const limit = name.endsWith("Normal") ? bound / 0.87962566103423978 : bound;

  test("has mean 0, Keras's deviation and bound", () => {
    const values = filled(name);
    let sum = 0;
    let squares = 0;
    let largest = 0;
    for (const value of values) {
      sum += value;
      squares += value ** 2;
      largest = Math.max(largest, Math.abs(value));
    }
    expect(Math.abs(sum / ELEMENTS)).toBeLessThan((5 * deviation) / Math.sqrt(ELEMENTS));
    expect(Math.sqrt(squares / ELEMENTS) / deviation).toBeCloseTo(1, 1.5);
    expect(largest).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(largest).toBeGreaterThan(limit * 0.99);
  });

  test("is a function of seed and stream", () => {
    const shape = [4, 5];
    const values = filled(name, { shape });
    expect(filled(name, { shape })).toEqual(values);
    expect(filled(name, { shape, seed: 2 })).not.toEqual(values);
    expect(filled(name, { shape, stream: 3 })).not.toEqual(values);
  });

  test("takes a fan of 0 as 1", () => {
    expect(filled(name, { shape: [4], fans: { fanIn: 0, fanOut: 0 } }).every(Number.isFinite)).toBe(true);
  });
});

test.each([
  ["zeros", 0],
  ["ones", 1],
  [constant(0.25), 0.25],
  [{ name: "constant", config: { value: -3 } }, -3],
  ["constant", 0],
] as const)("%j fills", (spec, value) => {
  expect(new Set(filled(spec, { shape: [5] }))).toEqual(new Set([value]));
});

describe("orthogonal", () => {
  test.each([
    [[6, 4], 1],
    [[4, 6], 1],
    [[3, 3, 5, 7], 2],
    [[2, 2, 2, 17], 1],
    [[1, 1], 1],
    [[9, 9], 0.5],
  ])("of shape %j times %d", (shape, gain) => {
    const values = filled(orthogonal(gain), { shape });
    const columns = shape[shape.length - 1]!;
    const rows = values.length / columns;
    const byColumns = rows >= columns;
    const at = (vector: number, index: number) => values[byColumns ? index * columns + vector : vector * columns + index]!;
    const count = Math.min(rows, columns);
    for (let left = 0; left < count; left++) {
      for (let right = 0; right < count; right++) {
        let dot = 0;
        for (let index = 0; index < Math.max(rows, columns); index++) dot += at(left, index) * at(right, index);
        expect(Math.abs(dot - (left === right ? gain ** 2 : 0))).toBeLessThan(1e-6);
      }
    }
  });

  test("needs a matrix", () => {
    expect(() => filled("orthogonal", { shape: [5] })).toThrow(new RangeError("orthogonal: shape [5] has 1 axes, needs 2 or more"));
  });
});

describe("initializer", () => {
  test("comes back from its JSON", () => {
    for (const made of [initializer("heNormal"), constant(2), orthogonal(0.7)]) {
      const revived = initializer(JSON.parse(JSON.stringify(made)));
      expect(revived).toMatchObject({ name: made.name, config: made.config });
      expect(filled(revived, { shape: [4, 5] })).toEqual(filled(made, { shape: [4, 5] }));
    }
  });

  test("may be the user's own", () => {
    const own: Initializer = { name: "ramp", config: {}, fill: (target) => target.set([0, 1, 2]) };
    expect(initializer(own)).toBe(own);
    expect([...filled(own, { shape: [3] })]).toEqual([0, 1, 2]);
  });

  test.each([
    [() => initializer("glorot" as never), RangeError, /^unknown initializer "glorot"; known: glorotUniform, glorotNormal, heUniform/],
    [() => initializer("toString" as never), RangeError, /^unknown initializer "toString"/],
    [() => initializer({ name: "__proto__" }), RangeError, /^unknown initializer "__proto__"/],
    [() => initializer(7 as never), TypeError, /^initializer: got 7, needs a name or an object made by one of glorotUniform/],
    [() => constant(Number.NaN), RangeError, /^constant: value is NaN, needs a finite number$/],
    [() => constant("1" as never), TypeError, /^constant: value is "1", needs a finite number$/],
    [() => orthogonal({ gian: 2 } as never), TypeError, /^orthogonal: unknown option "gian"; known: gain$/],
  ])("refuses %s", (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});
