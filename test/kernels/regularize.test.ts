import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_SUM, machineNames, TestMemory } from "../support/kernels.ts";

describe.each(machineNames)("regularize and sumSquares on %s", (machine) => {
  test.each([1, 2, 3, 4, 5, 1023, 1024, 1025, 5003])("%i weights", async (count) => {
    for (const [l1, l2] of [
      [0.5, 0.25],
      [0, 0.25],
      [0.5, 0],
      [0, 0],
    ]) {
      const memory = new TestMemory(machine);
      const weight = memory.array(count);
      const gradient = memory.array(count);
      const penalty = memory.array(1, "nan");
      const w = memory.read(weight);
      const expected = memory.read(gradient).map((g, i) => g + (l1 * Math.sign(w[i]) + 2 * l2 * w[i]) * 0.125);
      const sum = w.reduce((total, x) => total + l1 * Math.abs(x) + l2 * x * x, 0);
      await memory.run("regularize", { weight, gradient, penalty, count, l1, l2 }, { regularizationScale: 0.125 });
      expectClose(memory.read(gradient), expected, F32_SUM);
      expectClose(memory.read(penalty), [sum], F32_SUM);
      await memory.run("regularize", { weight, gradient: null, penalty, count, l1, l2 });
      expectClose(memory.read(penalty), [sum], F32_SUM, "penalty alone");
    }
  });

  test("a weight of 0 or -0 has no l1 slope", async () => {
    const memory = new TestMemory(machine);
    const weight = memory.array(4, [0, -0, 2, -2]);
    const gradient = memory.array(4, [1, 1, 1, 1]);
    await memory.run("regularize", { weight, gradient, penalty: memory.array(1), count: 4, l1: 0.5, l2: 0 });
    expectClose(memory.read(gradient), [1, 1, 1.5, 0.5], EXACT);
  });

  test.each([1, 2, 3, 4, 5, 15, 16, 17, 1023, 1024, 1025, 5003])("Σ of %i squares, scaled, added", async (count) => {
    const memory = new TestMemory(machine);
    const gradient = memory.array(count);
    const sum = memory.array(1, "nan");
    const expected = memory.read(gradient).reduce((total, g) => total + (g * 0.125) ** 2, 0);
    await memory.run("sumSquares", { gradient, sum, count, write: Write.overwrite }, { gradientScale: 0.125 });
    expectClose(memory.read(sum), [expected], F32_SUM);
    await memory.run("sumSquares", { gradient, sum, count, write: Write.add }, { gradientScale: 0.125 });
    expectClose(memory.read(sum), [2 * expected], F32_SUM);
  });

  test("NaN reaches penalty and norm", async () => {
    const memory = new TestMemory(machine);
    const values = memory.array(9, [1, 2, 3, 4, 5, 6, 7, 8, Number.NaN]);
    const sum = memory.array(1);
    await memory.run("sumSquares", { gradient: values, sum, count: 9, write: Write.overwrite });
    expect(memory.read(sum)[0]).toBeNaN();
    await memory.run("regularize", { weight: values, gradient: null, penalty: sum, count: 9, l1: 0.1, l2: 0 });
    expect(memory.read(sum)[0]).toBeNaN();
  });
});
