import { describe, expect, test } from "vitest";
import { EXACT, expectClose, machineNames, TestMemory } from "../support/kernels.ts";

describe.each(machineNames)("fill on %s", (machine) => {
  test.each([1, 2, 3, 4, 7, 255, 1024, 3001])("%i elements, no more", async (count) => {
    const memory = new TestMemory(machine);
    for (const value of [0, -0, 1.5, Number.NaN]) {
      const output = memory.array(count, "nan");
      await memory.run("fill", { output, count, value });
      expectClose(memory.read(output), new Array(count).fill(value), EXACT);
    }
  });

  test("a count of 0 writes nothing", async () => {
    const memory = new TestMemory(machine);
    const output = memory.array(4, [1, 2, 3, 4]);
    await memory.run("fill", { output, count: 0, value: 9 });
    expect([...memory.read(output)]).toEqual([1, 2, 3, 4]);
  });
});
