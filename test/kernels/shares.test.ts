import { describe, test } from "vitest";
import { Activation, Binary, Pooling, type RunHeader, Write } from "../../build/records.ts";
import type { Numerics } from "../../src/machine/wasm.ts";
import { EXACT, expectClose, machineNames, type TestArray, TestMemory, type TestTensor } from "../support/kernels.ts";
import { runShares } from "../support/storage.ts";

type Split = { numerics: Numerics; threads: number; header: Partial<RunHeader> };
/** Runs one kernel on a fresh memory and returns what it wrote. */
type Case = (memory: TestMemory, split: Split) => Promise<(TestTensor | TestArray)[]>;

const shape: [number, number, number, number] = [2, 5, 7, 70];
const window = { windowHeight: 3, windowWidth: 3, strideY: 2, strideX: 2, padTop: 1, padLeft: 1, argmaxBytes: 1 };
const clip = { clipValue: 0, clipNorm: 0.5, weightDecay: 0.01 };

function updateArrays(memory: TestMemory) {
  const arrays = { weight: memory.array(5003), gradient: memory.array(5003), normSquares: memory.array(1, [4]) };
  return { ...arrays, count: 5003, ...clip };
}

const cases: Record<string, Case> = {
  clearHalo: async (memory, split) => {
    const output = memory.tensor(shape, { halo: [1, 1, 2, 1] });
    await runShares(memory, "clearHalo", { output }, split);
    return [output];
  },
  fill: async (memory, split) => {
    const output = memory.array(5003, "nan");
    await runShares(memory, "fill", { output, count: 5003, value: 2.5 }, split);
    return [output];
  },
  "pool2dOutput and pool2dInputGrad": async (memory, split) => {
    const written: TestTensor[] = [];
    const activation = Activation.relu;
    for (const kind of [Pooling.max, Pooling.mean]) {
      const output = memory.tensor([2, 3, 4, 70], { values: "nan" });
      const inputGrad = memory.tensor(shape, { values: "nan" });
      const argmax = memory.bytes(2 * 3 * 4 * 70);
      await runShares(memory, "pool2dOutput", { input: memory.tensor(shape), output, argmax, activation, kind, ...window }, split);
      await runShares(memory, "pool2dInputGrad", { outputGrad: output, inputGrad, argmax, kind, ...window, write: Write.overwrite }, split);
      written.push(output, inputGrad);
    }
    return written;
  },
  binaryOutput: async (memory, split) => {
    const output = memory.tensor(shape, { values: "nan" });
    await runShares(
      memory,
      "binaryOutput",
      { left: memory.tensor(shape), right: memory.tensor(shape), output, kind: Binary.multiply, write: 0 },
      split,
    );
    return [output];
  },
  pixelSum: async (memory, split) => {
    const output = memory.tensor([2, 1, 1, 70], { values: "nan" });
    await runShares(memory, "pixelSum", { input: memory.tensor(shape), output, write: 0 }, split);
    return [output];
  },
  affineOutput: async (memory, split) => {
    const output = memory.tensor(shape, { values: "nan" });
    const [scale, offset] = [memory.array(70), memory.array(70)];
    await runShares(memory, "affineOutput", { input: memory.tensor(shape), output, scale, offset, write: 0 }, split);
    return [output];
  },
  "batch normalization, both ways": async (memory, split) => {
    const [input, outputGrad] = [memory.tensor(shape), memory.tensor(shape)];
    const [output, inputGrad] = [memory.tensor(shape, { values: "nan" }), memory.tensor(shape, { values: "nan" })];
    const [gamma, beta] = [memory.array(70), memory.array(70)];
    const [mean, variance, inverse, gammaGrad, betaGrad] = Array.from({ length: 5 }, () => memory.array(70, "nan"));
    const scratch = { ...split, scratchBytes: 18 * 64 };
    await runShares(memory, "batchNormalizationOutput", { input, output, gamma, beta, mean, variance, inverse, epsilon: 1e-3 }, scratch);
    const fields = { input, outputGrad, inputGrad, gamma, mean, inverse, gammaGrad, betaGrad, write: 0, parameterWrite: 0 };
    await runShares(memory, "batchNormalizationInputGrad", fields, scratch);
    return [output, mean, variance, inverse, inputGrad, gammaGrad, betaGrad];
  },
  "running statistics and folding": async (memory, split) => {
    const [mean, runningMean, gamma, beta, bias] = Array.from({ length: 5 }, () => memory.array(70));
    const [variance, runningVariance] = [memory.array(70, "positive"), memory.array(70, "positive")];
    const [scale, offset, foldedBias] = Array.from({ length: 3 }, () => memory.array(70, "nan"));
    const foldedWeight = memory.array(630, "nan");
    await runShares(memory, "runningStatistics", { mean, variance, runningMean, runningVariance, count: 70, momentum: 0.9 }, split);
    await runShares(memory, "foldStatistics", { gamma, beta, mean, variance, scale, offset, count: 70, epsilon: 1e-3 }, split);
    const fields = { weight: memory.array(630), bias, scale, offset, foldedWeight, foldedBias, rows: 9, columns: 70 };
    await runShares(memory, "foldWeights", fields, split);
    return [runningMean, runningVariance, scale, offset, foldedWeight, foldedBias];
  },
  "regularize and sumSquares": async (memory, split) => {
    const [weight, gradient, penalty, sum] = [memory.array(5003), memory.array(5003), memory.array(1, "nan"), memory.array(1)];
    await runShares(memory, "regularize", { weight, gradient, penalty, count: 5003, l1: 0.1, l2: 0.2 }, split);
    await runShares(memory, "sumSquares", { gradient, sum, count: 5003, write: Write.add }, split);
    return [gradient, penalty, sum];
  },
  sgdUpdate: async (memory, split) => {
    const [arrays, velocity] = [updateArrays(memory), memory.array(5003)];
    await runShares(memory, "sgdUpdate", { ...arrays, velocity, momentum: 0.9, nesterov: 1 }, split);
    return [arrays.weight, velocity];
  },
  rmspropUpdate: async (memory, split) => {
    const [arrays, square, velocity] = [updateArrays(memory), memory.array(5003, "positive"), memory.array(5003)];
    await runShares(memory, "rmspropUpdate", { ...arrays, square, velocity, rho: 0.9, momentum: 0.5, epsilon: 1e-7 }, split);
    return [arrays.weight, square, velocity];
  },
  adamUpdate: async (memory, split) => {
    const [arrays, first, second] = [updateArrays(memory), memory.array(5003), memory.array(5003, "positive")];
    await runShares(memory, "adamUpdate", { ...arrays, first, second, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }, split);
    return [arrays.weight, first, second];
  },
};

describe.each(machineNames.filter((name): name is Numerics => name === "strict" || name === "relaxed"))("thread shares on %s", (numerics) => {
  test.each(Object.entries(cases))("%s: the same bits on 1, 2, 3 and 7 threads", async (_, run) => {
    const results: Float64Array[][] = [];
    for (const threads of [1, 2, 3, 7]) {
      const memory = new TestMemory(numerics);
      const handles = await run(memory, { numerics, threads, header: { batch: 2 } });
      results.push(handles.map((handle) => memory.read(handle)));
    }
    for (const result of results) for (const [i, values] of result.entries()) expectClose(values, results[0][i], EXACT);
  });
});
