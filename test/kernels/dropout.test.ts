import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { threefry2x32 } from "../../src/threefry.ts";
import { EXACT, expectClose, type MachineName, machineNames, type TensorOptions, TestMemory } from "../support/kernels.ts";

/** Whether each element of a tensor is kept: what the record's doc comment says, in one line. */
function maskOf(count: number, rate: number, { seed = 7, step = 3, stream = 2 } = {}): boolean[] {
  const words = new Uint32Array(2);
  return Array.from({ length: count }, (_, element) => {
    threefry2x32(seed, step, stream, element >>> 1, words);
    return (words[element & 1] >>> 8) * 2 ** -24 >= rate;
  });
}

type Shape = [number, number, number, number];

async function drop(machine: MachineName, shape: Shape, rate: number, options: TensorOptions = {}, header = {}): Promise<Float64Array> {
  const memory = new TestMemory(machine);
  const input = memory.tensor(shape, { ...options, values: new Array(shape.reduce((a, b) => a * b)).fill(3) });
  const output = memory.tensor(shape, { ...options, values: "nan" });
  await memory.run("dropoutOutput", { input, output, rate, stream: 2, write: Write.overwrite }, header);
  return memory.read(output);
}

const scaled = (x: number, rate: number) => x * Math.fround(1 / Math.fround(1 - Math.fround(rate)));

describe.each(machineNames)("dropout on %s", (machine) => {
  const round = machine === "plain64" ? (x: number) => x : Math.fround;

  test("has the generator's mask for 1 to 17 channels, in one run, in halos and in slices", async () => {
    for (let channels = 1; channels <= 17; channels++) {
      const shape: Shape = [2, 3, 5, channels];
      const rate = Math.fround(0.3);
      const expected = maskOf(30 * channels, rate).map((kept) => (kept ? round(scaled(3, rate)) : 0));
      for (const options of [{}, { halo: [1, 0, 2, 1] }, { slice: { of: channels + 3, at: 2 } }] as TensorOptions[]) {
        expectClose(await drop(machine, shape, rate, options), expected, EXACT, `${channels} channels`);
      }
    }
  });

  test.each([0, 1e-6, 0.1, 0.5, 0.9, 0.999])("rate %f", async (rate) => {
    const single = Math.fround(rate);
    const result = await drop(machine, [1, 1, 1, 4000], single);
    const mask = maskOf(4000, single);
    expectClose(
      result,
      mask.map((kept) => (kept ? round(scaled(3, rate)) : 0)),
      EXACT,
    );
    // Five standard deviations.
    const kept = mask.filter(Boolean).length / 4000;
    expect(Math.abs(kept - (1 - rate))).toBeLessThanOrEqual(5 * Math.sqrt((rate * (1 - rate)) / 4000));
  });

  test("seed, step and stream change the mask; a repeated run does not", async () => {
    const shape: Shape = [1, 1, 1, 64];
    const first = await drop(machine, shape, 0.5);
    expectClose(await drop(machine, shape, 0.5), first, EXACT);
    for (const header of [{ seed: 8 }, { seed: -1 }, { step: 4 }]) {
      const other = await drop(machine, shape, 0.5, {}, header);
      expect([...other]).not.toEqual([...first]);
      expect([...other].map((x) => x > 0)).toEqual(maskOf(64, 0.5, header));
    }
    expect(maskOf(64, 0.5, { stream: 3 })).not.toEqual(maskOf(64, 0.5));
  });

  test("in place and added; what is dropped is 0 even from NaN and Infinity", async () => {
    const memory = new TestMemory(machine);
    const values = Array.from({ length: 90 }, (_, i) => [1.25, Number.NaN, Number.POSITIVE_INFINITY, -0][i % 4]);
    const shape: Shape = [2, 3, 3, 5];
    const input = memory.tensor(shape, { values });
    const output = memory.tensor(shape, { values: new Array(90).fill(1) });
    const fields = { rate: 0.5, stream: 2 };
    await memory.run("dropoutOutput", { input, output, ...fields, write: Write.add });
    const dropped = maskOf(90, 0.5).map((kept, i) => (kept ? values[i] * 2 : 0));
    expectClose(
      memory.read(output),
      dropped.map((x) => x + 1),
      EXACT,
    );
    await memory.run("dropoutOutput", { input, output: input, ...fields, write: Write.overwrite });
    expectClose(memory.read(input), dropped, EXACT);
  });

  test("leaves samples beyond the batch alone", async () => {
    const result = await drop(machine, [3, 2, 2, 3], 0.5, {}, { batch: 2 });
    expect(result.findIndex(Number.isNaN)).toBe(24);
  });
});
