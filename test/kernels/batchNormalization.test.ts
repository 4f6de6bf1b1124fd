import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { writeTensor } from "../../src/machine/records.ts";
import { EXACT, expectClose, machineNames, seededRandom, TestMemory, type TestTensor } from "../support/kernels.ts";
import { floatsOf, indexOf, surroundings } from "../support/storage.ts";

const EPSILON = 1e-3;
/** Statistics and gradients of float32 data: sums of some pixels in float32, combined in float64. */
const F32_STATISTICS = 2e-6;
/** What is computed from those: a few more roundings. */
const F32_NORMALIZED = 5e-6;

/** A kernel may read so many bytes past a row. */
const SLACK = 64;

function scratchBytes(channels: number): number {
  return 112 * Math.ceil(channels / 4);
}

function moments(values: Float64Array, channels: number) {
  const pixels = values.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  values.forEach((x, i) => {
    mean[i % channels] += x / pixels;
  });
  values.forEach((x, i) => {
    variance[i % channels] += (x - mean[i % channels]) ** 2 / pixels;
  });
  return { mean, variance, inverse: variance.map((v) => 1 / Math.sqrt(v + Math.fround(EPSILON))) };
}

function gradients(x: Float64Array, dy: Float64Array, gamma: Float64Array) {
  const channels = gamma.length;
  const pixels = x.length / channels;
  const { mean, inverse } = moments(x, channels);
  const normalized = x.map((value, i) => (value - mean[i % channels]) * inverse[i % channels]);
  const gammaGrad = new Float64Array(channels);
  const betaGrad = new Float64Array(channels);
  dy.forEach((gradient, i) => {
    betaGrad[i % channels] += gradient;
    gammaGrad[i % channels] += gradient * normalized[i];
  });
  const inputGrad = dy.map((gradient, i) => {
    const channel = i % channels;
    return gamma[channel] * inverse[channel] * (gradient - betaGrad[channel] / pixels - (normalized[i] * gammaGrad[channel]) / pixels);
  });
  return { gammaGrad, betaGrad, inputGrad };
}

function uniform(seed: number, count: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: count }, () => Math.fround(random()));
}

function statistics(memory: TestMemory, channels: number) {
  return { mean: memory.array(channels, "nan"), variance: memory.array(channels, "nan"), inverse: memory.array(channels, "nan") };
}

describe.each(machineNames)("batch normalization on %s", (machine) => {
  test.each([1, 2, 3, 4, 5, 7, 8, 9, 16, 17])("%i channels: statistics and output", async (channels) => {
    for (const [height, width] of [
      [3, 5],
      [5, 4],
      [1, 1],
    ]) {
      for (const parameters of [true, false]) {
        const memory = new TestMemory(machine);
        const shape: [number, number, number, number] = [3, height, width, channels];
        const input = memory.tensor(shape, { halo: [1, 0, 2, 1], haloValue: Number.NaN, slice: { of: channels + 2, at: 1 } });
        const output = memory.tensor(shape, { halo: [1, 1, 0, 1], haloValue: 9, slice: { of: channels + 3, at: 2 }, values: "nan" });
        const gamma = parameters ? memory.array(channels) : null;
        const beta = parameters ? memory.array(channels) : null;
        const results = statistics(memory, channels);
        const around = surroundings(memory, output);
        const before = memory.read(input);
        await memory.run("batchNormalizationOutput", { input, output, gamma, beta, ...results, epsilon: EPSILON }, {}, scratchBytes(channels));
        const expected = moments(before, channels);
        expectClose(memory.read(results.mean), expected.mean, F32_STATISTICS, "mean");
        expectClose(memory.read(results.variance), expected.variance, F32_STATISTICS, "variance");
        expectClose(memory.read(results.inverse), expected.inverse, F32_STATISTICS, "inverse");
        const g = gamma === null ? new Float64Array(channels).fill(1) : memory.read(gamma);
        const b = beta === null ? new Float64Array(channels) : memory.read(beta);
        const y = before.map((x, i) => (x - expected.mean[i % channels]) * expected.inverse[i % channels] * g[i % channels] + b[i % channels]);
        expectClose(memory.read(output), y, F32_NORMALIZED, "output");
        expectClose(surroundings(memory, output), around, EXACT);
        await memory.run("batchNormalizationOutput", { input, output: input, gamma, beta, ...results, epsilon: EPSILON }, {}, scratchBytes(channels));
        expectClose(memory.read(input), memory.read(output), EXACT, "in place");
      }
    }
  });

  test.each([1, 2, 3, 4, 5, 7, 8, 9, 16, 17])("%i channels: gradients, accumulated, added, in place", async (channels) => {
    const memory = new TestMemory(machine);
    const shape: [number, number, number, number] = [3, 3, 5, channels];
    const input = memory.tensor(shape, { halo: [1, 0, 2, 1], haloValue: Number.NaN, slice: { of: channels + 2, at: 1 } });
    const outputGrad = memory.tensor(shape, { halo: [0, 1, 1, 0], haloValue: Number.NaN });
    const inputGrad = memory.tensor(shape, { halo: [1, 1, 0, 1], haloValue: 9, slice: { of: channels + 3, at: 2 }, values: "nan" });
    const gamma = memory.array(channels);
    const { mean, inverse } = moments(memory.read(input), channels);
    const fixed = { input, gamma, mean: memory.array(channels, mean), inverse: memory.array(channels, inverse) };
    const gammaGrad = memory.array(channels, "nan");
    const betaGrad = memory.array(channels, "nan");
    const around = surroundings(memory, inputGrad);
    const expected = gradients(memory.read(input), memory.read(outputGrad), memory.read(gamma));
    const run = (fields: object, accumulate: number) => {
      const record = { ...fixed, outputGrad, inputGrad, gammaGrad, betaGrad, write: Write.overwrite, parameterWrite: Write.overwrite, ...fields };
      return memory.run("batchNormalizationInputGrad", record, { accumulate }, scratchBytes(channels));
    };
    await run({}, 0);
    expectClose(memory.read(gammaGrad), expected.gammaGrad, F32_NORMALIZED, "gammaGrad");
    expectClose(memory.read(betaGrad), expected.betaGrad, F32_NORMALIZED, "betaGrad");
    expectClose(memory.read(inputGrad), expected.inputGrad, F32_NORMALIZED, "inputGrad");
    const double = (values: Float64Array) => values.map((x) => 2 * x);
    await run({ write: Write.add }, 1);
    expectClose(memory.read(gammaGrad), double(expected.gammaGrad), F32_NORMALIZED, "accumulated gammaGrad");
    expectClose(memory.read(betaGrad), double(expected.betaGrad), F32_NORMALIZED, "accumulated betaGrad");
    expectClose(memory.read(inputGrad), double(expected.inputGrad), F32_NORMALIZED, "added inputGrad");
    expectClose(surroundings(memory, inputGrad), around, EXACT);
    await run({}, 0);
    await run({ parameterWrite: Write.add }, 0);
    expectClose(memory.read(gammaGrad), double(expected.gammaGrad), F32_NORMALIZED, "gammaGrad of a shared layer");
    expectClose(memory.read(betaGrad), double(expected.betaGrad), F32_NORMALIZED, "betaGrad of a shared layer");
    expectClose(memory.read(inputGrad), expected.inputGrad, F32_NORMALIZED, "inputGrad beside them");
    const [g, b] = [memory.read(gammaGrad), memory.read(betaGrad)];
    await run({ gammaGrad: null, betaGrad: null, inputGrad: outputGrad }, 0);
    expectClose(memory.read(outputGrad), expected.inputGrad, F32_NORMALIZED, "in place, no parameter gradients");
    expectClose([...memory.read(gammaGrad), ...memory.read(betaGrad)], [...g, ...b], EXACT);
  });

  test("no input gradient, no gamma, accumulating: only this batch's sums reach the input", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([2, 3, 3, 6]);
    const outputGrad = memory.tensor([2, 3, 3, 6]);
    const { mean, inverse } = moments(memory.read(input), 6);
    const gammaGrad = memory.array(6, new Array(6).fill(100));
    const betaGrad = memory.array(6, new Array(6).fill(-100));
    const fields = {
      input,
      outputGrad,
      gamma: null,
      mean: memory.array(6, mean),
      inverse: memory.array(6, inverse),
      gammaGrad,
      betaGrad,
      write: 0,
      parameterWrite: 0,
    };
    const expected = gradients(memory.read(input), memory.read(outputGrad), new Float64Array(6).fill(1));
    await memory.run("batchNormalizationInputGrad", { ...fields, inputGrad: null }, { accumulate: 1 }, scratchBytes(6));
    const moved = expected.betaGrad.map((x) => x - 100);
    expectClose(memory.read(betaGrad), moved, F32_NORMALIZED);
    const inputGrad = memory.tensor([2, 3, 3, 6], { values: "nan" });
    await memory.run("batchNormalizationInputGrad", { ...fields, inputGrad }, { accumulate: 1 }, scratchBytes(6));
    expectClose(memory.read(inputGrad), expected.inputGrad, F32_NORMALIZED);
  });

  test.each([24, 40, 64])("%i channels of maps too large for a cache: the bits of the same pixels close together", async (channels) => {
    const shape: [number, number, number, number] = [3, 13, 31, channels];
    const both = [channels, 2816].map(async (of) => {
      const memory = new TestMemory(machine);
      const [input, outputGrad] = [1, 2].map((seed) => memory.tensor(shape, { slice: { of, at: 0 }, values: uniform(seed, 3 * 13 * 31 * channels) }));
      const [output, inputGrad] = [1, 2].map(() => memory.tensor(shape, { values: "nan" }));
      const results = statistics(memory, channels);
      const [gammaGrad, betaGrad] = [1, 2].map(() => memory.array(channels, "nan"));
      await memory.run(
        "batchNormalizationOutput",
        { input, output, gamma: null, beta: null, ...results, epsilon: EPSILON },
        {},
        scratchBytes(channels),
      );
      const { mean, inverse } = results;
      const write = { write: Write.overwrite, parameterWrite: Write.overwrite };
      const record = { input, outputGrad, inputGrad, gamma: null, mean, inverse, gammaGrad, betaGrad, ...write };
      await memory.run("batchNormalizationInputGrad", record, {}, scratchBytes(channels));
      return [results.mean, results.variance, output, gammaGrad, betaGrad, inputGrad].map((array) => memory.read(array));
    });
    const [near, far] = await Promise.all(both);
    for (const [index, values] of near.entries()) expectClose(far[index], values, EXACT);
  });

  test("a mean 10,000 deviations away, and a first pixel that is an outlier", async () => {
    const memory = new TestMemory(machine);
    const noise = memory.array(4 * 37 * 41 * 2);
    const values = memory.read(noise).map((x, i) => (i % 2 === 0 ? Math.fround(10000 + x) : i === 1 ? 30 : x));
    const input = memory.tensor([4, 37, 41, 2], { values });
    const output = memory.tensor([4, 37, 41, 2], { values: "nan" });
    const results = statistics(memory, 2);
    await memory.run("batchNormalizationOutput", { input, output, gamma: null, beta: null, ...results, epsilon: EPSILON }, {}, scratchBytes(4));
    const expected = moments(memory.read(input), 2);
    expectClose(memory.read(results.mean), expected.mean, 1e-7);
    expectClose(memory.read(results.variance), expected.variance, F32_STATISTICS);
  });

  test.each([
    ["one long row", 1, 1999],
    ["one long column", 1999, 1],
    ["many short rows", 40, 5],
  ])("%s behind a far outlier", async (_, height, width) => {
    const memory = new TestMemory(machine);
    const noise = memory.array(height * width);
    const shape: [number, number, number, number] = [1, height, width, 1];
    const input = memory.tensor(shape, { values: memory.read(noise).map((x, i) => (i === 0 ? 1234.5 : x)) });
    const output = memory.tensor(shape, { values: "nan" });
    const results = statistics(memory, 1);
    await memory.run("batchNormalizationOutput", { input, output, gamma: null, beta: null, ...results, epsilon: EPSILON }, {}, scratchBytes(1));
    expectClose(memory.read(results.variance), moments(memory.read(input), 1).variance, F32_STATISTICS);
  });

  test("the last channels of wide pixels at the end of memory: nothing behind them is read", async () => {
    const memory = new TestMemory(machine);
    const [channels, width, of] = [16, 2, 4096];
    const input = memory.tensor([1, 1, width, channels], { slice: { of, at: of - channels } });
    const results = { ...statistics(memory, channels), gamma: null, beta: null };
    const output = memory.tensor([1, 1, width, channels], { values: "nan" });
    const values = memory.read(input);
    const elements = (width - 1) * of + channels;
    const base = memory.memory.buffer.byteLength - elements * memory.elementBytes - SLACK;
    const atEnd = { ...input, descriptor: { ...input.descriptor, base } };
    writeTensor(memory.memory.buffer, input.address, atEnd.descriptor);
    memory.write(atEnd, values);
    await memory.run("batchNormalizationOutput", { input, output, ...results, epsilon: EPSILON }, {}, scratchBytes(channels));
    const expected = moments(values, channels);
    expectClose(memory.read(results.mean), expected.mean, F32_STATISTICS);
    const fixed = { mean: memory.array(channels, expected.mean), inverse: memory.array(channels, expected.inverse), gamma: null };
    const gammaGrad = memory.array(channels, "nan");
    const betaGrad = memory.array(channels, "nan");
    const record = {
      input,
      outputGrad: atEnd,
      inputGrad: null,
      ...fixed,
      gammaGrad,
      betaGrad,
      write: Write.overwrite,
      parameterWrite: Write.overwrite,
    };
    await memory.run("batchNormalizationInputGrad", record, {}, scratchBytes(channels));
    expectClose(memory.read(betaGrad), gradients(values, values, new Float64Array(channels)).betaGrad, F32_NORMALIZED);
  });

  test("constant channels have variance 0; a NaN spoils its channel only; short batches count themselves", async () => {
    const memory = new TestMemory(machine);
    const values = Array.from({ length: 3 * 4 * 5 }, (_, i) => (i % 5 === 0 ? 0.1 : i === 7 ? Number.NaN : i % 13));
    const input = memory.tensor([3, 2, 2, 5], { values });
    const output = memory.tensor([3, 2, 2, 5], { values: new Array(60).fill(8) });
    const results = statistics(memory, 5);
    await memory.run(
      "batchNormalizationOutput",
      { input, output, gamma: null, beta: null, ...results, epsilon: EPSILON },
      { batch: 2 },
      scratchBytes(5),
    );
    const expected = moments(memory.read(input).subarray(0, 40), 5);
    expect(memory.read(results.variance)[0]).toBeLessThan(1e-15);
    expectClose(memory.read(results.variance), expected.variance, F32_STATISTICS);
    const y = memory.read(output);
    expect([...y.subarray(0, 40)].filter(Number.isNaN).length).toBe(8);
    expect([...y.subarray(40)].every((value) => value === 8)).toBe(true);
  });
});

describe("batch normalization in float64 against finite differences", () => {
  test("input, gamma, beta", async () => {
    const memory = new TestMemory("plain64", 3);
    const channels = 3;
    const input = memory.tensor([2, 2, 3, channels]);
    const gamma = memory.array(channels);
    const beta = memory.array(channels);
    const results = statistics(memory, channels);
    const output = memory.tensor([2, 2, 3, channels], { values: "nan" });
    const outputGrad: TestTensor = memory.tensor([2, 2, 3, channels]);
    const inputGrad = memory.tensor([2, 2, 3, channels], { values: "nan" });
    const gammaGrad = memory.array(channels, "nan");
    const betaGrad = memory.array(channels, "nan");
    const objective = async () => {
      await memory.run("batchNormalizationOutput", { input, output, gamma, beta, ...results, epsilon: EPSILON });
      const weights = memory.read(outputGrad);
      return memory.read(output).reduce((sum, value, i) => sum + value * weights[i], 0);
    };
    await objective();
    const { mean, inverse } = results;
    await memory.run("batchNormalizationInputGrad", {
      input,
      outputGrad,
      inputGrad,
      gamma,
      mean,
      inverse,
      gammaGrad,
      betaGrad,
      write: Write.overwrite,
      parameterWrite: Write.overwrite,
    });
    const slope = async (at: number) => {
      const value = floatsOf(memory)[at];
      const step = 1e-5;
      floatsOf(memory)[at] = value + step;
      const above = await objective();
      floatsOf(memory)[at] = value - step;
      const below = await objective();
      floatsOf(memory)[at] = value;
      return (above - below) / (2 * step);
    };
    for (const [handle, gradient, first] of [
      [input, inputGrad, indexOf(memory, input, [0, 0, 0, 0])],
      [gamma, gammaGrad, gamma.address / 8],
      [beta, betaGrad, beta.address / 8],
    ] as const) {
      const expected: number[] = [];
      for (let i = 0; i < memory.read(handle).length; i++) expected.push(await slope(first + i));
      expectClose(memory.read(gradient), expected, 1e-8);
    }
  });
});
