/** Losses and their gradients against PyTorch and the Keras formulas. */
import { describe, test } from "vitest";
import { CrossEntropy, ElementLoss } from "../../build/records.ts";
import { expectClose, F32_FUNCTION, machineNames, TestMemory } from "../support/kernels.ts";
import { caseRows, tolerance } from "./cases.ts";

describe.each(machineNames)("golden losses on %s", (machine) => {
  test.each(caseRows("losses"))("%s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const shape = golden.shape4("prediction");
    const prediction = memory.tensor(shape, { values: golden.data("prediction") });
    const predictionGrad = memory.tensor(shape, { values: "nan" });
    const target = memory.array(golden.data("target").length, golden.data("target"));
    const sampleWeight = memory.array(shape[0], golden.data("sampleWeight"));
    const losses = memory.array(shape[0], "nan");
    const fields = { prediction, predictionGrad, target, sampleWeight, losses };
    const header = { lossScale: 1 / shape[0] };
    const kind = golden.text("kind");
    if (kind in CrossEntropy) {
      await memory.run("crossEntropyLoss", { ...fields, kind: CrossEntropy[kind as keyof typeof CrossEntropy] }, header, 4096);
    } else {
      const element = { kind: ElementLoss[kind as keyof typeof ElementLoss], delta: golden.number("delta") };
      await memory.run("elementwiseLoss", { ...fields, ...element }, header, 4096);
    }
    expectClose(memory.read(losses), golden.data("losses"), tolerance(machine, F32_FUNCTION), "losses");
    expectClose(memory.read(predictionGrad), golden.data("predictionGrad"), tolerance(machine, F32_FUNCTION), "predictionGrad");
  });
});
