/** conv2d, depthwise conv2d and dense against PyTorch. */
import { describe, test } from "vitest";
import { Activation, Algorithm, Panels, Write } from "../../build/records.ts";
import { expectClose, machineNames, TestMemory } from "../support/kernels.ts";
import { caseRows, type GoldenCase, tolerance } from "./cases.ts";

interface Geometry {
  windowHeight: number;
  windowWidth: number;
  strideY: number;
  strideX: number;
  dilationY: number;
  dilationX: number;
  padTop: number;
  padLeft: number;
  groups: number;
}

function geometryOf(golden: GoldenCase): Geometry {
  const names = ["windowHeight", "windowWidth", "strideY", "strideX", "dilationY", "dilationX", "padTop", "padLeft", "groups"] as const;
  return golden.numbers(...names);
}

const ALL = caseRows("conv2d");
const WITH_GRADIENTS = caseRows("conv2d", (golden) => golden.has("outputGrad"));
const SCRATCH = 4096;
/** At most a block of 128 pixels and 128 columns, and 4 kB of tables. */
const WEIGHT_GRAD_SCRATCH = 4096 + 128 * 128 * 4;

/** Depthwise cases run by both algorithms. */
function algorithmsFor(golden: GoldenCase): number[] {
  const groups = golden.number("groups");
  const depthwise = groups > 1 && golden.shape4("input")[3] === groups && golden.shape4("output")[3] === groups;
  return depthwise ? [Algorithm.depthwise, Algorithm.matmul] : [Algorithm.matmul];
}

function halo(golden: GoldenCase): [number, number, number, number] {
  return [golden.number("padTop"), golden.number("padBottom"), golden.number("padLeft"), golden.number("padRight")];
}

/** Wide enough for every tap of the backward pass: dilation · (window − 1) + stride on each side. */
function gradientHalo(g: Geometry): [number, number, number, number] {
  const vertical = g.dilationY * (g.windowHeight - 1) + g.strideY;
  const horizontal = g.dilationX * (g.windowWidth - 1) + g.strideX;
  return [vertical, vertical, horizontal, horizontal];
}

/** The weights, and their panels for one direction; the depthwise algorithm reads the weights as they are. */
async function weightsFor(memory: TestMemory, golden: GoldenCase, layout: number, algorithm: number) {
  const { windowHeight, windowWidth, groups } = geometryOf(golden);
  const weight = memory.array(golden.data("weight").length, golden.data("weight"));
  if (algorithm === Algorithm.depthwise) return { weight, panels: null };
  const inChannels = golden.shape4("input")[3];
  const outChannels = golden.shape4("output")[3];
  const [rows, columns] = layout === Panels.output ? [inChannels / groups, outChannels / groups] : [outChannels / groups, inChannels / groups];
  const panels = memory.array(groups * Math.ceil(columns / 8) * 8 * windowHeight * windowWidth * rows, "nan");
  await memory.run("packWeights", { weight, panels, windowHeight, windowWidth, inChannels, outChannels, groups, layout });
  return { weight, panels };
}

describe.each(machineNames)("golden conv2d on %s", (machine) => {
  test.each(ALL)("output: %s", async (_, golden) => {
    for (const algorithm of algorithmsFor(golden)) {
      const memory = new TestMemory(machine);
      const input = memory.tensor(golden.shape4("input"), { halo: halo(golden), values: golden.data("input") });
      const output = memory.tensor(golden.shape4("output"), { values: "nan" });
      const residual = golden.has("residual") ? memory.tensor(golden.shape4("residual"), { values: golden.data("residual") }) : null;
      const bias = memory.array(golden.data("bias").length, golden.data("bias"));
      const weights = await weightsFor(memory, golden, Panels.output, algorithm);
      const activation = residual === null ? Activation.linear : Activation[golden.text("activation") as keyof typeof Activation];
      const fields = { input, output, residual, ...weights, bias, ...geometryOf(golden), algorithm, activation, alpha: golden.number("alpha", 0) };
      await memory.run("conv2dOutput", fields, {}, SCRATCH);
      expectClose(memory.read(output), golden.data("output"), tolerance(machine), "output");
    }
  });

  test.each(WITH_GRADIENTS)("inputGrad: %s", async (_, golden) => {
    const geometry = geometryOf(golden);
    for (const algorithm of algorithmsFor(golden)) {
      const memory = new TestMemory(machine);
      const outputGrad = memory.tensor(golden.shape4("outputGrad"), { halo: gradientHalo(geometry), values: golden.data("outputGrad") });
      const inputGrad = memory.tensor(golden.shape4("input"), { values: "nan" });
      const weights = await weightsFor(memory, golden, Panels.inputGrad, algorithm);
      const fields = { outputGrad, inputGrad, ...weights, ...geometry, algorithm, write: Write.overwrite };
      await memory.run("conv2dInputGrad", fields, {}, SCRATCH);
      expectClose(memory.read(inputGrad), golden.data("inputGrad"), tolerance(machine), "inputGrad");
    }
  });

  test.each(WITH_GRADIENTS)("weightGrad: %s", async (_, golden) => {
    for (const algorithm of algorithmsFor(golden)) {
      const memory = new TestMemory(machine);
      const input = memory.tensor(golden.shape4("input"), { halo: halo(golden), values: golden.data("input") });
      const outputGrad = memory.tensor(golden.shape4("outputGrad"), { values: golden.data("outputGrad") });
      const weightGrad = memory.array(golden.data("weight").length, "nan");
      const biasGrad = memory.array(golden.data("bias").length, "nan");
      await memory.run(
        "conv2dWeightGrad",
        { input, outputGrad, weightGrad, biasGrad, ...geometryOf(golden), algorithm, write: Write.overwrite },
        {},
        WEIGHT_GRAD_SCRATCH,
      );
      expectClose(memory.read(weightGrad), golden.data("weightGrad"), tolerance(machine), "weightGrad");
      expectClose(memory.read(biasGrad), golden.data("biasGrad"), tolerance(machine), "biasGrad");
    }
  });
});
