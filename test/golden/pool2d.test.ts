/** Max and mean pooling, global ones included, against PyTorch. */
import { describe, expect, test } from "vitest";
import { Activation, Pooling, Write } from "../../build/records.ts";
import { expectClose, machineNames, TestMemory } from "../support/kernels.ts";
import { caseRows, type GoldenCase, tolerance } from "./cases.ts";

/** Argmax cells of 1 byte where the window allows, and of 4; mean pooling has none. */
function argmaxSizes(golden: GoldenCase): number[] {
  if (golden.text("kind") === "mean") return [0];
  return golden.number("windowHeight") * golden.number("windowWidth") <= 255 ? [1, 4] : [4];
}

describe.each(machineNames)("golden pool2d on %s", (machine) => {
  test.each(caseRows("pool2d"))("%s", async (_, golden) => {
    for (const argmaxBytes of argmaxSizes(golden)) {
      const memory = new TestMemory(machine);
      // A halo of NaN: pooling clips its window instead of reading it.
      const options = { halo: [1, 2, 1, 1] as [number, number, number, number], haloValue: Number.NaN };
      const input = memory.tensor(golden.shape4("input"), { ...options, values: golden.data("input") });
      const output = memory.tensor(golden.shape4("output"), { values: "nan" });
      const cells = golden.data("output").length;
      const argmax = argmaxBytes === 0 ? null : memory.bytes(cells * argmaxBytes);
      const window = golden.numbers("windowHeight", "windowWidth", "strideY", "strideX", "padTop", "padLeft");
      const common = { argmax, argmaxBytes, activation: Activation.linear, kind: Pooling[golden.text("kind") as keyof typeof Pooling], ...window };
      await memory.run("pool2dOutput", { input, output, ...common }, {}, 4096);
      expectClose(memory.read(output), golden.data("output"), tolerance(machine), "output");
      if (argmax !== null) {
        const CellArray = argmaxBytes === 1 ? Uint8Array : Int32Array;
        expect(Array.from(new CellArray(memory.memory.buffer, argmax.address, cells))).toEqual(Array.from(golden.data("argmax")));
      }
      const outputGrad = memory.tensor(golden.shape4("outputGrad"), { ...options, values: golden.data("outputGrad") });
      const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
      await memory.run("pool2dInputGrad", { outputGrad, inputGrad, ...common, write: Write.overwrite }, {}, 4096);
      expectClose(memory.read(inputGrad), golden.data("inputGrad"), tolerance(machine), "inputGrad");
    }
  });
});
