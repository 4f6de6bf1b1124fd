/** Batch normalization against PyTorch: training, running statistics, inference, and folded into a convolution. */
import { describe, test } from "vitest";
import { Activation, Algorithm, Panels, Write } from "../../build/records.ts";
import { expectClose, type MachineName, machineNames, type TestArray, TestMemory } from "../support/kernels.ts";
import { caseRows, type GoldenCase, tolerance } from "./cases.ts";

const CASES = caseRows("batchNormalization");

function optional(memory: TestMemory, golden: GoldenCase, name: string): TestArray | null {
  return golden.has(name) ? memory.array(golden.data(name).length, golden.data(name)) : null;
}

async function train(machine: MachineName, golden: GoldenCase): Promise<void> {
  const memory = new TestMemory(machine);
  const channels = golden.shape4("input")[3];
  const scratch = 64 * channels + 4096;
  const input = memory.tensor(golden.shape4("input"), { values: golden.data("input") });
  const output = memory.tensor(golden.shape4("input"), { values: "nan" });
  const gamma = optional(memory, golden, "gamma");
  const beta = optional(memory, golden, "beta");
  const [mean, variance, inverse] = [1, 2, 3].map(() => memory.array(channels, "nan"));
  const statistics = { mean, variance, inverse };
  await memory.run("batchNormalizationOutput", { input, output, gamma, beta, ...statistics, epsilon: golden.number("epsilon") }, {}, scratch);
  expectClose(memory.read(output), golden.data("output"), tolerance(machine), "output");
  expectClose(memory.read(mean), golden.data("mean"), tolerance(machine), "mean");
  expectClose(memory.read(variance), golden.data("variance"), tolerance(machine), "variance");

  const runningMean = memory.array(channels, golden.data("runningMean"));
  const runningVariance = memory.array(channels, golden.data("runningVariance"));
  const running = { mean, variance, runningMean, runningVariance, count: channels, momentum: golden.number("momentum") };
  await memory.run("runningStatistics", running);
  expectClose(memory.read(runningMean), golden.data("newRunningMean"), tolerance(machine), "running mean");
  expectClose(memory.read(runningVariance), golden.data("newRunningVariance"), tolerance(machine), "running variance");

  const outputGrad = memory.tensor(golden.shape4("outputGrad"), { values: golden.data("outputGrad") });
  const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
  const gammaGrad = gamma && memory.array(channels, "nan");
  const betaGrad = beta && memory.array(channels, "nan");
  const backward = {
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
  };
  await memory.run("batchNormalizationInputGrad", backward, { batch: golden.shape4("input")[0] }, scratch);
  expectClose(memory.read(inputGrad), golden.data("inputGrad"), tolerance(machine), "inputGrad");
  if (gammaGrad) expectClose(memory.read(gammaGrad), golden.data("gammaGrad"), tolerance(machine), "gammaGrad");
  if (betaGrad) expectClose(memory.read(betaGrad), golden.data("betaGrad"), tolerance(machine), "betaGrad");
}

/** scale and offset [channels] of the running statistics. */
async function fold(memory: TestMemory, golden: GoldenCase): Promise<{ scale: TestArray; offset: TestArray }> {
  const count = golden.data("runningMean").length;
  const [scale, offset] = [memory.array(count, "nan"), memory.array(count, "nan")];
  const statistics = { mean: optional(memory, golden, "runningMean"), variance: optional(memory, golden, "runningVariance") };
  const affine = { gamma: optional(memory, golden, "gamma"), beta: optional(memory, golden, "beta") };
  await memory.run("foldStatistics", { ...affine, ...statistics, scale, offset, count, epsilon: golden.number("epsilon") });
  return { scale, offset };
}

describe.each(machineNames)("golden batchNormalization on %s", (machine) => {
  test.each(CASES)("training: %s", (_, golden) => train(machine, golden));

  test.each(CASES)("inference: %s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const { scale, offset } = await fold(memory, golden);
    const input = memory.tensor(golden.shape4("input"), { values: golden.data("input") });
    const output = memory.tensor(golden.shape4("input"), { values: "nan" });
    await memory.run("affineOutput", { input, output, scale, offset, write: Write.overwrite });
    expectClose(memory.read(output), golden.data("inferenceOutput"), tolerance(machine), "output");
    const outputGrad = memory.tensor(golden.shape4("outputGrad"), { values: golden.data("outputGrad") });
    const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
    await memory.run("affineOutput", { input: outputGrad, output: inputGrad, scale, offset: null, write: Write.overwrite });
    expectClose(memory.read(inputGrad), golden.data("inferenceInputGrad"), tolerance(machine), "inputGrad");
  });

  test.each(CASES)("folded into a 3x1 convolution: %s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const { scale, offset } = await fold(memory, golden);
    const [windowHeight, windowWidth, inChannels, outChannels] = golden.array("foldWeight").shape;
    const rows = windowHeight * windowWidth * inChannels;
    const [weight, bias] = [optional(memory, golden, "foldWeight"), optional(memory, golden, "foldBias")];
    const foldedWeight = memory.array(rows * outChannels, "nan");
    const foldedBias = memory.array(outChannels, "nan");
    await memory.run("foldWeights", { weight, bias, scale, offset, foldedWeight, foldedBias, rows, columns: outChannels });
    const panels = memory.array(Math.ceil(outChannels / 8) * 8 * rows, "nan");
    const sizes = { windowHeight, windowWidth, groups: 1 };
    await memory.run("packWeights", { weight: foldedWeight, panels, ...sizes, inChannels, outChannels, layout: Panels.output });
    const input = memory.tensor(golden.shape4("foldInput"), { values: golden.data("foldInput") });
    const output = memory.tensor(golden.shape4("foldOutput"), { values: "nan" });
    const unit = { strideY: 1, strideX: 1, dilationY: 1, dilationX: 1, padTop: 0, padLeft: 0 };
    const plain = { residual: null, algorithm: Algorithm.matmul, activation: Activation.linear, alpha: 0 };
    const fields = { input, output, weight: foldedWeight, panels, bias: foldedBias, ...sizes, ...unit, ...plain };
    await memory.run("conv2dOutput", fields, {}, 4096);
    expectClose(memory.read(output), golden.data("foldOutput"), tolerance(machine), "output");
  });
});
