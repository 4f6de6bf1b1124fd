import { describe, expect, test } from "vitest";
import { asBatch, asLabels, asSampleWeight, batches, classSampleWeight, gather, sliced, validationSplit } from "../../src/training/data.ts";

const six = Float32Array.of(1, 2, 3, 4, 5, 6);

describe("asBatch takes", () => {
  test.each([
    ["data with its shape", { data: six, shape: [3, 2] }, [2], 3],
    ["plain numbers with their shape", { data: [1, 2, 3, 4, 5, 6], shape: [3, 2] }, [2], 3],
    ["a bare array", six, [2], 3],
    ["bytes", Uint8Array.from(six), [3, 1], 2],
    ["clamped bytes", Uint8ClampedArray.from(six), [6], 1],
    ["doubles", Float64Array.from(six), [], 6],
    ["words", Int32Array.from(six), [2, 3], 1],
    ["a Buffer", Buffer.from([1, 2, 3, 4, 5, 6]), [2], 3],
    ["flat numbers", [1, 2, 3, 4, 5, 6], [2], 3],
    [
      "nested numbers",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [3],
      2,
    ],
    [
      "nested to the channels",
      [
        [[1], [2]],
        [[3], [4]],
        [[5], [6]],
      ],
      [2, 1],
      3,
    ],
    ["rows that are typed arrays", [six.subarray(0, 3), six.subarray(3)], [3], 2],
    ["a single sample", { data: six, shape: [2, 3] }, [2, 3], 1],
    [
      "a single nested sample",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 2],
      1,
    ],
    ["images without their one channel", { data: six, shape: [3, 1, 2] }, [1, 2, 1], 3],
    ["images with one channel too many", { data: six, shape: [3, 2, 1] }, [2], 3],
    ["labels in a column", { data: six, shape: [6, 1] }, [], 6],
    ["a square of a square", { data: Float32Array.of(1), shape: [1, 1, 1] }, [1, 1], 1],
  ])("%s", (_name, value, sampleShape, count) => {
    const batch = asBatch(value, sampleShape, "x");
    expect(batch.count).toBe(count);
    expect([...batch.data]).toEqual([1, 2, 3, 4, 5, 6].slice(0, batch.data.length));
  });

  test("typed arrays without a copy", () => {
    expect(asBatch({ data: six, shape: [3, 2] }, [2], "x").data).toBe(six);
  });
});

const cyclic: unknown[] = [];
cyclic.push(cyclic);

test.each([
  [undefined, [2], TypeError, "x: got undefined, needs { data, shape }, a typed array or nested arrays of shape [samples, 2]"],
  [{ data: six }, [2], TypeError, "x: got an object, needs { data, shape }, a typed array or nested arrays of shape [samples, 2]"],
  [{ data: six, shape: [1.5, 4] }, [4], RangeError, "x: shape [1.5, 4] has a size that is no whole number, needs [samples, 4]"],
  [BigInt64Array.of(1n), [], TypeError, "x: got a BigInt64Array, needs { data, shape }, a typed array or nested arrays of shape [samples]"],
  ["image.png", [2], TypeError, 'x: got "image.png", needs { data, shape }, a typed array or nested arrays of shape [samples, 2]'],
  [{ data: six, shape: [2, 3] }, [28, 28, 1], RangeError, "x: shape [2, 3], needs [samples, 28, 28, 1]"],
  [{ data: six, shape: [4, 2] }, [2], RangeError, "x: shape [4, 2] has 8 elements, data has 6"],
  [six, [4], RangeError, "x: 6 values are no whole number of samples [4], 4 values each"],
  [new Float32Array(0), [4], RangeError, "x: got 0 samples, needs at least 1 (an array is empty after its buffer was transferred)"],
  [[], [4], RangeError, "x: got 0 samples, needs at least 1"],
  [{ data: new Float32Array(0), shape: [0, 4] }, [4], RangeError, "x: got 0 samples, needs at least 1"],
  [[[1, 2], [3]], [2], RangeError, "x: [1] has 1 items, needs 2 as the first one has"],
  [[[1, 2], 3], [2], TypeError, "x: [1] is 3, needs an array of 2"],
  [[[1, "2"]], [2], TypeError, 'x: [0][1] is "2", needs a number'],
  [
    [
      [[1], [2]],
      [[3], null],
    ],
    [2, 1],
    TypeError,
    "x: [1][1] is null, needs an array of 1",
  ],
  [[[]], [2], RangeError, "x: shape [1, 0], needs [samples, 2]"],
  [cyclic, [1, 1], TypeError, "x: [0][0][0][0] is an array of 1, needs a number"],
] as [unknown, number[], ErrorConstructor, string][])("asBatch refuses %s for %j", (value, sampleShape, kind, message) => {
  expect(() => asBatch(value, sampleShape, "x")).toThrow(new kind(message));
});

describe("asLabels", () => {
  test("takes class numbers, per sample or per pixel", () => {
    expect(asLabels([0, 1, 2], [], 3, "y").count).toBe(3);
    expect(asLabels({ data: Uint8Array.of(0, 1, 2, 2), shape: [2, 2, 1] }, [2, 1], 3, "y").count).toBe(2);
  });

  test.each([
    [[0, 1, 3, 4], "y: label 2 is 3, needs a whole number from 0 to 2"],
    [[0, -1], "y: label 1 is -1, needs a whole number from 0 to 2"],
    [[0.5], "y: label 0 is 0.5, needs a whole number from 0 to 2"],
    [[Number.NaN], "y: label 0 is NaN, needs a whole number from 0 to 2"],
  ])("refuses %j", (labels, message) => {
    expect(() => asLabels(labels, [], 3, "y")).toThrow(new RangeError(message));
  });
});

describe("weights", () => {
  test("come one per sample", () => {
    expect(asSampleWeight([1, 0, 2.5], 3, "sampleWeight")).toEqual(Float32Array.of(1, 0, 2.5));
    expect(() => asSampleWeight([1, 2], 3, "sampleWeight")).toThrow(new RangeError("sampleWeight: got 2 weights, needs one for each of 3 samples"));
    expect(() => asSampleWeight([1, -1], 2, "sampleWeight")).toThrow(new RangeError("sampleWeight: weight 1 is -1, needs a finite number ≥ 0"));
  });

  test("come from classes", () => {
    const options = { classWeight: { 0: 2, 2: 0.5 }, classes: 3 };
    expect(classSampleWeight(asBatch([0, 1, 2], [], "y"), options)).toEqual(Float32Array.of(2, 1, 0.5));
    expect(
      classSampleWeight(
        asBatch(
          [
            [0, 0, 1],
            [1, 0, 0],
          ],
          [3],
          "y",
        ),
        options,
      ),
    ).toEqual(Float32Array.of(0.5, 2));
    const both = { ...options, sampleWeight: Float32Array.of(3, 3, 0) };
    expect(classSampleWeight(asBatch([0, 1, 2], [], "y"), both)).toEqual(Float32Array.of(6, 3, 0));
  });

  test.each([
    [{ 3: 1 }, "classWeight: class 3 is 3, needs a whole number ≥ 0 and < 3"],
    [{ cat: 1 }, "classWeight: class cat is NaN, needs a whole number ≥ 0 and < 3"],
    [{ 1: -1 }, "classWeight: weight of class 1 is -1, needs a finite number ≥ 0"],
  ])("of classes are refused: %j", (classWeight, message) => {
    expect(() => classSampleWeight(asBatch([0], [], "y"), { classWeight, classes: 3 })).toThrow(new RangeError(message));
  });
});

describe("validationSplit", () => {
  test.each([
    [10, 0.2, 8],
    [10, 0.9, 1],
    [10, 0.25, 7],
    [1000, 0.1, 900],
    [3, 0, 3],
  ])("of %i samples by %d trains with %i", (count, fraction, training) => {
    expect(validationSplit(count, fraction)).toEqual({ training, validation: count - training });
  });

  test.each([
    [10, 1, "validationSplit: fraction is 1, needs a finite number ≥ 0 and < 1"],
    [1, 0.5, "validationSplit: 0.5 of 1 samples leaves none to train with"],
  ])("refuses %i samples by %d", (count, fraction, message) => {
    expect(() => validationSplit(count, fraction)).toThrow(new RangeError(message));
  });

  test("leaves parts that share the data", () => {
    const part = sliced({ data: six, count: 3 }, 1, 3);
    expect(part).toEqual({ data: Float32Array.of(3, 4, 5, 6), count: 2 });
    expect(part.data.buffer).toBe(six.buffer);
  });
});

describe("batches", () => {
  test.each([
    [5, 2, [2, 2, 1]],
    [4, 2, [2, 2]],
    [1, 32, [1]],
    [0, 2, []],
  ])("of %i samples by %i", (count, batchSize, sizes) => {
    const plans = batches(count, batchSize);
    expect(plans.map(({ size }) => size)).toEqual(sizes);
    expect(plans.map(({ start }) => start)).toEqual(sizes.map((_, index) => index * batchSize));
  });

  test.each([
    [{ data: Uint8Array.of(1, 2, 3, 4, 5, 6), count: 3 }, null, [1, 2, 3, 4, -1], [5, 6, -1, -1, -1]],
    [{ data: Uint8Array.of(1, 2, 3, 4, 5, 6), count: 3 }, Uint32Array.of(2, 0, 1), [5, 6, 1, 2, -1], [3, 4, -1, -1, -1]],
    [{ data: Float64Array.of(7, 8, 9), count: 3 }, Uint32Array.of(2, 0, 1), [9, 7, -1, -1, -1], [8, -1, -1, -1, -1]],
  ])("are gathered in order: %#", (samples, order, first, last) => {
    const gathered = batches(samples.count, 2, order).map((plan) => {
      const into = new Float32Array(5).fill(-1);
      gather(samples, plan, into);
      return [...into];
    });
    expect(gathered).toEqual([first, last]);
  });
});
