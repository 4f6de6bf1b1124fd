/** 20 steps of every optimizer against the Keras formulas. */
import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { expectClose, F32_SUM, type MachineName, machineNames, type TestArray, TestMemory } from "../support/kernels.ts";
import { caseRows, type GoldenCase, tolerance } from "./cases.ts";

const STEPS = 20;

interface Slots {
  weight: TestArray;
  first: TestArray;
  second: TestArray;
}

describe.each(machineNames)("golden updates on %s", (machine) => {
  test.each(caseRows("updates"))("%s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const count = golden.data("weight").length;
    const weight = memory.array(count, golden.data("weight"));
    const slots = { weight, first: memory.array(count, new Float32Array(count)), second: memory.array(count, new Float32Array(count)) };
    for (let step = 1; step <= STEPS; step++) {
      const gradients = golden.data("gradients").subarray((step - 1) * count, step * count);
      await update(machine, memory, golden, slots, memory.array(count, gradients), step);
      const kept = `weightAfter${step}`;
      if (golden.has(kept)) expectClose(memory.read(weight), golden.data(kept), tolerance(machine), kept);
    }
  });
});

/** regularize, sumSquares and the update itself, as a program runs them. */
async function update(machine: MachineName, memory: TestMemory, golden: GoldenCase, slots: Slots, gradient: TestArray, step: number): Promise<void> {
  const { weight, first, second } = slots;
  const samples = golden.number("samples", 1);
  const header = { gradientScale: 1 / samples, regularizationScale: samples, learningRate: golden.number("learningRate"), correctedRate: 0, step };
  if (golden.has("penalty")) {
    const penalty = memory.array(1, "nan");
    const fields = { weight, gradient, penalty, count: gradient.count, l1: golden.number("l1", 0), l2: golden.number("l2", 0) };
    await memory.run("regularize", fields, header);
    expect(Math.abs(memory.read(penalty)[0] / golden.data("penalty")[step - 1] - 1)).toBeLessThan(tolerance(machine, F32_SUM));
  }
  const clipNorm = golden.number("clipNorm", golden.number("globalClipNorm", 0));
  const normSquares = clipNorm > 0 ? await squares(memory, golden, gradient, header, step) : null;
  const clip = { clipValue: golden.number("clipValue", 0), clipNorm, normSquares, weightDecay: golden.number("weightDecay", 0) };
  const common = { weight, gradient, count: gradient.count, ...clip };
  const momentum = golden.number("momentum", 0);
  const velocity = momentum > 0 ? first : null;
  if (golden.text("kind") === "sgd") {
    await memory.run("sgdUpdate", { ...common, velocity, momentum, nesterov: golden.number("nesterov") }, header);
  } else if (golden.text("kind") === "rmsprop") {
    await memory.run("rmspropUpdate", { ...common, square: second, velocity, momentum, ...golden.numbers("rho", "epsilon") }, header);
  } else {
    const constants = golden.numbers("beta1", "beta2", "epsilon");
    await memory.run("adamUpdate", { ...common, first, second, ...constants }, { ...header, correctedRate: correctedRate(golden, step) });
  }
}

/** The record holds beta1 and beta2 as float32, so the bias correction is that of the float32 numbers: 1 − beta2 differs by 1e-5. */
function correctedRate(golden: GoldenCase, step: number): number {
  const beta1 = Math.fround(golden.number("beta1"));
  const beta2 = Math.fround(golden.number("beta2"));
  return (golden.number("learningRate") * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
}

/** Σ g² over the gradient, and over the other array of a global norm. */
async function squares(memory: TestMemory, golden: GoldenCase, gradient: TestArray, header: object, step: number): Promise<TestArray> {
  const sum = memory.array(1, "nan");
  await memory.run("sumSquares", { gradient, sum, count: gradient.count, write: Write.overwrite }, header);
  if (golden.has("otherGradients")) {
    const count = golden.array("otherGradients").shape[1];
    const other = memory.array(count, golden.data("otherGradients").subarray((step - 1) * count, step * count));
    await memory.run("sumSquares", { gradient: other, sum, count, write: Write.add }, header);
  }
  return sum;
}
