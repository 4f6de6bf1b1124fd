import { describe, expect, test } from "vitest";
import { Binary, Write } from "../../build/records.ts";
import { writeTensor } from "../../src/machine/records.ts";
import { EXACT, expectClose, F32_SUM, machineNames, TestMemory, type TestTensor } from "../support/kernels.ts";
import { surroundings } from "../support/storage.ts";

const kinds = [
  { name: "add", kind: Binary.add, apply: (a: number, b: number) => a + b },
  { name: "multiply", kind: Binary.multiply, apply: (a: number, b: number) => a * b },
];

/** Gives a tensor strides of 0 along the axes that it lacks. */
function broadcast(memory: TestMemory, tensor: TestTensor, zero: Partial<TestTensor["descriptor"]>): TestTensor {
  writeTensor(memory.memory.buffer, tensor.address, { ...tensor.descriptor, ...zero });
  return tensor;
}

describe.each(machineNames)("binaryOutput on %s", (machine) => {
  describe.each(kinds)("$name", ({ kind, apply }) => {
    test.each([1, 2, 3, 4, 5, 7, 8, 16, 17])("%i channels, halos, slices, both writes", async (channels) => {
      const memory = new TestMemory(machine);
      const shape: [number, number, number, number] = [2, 3, 5, channels];
      const left = memory.tensor(shape, { halo: [1, 0, 2, 1], haloValue: Number.NaN });
      const right = memory.tensor(shape, { slice: { of: channels + 3, at: 1 }, haloValue: Number.NaN });
      const output = memory.tensor(shape, { slice: { of: channels + 2, at: 2 }, values: "nan", haloValue: 9, halo: [1, 1, 1, 1] });
      const around = surroundings(memory, output);
      const expected = memory.read(left).map((a, i) => apply(a, memory.read(right)[i]));
      await memory.run("binaryOutput", { left, right, output, kind, write: Write.overwrite });
      expectClose(memory.read(output), expected, F32_SUM);
      await memory.run("binaryOutput", { left, right, output, kind, write: Write.add });
      expectClose(
        memory.read(output),
        expected.map((x) => 2 * x),
        F32_SUM,
      );
      expectClose(surroundings(memory, output), around, EXACT);
    });

    test("long rows, output in place of either operand", async () => {
      for (const place of ["left", "right"] as const) {
        const memory = new TestMemory(machine);
        const operands = { left: memory.tensor([2, 3, 7, 9]), right: memory.tensor([2, 3, 7, 9]) };
        const expected = memory.read(operands.left).map((a, i) => apply(a, memory.read(operands.right)[i]));
        await memory.run("binaryOutput", { ...operands, output: operands[place], kind, write: Write.overwrite });
        expectClose(memory.read(operands[place]), expected, F32_SUM);
      }
    });

    test.each([
      ["one pixel per image", { pixelStride: 0, rowStride: 0 }],
      ["one pixel for all", { pixelStride: 0, rowStride: 0, imageStride: 0 }],
      ["one image", { imageStride: 0 }],
      ["one row per image", { rowStride: 0 }],
    ] as const)("broadcasts %s", async (_, zero) => {
      const memory = new TestMemory(machine);
      const [batch, height, width, channels] = [3, 2, 5, 6];
      const full = memory.tensor([batch, height, width, channels]);
      const small = memory.tensor([batch, height, width, channels]);
      const strides = { ...small.descriptor, ...zero };
      const source = memory.read(small);
      const expected: number[] = [];
      for (let image = 0; image < batch; image++)
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            for (let channel = 0; channel < channels; channel++) {
              const from = image * strides.imageStride + y * strides.rowStride + x * strides.pixelStride + channel;
              expected.push(apply(memory.read(full)[expected.length], source[from]));
            }
      broadcast(memory, small, zero);
      for (const [left, right] of [
        [full, small],
        [small, full],
      ]) {
        const output = memory.tensor([batch, height, width, channels], { values: "nan" });
        await memory.run("binaryOutput", { left, right, output, kind, write: Write.overwrite });
        expectClose(memory.read(output), expected, F32_SUM);
      }
    });

    test("NaN and infinities pass, samples beyond the batch stay", async () => {
      const memory = new TestMemory(machine);
      const left = memory.tensor([2, 1, 1, 5], { values: [Number.NaN, 1, Number.POSITIVE_INFINITY, 0, 2, 1, 1, 1, 1, 1] });
      const right = memory.tensor([2, 1, 1, 5], { values: [1, Number.NaN, 2, 3, Number.NEGATIVE_INFINITY, 1, 1, 1, 1, 1] });
      const output = memory.tensor([2, 1, 1, 5], { values: new Array(10).fill(8) });
      await memory.run("binaryOutput", { left, right, output, kind, write: Write.overwrite }, { batch: 1 });
      const expected = [...memory.read(left)].map((a, i) => apply(a, memory.read(right)[i]));
      expect([...memory.read(output)]).toEqual([...expected.slice(0, 5), 8, 8, 8, 8, 8]);
    });
  });
});
