import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_SUM, machineNames, TestMemory } from "../support/kernels.ts";
import { surroundings } from "../support/storage.ts";

describe.each(machineNames)("pixelSum on %s", (machine) => {
  test.each([1, 2, 3, 4, 5, 7, 8, 16, 17])("%i channels, slices, both writes", async (channels) => {
    for (const [height, width] of [
      [1, 1],
      [1, 4],
      [3, 5],
      [7, 2],
    ]) {
      const memory = new TestMemory(machine);
      const input = memory.tensor([2, height, width, channels], { halo: [1, 0, 2, 1], haloValue: Number.NaN, slice: { of: channels + 2, at: 1 } });
      const output = memory.tensor([2, 1, 1, channels], { values: "nan", slice: { of: channels + 3, at: 2 }, haloValue: 9 });
      const around = surroundings(memory, output);
      const values = memory.read(input);
      const expected = new Float64Array(2 * channels);
      values.forEach((value, i) => {
        expected[Math.floor(i / (height * width * channels)) * channels + (i % channels)] += value;
      });
      await memory.run("pixelSum", { input, output, write: Write.overwrite });
      expectClose(memory.read(output), expected, F32_SUM);
      await memory.run("pixelSum", { input, output, write: Write.add });
      expectClose(
        memory.read(output),
        expected.map((x) => 2 * x),
        F32_SUM,
      );
      expectClose(surroundings(memory, output), around, EXACT);
    }
  });

  test("many pixels with a large mean keep six digits", async () => {
    const memory = new TestMemory(machine);
    const count = 97 * 101;
    const input = memory.tensor([1, 97, 101, 1], { values: Array.from({ length: count }, (_, i) => 1000 + (i % 7)) });
    const output = memory.tensor([1, 1, 1, 1], { values: "nan" });
    await memory.run("pixelSum", { input, output, write: Write.overwrite });
    const expected = memory.read(input).reduce((a, b) => a + b, 0);
    expectClose(memory.read(output), [expected], 1e-6);
  });

  test("leaves samples beyond the batch alone; NaN reaches its channel only", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([2, 1, 2, 2], { values: [1, 2, Number.NaN, 3, 1, 1, 1, 1] });
    const output = memory.tensor([2, 1, 1, 2], { values: [7, 7, 7, 7] });
    await memory.run("pixelSum", { input, output, write: Write.overwrite }, { batch: 1 });
    expect([...memory.read(output)]).toEqual([Number.NaN, 5, 7, 7]);
  });

  test("a sample has the same bits in any batch", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([3, 3, 5, 6]);
    const output = memory.tensor([3, 1, 1, 6], { values: "nan" });
    await memory.run("pixelSum", { input, output, write: Write.overwrite });
    const alone = memory.tensor([1, 3, 5, 6], { values: memory.read(input).subarray(180) });
    const sum = memory.tensor([1, 1, 1, 6], { values: "nan" });
    await memory.run("pixelSum", { input: alone, output: sum, write: Write.overwrite });
    expectClose(memory.read(sum), memory.read(output).subarray(12), EXACT);
  });
});
