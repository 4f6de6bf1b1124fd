/** Every activation and softmax, forward and backward, against PyTorch. */
import { describe, test } from "vitest";
import { Activation, Write } from "../../build/records.ts";
import { expectClose, F32_FUNCTION, machineNames, TestMemory } from "../support/kernels.ts";
import { caseRows, type GoldenCase, tolerance } from "./cases.ts";

/** Their derivative cannot be told from the output; backward reads the input. */
const FROM_INPUT = ["swish", "gelu", "hardSwish"];

describe.each(machineNames)("golden activation on %s", (machine) => {
  test.each(caseRows("activation"))("%s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const name = golden.text("activation");
    const common = { activation: Activation[name as keyof typeof Activation], alpha: golden.number("alpha") };
    const input = memory.tensor(golden.shape4("input"), { values: golden.data("input") });
    const output = memory.tensor(golden.shape4("output"), { values: "nan" });
    await memory.run("activationOutput", { input, output, ...common });
    expectClose(memory.read(output), golden.data("output"), tolerance(machine, F32_FUNCTION), "output");
    const outputGrad = memory.tensor(golden.shape4("outputGrad"), { values: golden.data("outputGrad") });
    const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
    const reference = FROM_INPUT.includes(name) ? input : output;
    await memory.run("activationInputGrad", { reference, outputGrad, inputGrad, ...common, write: Write.overwrite });
    const float32 = reference === input ? F32_FUNCTION : F32_FUNCTION * relativeToOutputGrad(golden);
    expectClose(memory.read(inputGrad), golden.data("inputGrad"), tolerance(machine, float32), "inputGrad");
  });
});

/**
 * A derivative told from a float32 output, such as y · (1 − y), is off by half a unit of y's last place however small it is:
 * its tolerance is relative to outputGrad. The float64 machine shows that the formula is exact.
 */
function relativeToOutputGrad(golden: GoldenCase): number {
  const largest = (name: string) => golden.data(name).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  return Math.max(1, largest("outputGrad") / largest("inputGrad"));
}

describe.each(machineNames)("golden softmax on %s", (machine) => {
  test.each(caseRows("softmax"))("%s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const input = memory.tensor(golden.shape4("input"), { values: golden.data("input") });
    const output = memory.tensor(golden.shape4("output"), { values: "nan" });
    await memory.run("softmaxOutput", { input, output }, {}, 4096);
    expectClose(memory.read(output), golden.data("output"), tolerance(machine, F32_FUNCTION), "output");
    const outputGrad = memory.tensor(golden.shape4("outputGrad"), { values: golden.data("outputGrad") });
    const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
    await memory.run("softmaxInputGrad", { output, outputGrad, inputGrad, write: Write.overwrite }, {}, 4096);
    expectClose(memory.read(inputGrad), golden.data("inputGrad"), tolerance(machine, F32_FUNCTION), "inputGrad");
  });
});
