import { describe, expect, test } from "vitest";
import { Activation, Pooling, Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_SUM, machineNames, TestMemory, type TestTensor } from "../support/kernels.ts";
import { floatsOf, indexOf, surroundings } from "../support/storage.ts";

interface Geometry {
  readonly name: string;
  readonly size: [number, number];
  readonly window: [number, number];
  readonly stride: [number, number];
  readonly pad: [number, number];
  readonly out: [number, number];
  /** Bytes of an argmax cell, where not the fewest. */
  readonly bytes?: 4;
  /** Relu, where the gradient before it is asked for. */
  readonly activation?: number;
}

const geometries: Geometry[] = [
  { name: "2x2 stride 2", size: [4, 6], window: [2, 2], stride: [2, 2], pad: [0, 0], out: [2, 3] },
  { name: "2x2 stride 2, last row and column left over", size: [5, 7], window: [2, 2], stride: [2, 2], pad: [0, 0], out: [2, 3] },
  { name: "2x2 stride 2, clipped behind", size: [5, 3], window: [2, 2], stride: [2, 2], pad: [0, 0], out: [3, 2] },
  { name: "3x3 stride 2, same padding", size: [5, 7], window: [3, 3], stride: [2, 2], pad: [1, 1], out: [3, 4] },
  { name: "3x3 stride 1, overlapping, same padding", size: [5, 3], window: [3, 3], stride: [1, 1], pad: [1, 1], out: [5, 3] },
  { name: "3x2 stride 1x2", size: [7, 5], window: [3, 2], stride: [1, 2], pad: [0, 0], out: [5, 2] },
  { name: "gaps: 2x1 stride 3x4", size: [8, 11], window: [2, 1], stride: [3, 4], pad: [1, 0], out: [3, 3] },
  { name: "global", size: [5, 7], window: [5, 7], stride: [5, 7], pad: [0, 0], out: [1, 1] },
  { name: "window larger than the image", size: [2, 3], window: [5, 5], stride: [1, 1], pad: [2, 2], out: [2, 3] },
  { name: "first window behind the first cell", size: [7, 8], window: [2, 3], stride: [3, 2], pad: [-1, -2], out: [2, 2] },
  { name: "2x2 stride 2, cells of 4 bytes", size: [4, 6], window: [2, 2], stride: [2, 2], pad: [0, 0], out: [2, 3], bytes: 4 },
  { name: "more than 255 cells", size: [18, 19], window: [16, 16], stride: [1, 2], pad: [0, 0], out: [3, 2] },
  { name: "2x2 stride 1", size: [3, 4], window: [2, 2], stride: [1, 1], pad: [0, 0], out: [2, 3] },
  { name: "2x2 stride 2, behind relu", size: [5, 6], window: [2, 2], stride: [2, 2], pad: [0, 0], out: [2, 3], activation: Activation.relu },
  { name: "3x3 stride 2, behind relu", size: [5, 7], window: [3, 3], stride: [2, 2], pad: [1, 1], out: [3, 4], activation: Activation.relu },
  {
    name: "behind relu, cells of 4 bytes",
    size: [4, 6],
    window: [2, 2],
    stride: [2, 2],
    pad: [0, 0],
    out: [2, 3],
    bytes: 4,
    activation: Activation.relu,
  },
];

const kinds = [
  { name: "max", kind: Pooling.max },
  { name: "mean", kind: Pooling.mean },
];

function recordFields(geometry: Geometry, kind: number) {
  const [windowHeight, windowWidth] = geometry.window;
  const [strideY, strideX] = geometry.stride;
  const [padTop, padLeft] = geometry.pad;
  const { activation = Activation.linear } = geometry;
  return { kind, argmaxBytes: cellBytes(geometry), activation, windowHeight, windowWidth, strideY, strideX, padTop, padLeft };
}

function cellBytes({ window, bytes }: Geometry): 1 | 4 {
  return bytes ?? (window[0] * window[1] <= 255 ? 1 : 4);
}

/** The cells of every window, in order: [output pixel][cell] → [y, x, number in the unclipped window]. */
function windows({ size, window, stride, pad, out }: Geometry): [number, number, number][][] {
  const all: [number, number, number][][] = [];
  for (let outY = 0; outY < out[0]; outY++)
    for (let outX = 0; outX < out[1]; outX++) {
      const cells: [number, number, number][] = [];
      for (let cell = 0; cell < window[0] * window[1]; cell++) {
        const y = outY * stride[0] - pad[0] + Math.floor(cell / window[1]);
        const x = outX * stride[1] - pad[1] + (cell % window[1]);
        if (y >= 0 && y < size[0] && x >= 0 && x < size[1]) cells.push([y, x, cell]);
      }
      all.push(cells);
    }
  return all;
}

const NO_CELL = { 1: 255, 4: -1 };

/** Of the maximum, the first of equal ones; a NaN takes no cell, and nothing does behind it. */
function winnerOf(values: number[]): number {
  const end = values.findIndex(Number.isNaN);
  const compared = end < 0 ? values : values.slice(0, Math.max(1, end));
  return compared.length === 1 ? 0 : compared.indexOf(Math.max(...compared));
}

/** values [batch, height, width, channels] → pooled values and argmax [batch, outHeight, outWidth, channels]. */
function pool(geometry: Geometry, kind: number, values: Float64Array, batch: number, channels: number) {
  const [height, width] = geometry.size;
  const pooled: number[] = [];
  const argmax: number[] = [];
  for (let image = 0; image < batch; image++)
    for (const cells of windows(geometry))
      for (let channel = 0; channel < channels; channel++) {
        const inWindow = cells.map(([y, x]) => values[((image * height + y) * width + x) * channels + channel]);
        const largest = inWindow.some(Number.isNaN) ? Number.NaN : Math.max(...inWindow);
        const winner = winnerOf(inWindow);
        argmax.push(geometry.activation === Activation.relu && largest <= 0 ? NO_CELL[cellBytes(geometry)] : cells[winner][2]);
        pooled.push(kind === Pooling.max ? (Number.isNaN(largest) ? largest : inWindow[winner]) : inWindow.reduce((a, b) => a + b, 0) / cells.length);
      }
  return { pooled, argmax };
}

/** outputGrad and argmax [batch, outHeight, outWidth, channels] → inputGrad [batch, height, width, channels]. */
function poolGrad(geometry: Geometry, kind: number, outputGrad: Float64Array, argmax: number[], batch: number, channels: number): number[] {
  const [height, width] = geometry.size;
  const inputGrad = new Array(batch * height * width * channels).fill(0);
  let next = 0;
  for (let image = 0; image < batch; image++)
    for (const cells of windows(geometry))
      for (let channel = 0; channel < channels; channel++, next++)
        for (const [y, x, cell] of cells) {
          const share = kind === Pooling.mean ? 1 / cells.length : cell === argmax[next] ? 1 : 0;
          inputGrad[((image * height + y) * width + x) * channels + channel] += share * outputGrad[next];
        }
  return inputGrad;
}

function readCells(memory: TestMemory, argmax: { address: number; count: number }, bytes: 1 | 4): number[] {
  return bytes === 1
    ? [...new Uint8Array(memory.memory.buffer, argmax.address, argmax.count)]
    : [...new Int32Array(memory.memory.buffer, argmax.address, argmax.count / 4)];
}

describe.each(machineNames)("pool2d on %s", (machine) => {
  describe.each(kinds)("$name", ({ kind }) => {
    test.each(geometries)("$name: forward, argmax, gradient", async (geometry) => {
      for (const channels of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 32, 67]) {
        const memory = new TestMemory(machine);
        const fields = recordFields(geometry, kind);
        const slice = channels % 2 === 1 ? { slice: { of: channels + 3, at: 2 } } : {};
        const input = memory.tensor([2, ...geometry.size, channels], { halo: [1, 2, 2, 1], haloValue: Number.NaN, ...slice });
        const output = memory.tensor([2, ...geometry.out, channels], { halo: [1, 0, 0, 1], haloValue: 9, values: "nan", ...slice });
        const count = 2 * geometry.out[0] * geometry.out[1] * channels;
        const argmax = memory.bytes(count * fields.argmaxBytes);
        const around = surroundings(memory, output);
        const expected = pool(geometry, kind, memory.read(input), 2, channels);
        await memory.run("pool2dOutput", { input, output, argmax, ...fields });
        expectClose(memory.read(output), expected.pooled, kind === Pooling.max ? EXACT : F32_SUM, `${channels} channels`);
        if (kind === Pooling.max) expect(readCells(memory, argmax, fields.argmaxBytes)).toEqual(expected.argmax);
        expectClose(surroundings(memory, output), around, EXACT);
        const again = memory.tensor([2, ...geometry.out, channels], { values: "nan" });
        await memory.run("pool2dOutput", { input, output: again, argmax: null, ...fields });
        expectClose(memory.read(again), memory.read(output), EXACT);

        const outputGrad = memory.tensor([2, ...geometry.out, channels], { halo: [0, 1, 1, 0], haloValue: Number.NaN });
        const inputGrad = memory.tensor([2, ...geometry.size, channels], { halo: [1, 1, 1, 1], haloValue: 9, values: "nan", ...slice });
        const aroundGrad = surroundings(memory, inputGrad);
        const expectedGrad = poolGrad(geometry, kind, memory.read(outputGrad), expected.argmax, 2, channels);
        await memory.run("pool2dInputGrad", { outputGrad, inputGrad, argmax, ...fields, write: Write.overwrite });
        expectClose(memory.read(inputGrad), expectedGrad, F32_SUM, `${channels} channels, gradient`);
        await memory.run("pool2dInputGrad", { outputGrad, inputGrad, argmax, ...fields, write: Write.add });
        const twice = expectedGrad.map((x) => 2 * x);
        expectClose(memory.read(inputGrad), twice, F32_SUM, `${channels} channels, added gradient`);
        expectClose(surroundings(memory, inputGrad), aroundGrad, EXACT);
      }
    });

    test.each([geometries[0], geometries[1], geometries[12]])(
      "$name, few channels one behind the other: nothing is written behind them",
      async (geometry) => {
        for (const channels of [1, 2, 3, 4, 5, 6, 7, 9, 11, 13]) {
          const memory = new TestMemory(machine);
          const fields = recordFields(geometry, kind);
          const input = memory.tensor([2, ...geometry.size, channels]);
          const output = memory.tensor([2, ...geometry.out, channels], { values: "nan" });
          const argmax = memory.bytes(2 * geometry.out[0] * geometry.out[1] * channels);
          const inputGrad = memory.tensor([2, ...geometry.size, channels], { values: "nan" });
          const expected = pool(geometry, kind, memory.read(input), 2, channels);
          await memory.run("pool2dOutput", { input, output, argmax, ...fields });
          expectClose(memory.read(output), expected.pooled, kind === Pooling.max ? EXACT : F32_SUM);
          if (kind === Pooling.max) expect(readCells(memory, argmax, 1)).toEqual(expected.argmax);
          const expectedGrad = poolGrad(geometry, kind, memory.read(output), expected.argmax, 2, channels);
          await memory.run("pool2dInputGrad", { outputGrad: output, inputGrad, argmax, ...fields, write: Write.overwrite });
          expectClose(memory.read(inputGrad), expectedGrad, F32_SUM);
        }
      },
    );

    test("samples beyond the batch stay", async () => {
      const memory = new TestMemory(machine);
      const fields = recordFields(geometries[0], kind);
      const input = memory.tensor([3, 4, 6, 3]);
      const output = memory.tensor([3, 2, 3, 3], { values: "nan" });
      const argmax = memory.bytes(3 * 18);
      const inputGrad = memory.tensor([3, 4, 6, 3], { values: "nan" });
      await memory.run("pool2dOutput", { input, output, argmax, ...fields }, { batch: 2 });
      expect(memory.read(output).filter(Number.isNaN).length).toBe(18);
      await memory.run("pool2dInputGrad", { outputGrad: output, inputGrad, argmax, ...fields, write: Write.overwrite }, { batch: 2 });
      expect(memory.read(inputGrad).filter(Number.isNaN).length).toBe(72);
    });
  });

  test.each([geometries[0], geometries[3], geometries[11], geometries[13]])("NaN, infinities, ties and -0 in max: $name", async (geometry) => {
    const hostile = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1, 1, -0, Number.NEGATIVE_INFINITY, 1e-40, -1];
    for (const rare of [1, 37]) {
      const memory = new TestMemory(machine);
      const channels = 21;
      const fields = recordFields(geometry, Pooling.max);
      const count = 2 * geometry.size[0] * geometry.size[1] * channels;
      const values = Array.from({ length: count }, (_, i) => hostile[(i * 7 + (i % (rare + 3))) % hostile.length]).map((value, i) =>
        Number.isNaN(value) && i % rare !== 0 ? -3 : value,
      );
      const input = memory.tensor([2, ...geometry.size, channels], { values });
      const output = memory.tensor([2, ...geometry.out, channels], { values: "random" });
      const argmax = memory.bytes(2 * geometry.out[0] * geometry.out[1] * channels * fields.argmaxBytes);
      const expected = pool(geometry, Pooling.max, memory.read(input), 2, channels);
      await memory.run("pool2dOutput", { input, output, argmax, ...fields });
      expect([...memory.read(output)]).toEqual(expected.pooled);
      expect(readCells(memory, argmax, fields.argmaxBytes)).toEqual(expected.argmax);
      const again = memory.tensor([2, ...geometry.out, channels], { values: "random" });
      await memory.run("pool2dOutput", { input, output: again, argmax: null, ...fields });
      expect([...memory.read(again)]).toEqual(expected.pooled);
    }
  });

  test("a NaN of the gradient stays in its cell", async () => {
    const memory = new TestMemory(machine);
    const fields = recordFields(geometries[0], Pooling.max);
    const input = memory.tensor([1, 4, 6, 1]);
    const output = memory.tensor([1, 2, 3, 1], { values: "nan" });
    const argmax = memory.bytes(6);
    await memory.run("pool2dOutput", { input, output, argmax, ...fields });
    const outputGrad = memory.tensor([1, 2, 3, 1], { values: [Number.NaN, 1, 1, 1, 1, 1] });
    const inputGrad = memory.tensor([1, 4, 6, 1], { values: "nan" });
    await memory.run("pool2dInputGrad", { outputGrad, inputGrad, argmax, ...fields, write: Write.overwrite });
    expect(memory.read(inputGrad).filter(Number.isNaN).length).toBe(1);
  });

  test("a sample has the same bits in any batch", async () => {
    for (const geometry of [geometries[3], geometries[7]]) {
      const memory = new TestMemory(machine);
      const fields = recordFields(geometry, Pooling.mean);
      const input = memory.tensor([3, ...geometry.size, 6]);
      const output = memory.tensor([3, ...geometry.out, 6], { values: "nan" });
      await memory.run("pool2dOutput", { input, output, argmax: null, ...fields });
      const size = geometry.size[0] * geometry.size[1] * 6;
      const alone = memory.tensor([1, ...geometry.size, 6], { values: memory.read(input).subarray(2 * size) });
      const outputAlone = memory.tensor([1, ...geometry.out, 6], { values: "nan" });
      await memory.run("pool2dOutput", { input: alone, output: outputAlone, argmax: null, ...fields });
      expectClose(memory.read(outputAlone), memory.read(output).subarray(2 * geometry.out[0] * geometry.out[1] * 6), EXACT);
    }
  });
});

describe("pool2d in float64 against finite differences", () => {
  test.each(kinds.flatMap((kind) => geometries.slice(0, 10).map((geometry) => ({ ...kind, geometry }))))(
    "$name, $geometry.name",
    async ({ kind, geometry }) => {
      const memory = new TestMemory("plain64", 5);
      const fields = recordFields(geometry, kind);
      const count = geometry.size[0] * geometry.size[1] * 3;
      // A shuffled grid: no two cells are closer than 0.01, so no step of 1e-4 changes a winner.
      const values = Array.from({ length: count }, (_, i) => ((i * 101 + 17) % 1009) * 0.01);
      const input: TestTensor = memory.tensor([1, ...geometry.size, 3], { values });
      const output = memory.tensor([1, ...geometry.out, 3], { values: "nan" });
      const argmax = memory.bytes(geometry.out[0] * geometry.out[1] * 3);
      const cotangent = memory.tensor([1, ...geometry.out, 3]);
      const inputGrad = memory.tensor([1, ...geometry.size, 3], { values: "nan" });
      const objective = async () => {
        await memory.run("pool2dOutput", { input, output, argmax, ...fields });
        const weights = memory.read(cotangent);
        return memory.read(output).reduce((sum, value, i) => sum + value * weights[i], 0);
      };
      await objective();
      await memory.run("pool2dInputGrad", { outputGrad: cotangent, inputGrad, argmax, ...fields, write: Write.overwrite });
      const expected: number[] = [];
      const step = 1e-4;
      for (let i = 0; i < count; i++) {
        const at = indexOf(memory, input, [0, 0, 0, i]);
        const value = floatsOf(memory)[at];
        floatsOf(memory)[at] = value + step;
        const above = await objective();
        floatsOf(memory)[at] = value - step;
        expected.push((above - (await objective())) / (2 * step));
        floatsOf(memory)[at] = value;
      }
      expectClose(memory.read(inputGrad), expected, 1e-9);
    },
  );
});
