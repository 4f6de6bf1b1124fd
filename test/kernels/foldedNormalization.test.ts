import { describe, expect, test } from "vitest";
import { expectClose, F32_SUM, machineNames, TestMemory } from "../support/kernels.ts";

describe.each(machineNames)("folded normalization on %s", (machine) => {
  test.each([1, 3, 4, 5, 17])("running statistics of %i channels", async (count) => {
    const memory = new TestMemory(machine);
    const mean = memory.array(count);
    const variance = memory.array(count, "positive");
    const runningMean = memory.array(count);
    const runningVariance = memory.array(count, "positive");
    const momentum = Math.fround(0.99);
    const mix = (running: Float64Array, batch: Float64Array) => running.map((r, i) => r * momentum + batch[i] * (1 - momentum));
    const expectedMean = mix(memory.read(runningMean), memory.read(mean));
    const expectedVariance = mix(memory.read(runningVariance), memory.read(variance));
    await memory.run("runningStatistics", { mean, variance, runningMean, runningVariance, count, momentum });
    expectClose(memory.read(runningMean), expectedMean, F32_SUM);
    expectClose(memory.read(runningVariance), expectedVariance, F32_SUM);
  });

  test.each([1, 3, 4, 5, 17])("scale and offset of %i channels", async (count) => {
    for (const parameters of [true, false]) {
      const memory = new TestMemory(machine);
      const mean = memory.array(count);
      const variance = memory.array(count, "positive");
      const gamma = parameters ? memory.array(count) : null;
      const beta = parameters ? memory.array(count) : null;
      const scale = memory.array(count, "nan");
      const offset = memory.array(count, "nan");
      await memory.run("foldStatistics", { gamma, beta, mean, variance, scale, offset, count, epsilon: 1e-3 });
      const g = gamma === null ? new Float64Array(count).fill(1) : memory.read(gamma);
      const b = beta === null ? new Float64Array(count) : memory.read(beta);
      const expected = memory.read(variance).map((v, i) => g[i] / Math.sqrt(v + Math.fround(1e-3)));
      expectClose(memory.read(scale), expected, F32_SUM);
      const offsets = memory.read(mean).map((m, i) => b[i] - m * expected[i]);
      expectClose(memory.read(offset), offsets, F32_SUM);
    }
  });

  test.each([1, 3, 4, 5, 17])("weights of %i columns", async (columns) => {
    for (const withBias of [true, false]) {
      const memory = new TestMemory(machine);
      const rows = 7;
      const weight = memory.array(rows * columns);
      const bias = withBias ? memory.array(columns) : null;
      const scale = memory.array(columns);
      const offset = memory.array(columns);
      const foldedWeight = memory.array(rows * columns, "nan");
      const foldedBias = memory.array(columns, "nan");
      await memory.run("foldWeights", { weight, bias, scale, offset, foldedWeight, foldedBias, rows, columns });
      const s = memory.read(scale);
      const expected = memory.read(weight).map((w, i) => w * s[i % columns]);
      expectClose(memory.read(foldedWeight), expected, F32_SUM);
      const b = bias === null ? new Float64Array(columns) : memory.read(bias);
      const biases = memory.read(offset).map((o, i) => b[i] * s[i] + o);
      expectClose(memory.read(foldedBias), biases, F32_SUM);
    }
  });

  test("a folded affine map equals batch normalization in inference", async () => {
    const memory = new TestMemory(machine);
    const [mean, variance, gamma, beta] = [memory.array(6), memory.array(6, "positive"), memory.array(6), memory.array(6)];
    const scale = memory.array(6, "nan");
    const offset = memory.array(6, "nan");
    const input = memory.tensor([2, 3, 3, 6]);
    const output = memory.tensor([2, 3, 3, 6], { values: "nan" });
    await memory.run("foldStatistics", { gamma, beta, mean, variance, scale, offset, count: 6, epsilon: 1e-3 });
    await memory.run("affineOutput", { input, output, scale, offset, write: 0 });
    const [m, v, g, b] = [mean, variance, gamma, beta].map((array) => memory.read(array));
    const expected = memory.read(input).map((x, i) => ((x - m[i % 6]) / Math.sqrt(v[i % 6] + 1e-3)) * g[i % 6] + b[i % 6]);
    expectClose(memory.read(output), expected, F32_SUM);
    expect(memory.read(output).some(Number.isNaN)).toBe(false);
  });
});
