import { describe, expect, test } from "vitest";
import { EXACT, expectClose, machineNames, TestMemory } from "../support/kernels.ts";
import { floatsOf, indexOf, surroundings } from "../support/storage.ts";

const halos: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [0, 2, 0, 3],
  [3, 0, 2, 0],
  [0, 0, 1, 0],
  [2, 0, 0, 0],
];

describe.each(machineNames)("clearHalo on %s", (machine) => {
  test.each(halos)("halo top %i, bottom %i, left %i, right %i", async (...halo) => {
    for (const channels of [1, 3, 4, 7, 17, 130]) {
      const memory = new TestMemory(machine);
      const output = memory.tensor([2, 3, 5, channels], { halo, haloValue: Number.NaN });
      const before = memory.read(output);
      await memory.run("clearHalo", { output });
      expectClose(memory.read(output), before, EXACT);
      expect(surroundings(memory, output).every((value) => Object.is(value, 0))).toBe(true);
    }
  });

  test("of a channel slice clears its own channels only", async () => {
    const memory = new TestMemory(machine);
    const [of, at, channels] = [9, 2, 3];
    const output = memory.tensor([2, 2, 3, channels], { halo: [1, 1, 1, 2], haloValue: 5, slice: { of, at } });
    const before = memory.read(output);
    await memory.run("clearHalo", { output });
    expectClose(memory.read(output), before, EXACT);
    const floats = floatsOf(memory);
    for (let image = 0; image < 2; image++)
      for (let y = -1; y < 3; y++)
        for (let x = -1; x < 5; x++)
          for (let channel = -at; channel < of - at; channel++) {
            const own = channel >= 0 && channel < channels;
            if (own && y >= 0 && y < 2 && x >= 0 && x < 3) continue;
            expect(floats[indexOf(memory, output, [image, y, x, channel])]).toBe(own ? 0 : 5);
          }
  });

  test("leaves images beyond the batch alone", async () => {
    const memory = new TestMemory(machine);
    const output = memory.tensor([3, 2, 2, 3], { halo: [1, 1, 1, 1], haloValue: 5 });
    await memory.run("clearHalo", { output }, { batch: 2 });
    expect(surroundings(memory, output).filter((value) => value === 5).length).toBe(12 * 3);
  });
});
