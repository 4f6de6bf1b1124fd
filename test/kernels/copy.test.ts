import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { EXACT, expectClose, machineNames, TestMemory } from "../support/kernels.ts";

describe.each(machineNames)("copy on %s", (machine) => {
  test.each([1, 3, 4, 5, 17])("moves %i channels between halos and slices", async (channels) => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([2, 3, 5, channels], { halo: [1, 0, 2, 1] });
    const output = memory.tensor([2, 3, 5, channels], { slice: { of: channels + 3, at: 2 }, values: "nan" });
    await memory.run("copy", { input, output, write: Write.overwrite });
    expectClose(memory.read(output), memory.read(input), EXACT);
    await memory.run("copy", { input, output, write: Write.add });
    expectClose(
      memory.read(output),
      memory.read(input).map((x) => 2 * x),
      EXACT,
    );
  });

  test("leaves samples beyond the batch alone", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([3, 2, 2, 3]);
    const output = memory.tensor([3, 2, 2, 3], { values: "nan" });
    await memory.run("copy", { input, output, write: Write.overwrite }, { batch: 2 });
    expect(memory.read(output).filter(Number.isNaN).length).toBe(12);
  });
});
