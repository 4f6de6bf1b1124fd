import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_SUM, machineNames, TestMemory } from "../support/kernels.ts";
import { surroundings } from "../support/storage.ts";

describe.each(machineNames)("affineOutput on %s", (machine) => {
  test.each([1, 2, 3, 4, 5, 7, 8, 16, 17])("%i channels, with and without offset, both writes", async (channels) => {
    for (const withOffset of [true, false]) {
      const memory = new TestMemory(machine);
      const shape: [number, number, number, number] = [2, 3, 5, channels];
      const input = memory.tensor(shape, { halo: [1, 0, 2, 1], haloValue: Number.NaN });
      const output = memory.tensor(shape, { slice: { of: channels + 3, at: 2 }, values: "nan", haloValue: 9, halo: [0, 1, 1, 0] });
      const scale = memory.array(channels);
      const offset = withOffset ? memory.array(channels) : null;
      const around = surroundings(memory, output);
      const offsets = offset === null ? new Float64Array(channels) : memory.read(offset);
      const expected = memory.read(input).map((x, i) => x * memory.read(scale)[i % channels] + offsets[i % channels]);
      await memory.run("affineOutput", { input, output, scale, offset, write: Write.overwrite });
      expectClose(memory.read(output), expected, F32_SUM);
      await memory.run("affineOutput", { input, output, scale, offset, write: Write.add });
      expectClose(
        memory.read(output),
        expected.map((x) => 2 * x),
        F32_SUM,
      );
      expectClose(surroundings(memory, output), around, EXACT);
    }
  });

  test("in place, and the sign of 0 survives without an offset", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([2, 2, 1, 3], { values: [-0, 1, Number.NaN, 2, Number.NEGATIVE_INFINITY, -0, 1, 1, 1, 1, 1, 1] });
    const scale = memory.array(3, [2, 3, 4]);
    await memory.run("affineOutput", { input, output: input, scale, offset: null, write: Write.overwrite }, { batch: 1 });
    expect([...memory.read(input)]).toEqual([-0, 3, Number.NaN, 4, Number.NEGATIVE_INFINITY, -0, 1, 1, 1, 1, 1, 1]);
  });

  test("a sample has the same bits in any batch", async () => {
    const memory = new TestMemory(machine);
    const [scale, offset] = [memory.array(6), memory.array(6)];
    const input = memory.tensor([3, 3, 5, 6]);
    const output = memory.tensor([3, 3, 5, 6], { values: "nan" });
    await memory.run("affineOutput", { input, output, scale, offset, write: Write.overwrite });
    const alone = memory.tensor([1, 3, 5, 6], { values: memory.read(input).subarray(180) });
    await memory.run("affineOutput", { input: alone, output: alone, scale, offset, write: Write.overwrite });
    expectClose(memory.read(alone), memory.read(output).subarray(180), EXACT);
  });
});
