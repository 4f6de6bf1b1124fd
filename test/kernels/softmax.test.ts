import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_FUNCTION, type MachineName, machineNames, seededRandom, TestMemory } from "../support/kernels.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
/** Math and double precision against src/math.ts. */
const F64 = 5e-15;
/** Central differences with step 1e-5 in float64. */
const FINITE_DIFFERENCE = 1e-9;
const toleranceOf = (machine: MachineName) => (machine === "plain64" ? F64 : F32_FUNCTION);
const allChannels = Array.from({ length: 17 }, (_, i) => i + 1);

/** values [pixels, channels] */
function byPixel(values: ArrayLike<number>, channels: number, f: (pixel: number[]) => number[]): number[] {
  const pixels = Array.from({ length: values.length / channels }, (_, p) => Array.from({ length: channels }, (_, c) => values[p * channels + c]));
  return pixels.flatMap(f);
}

function softmax(pixel: number[]): number[] {
  const max = Math.max(...pixel);
  const exponentials = pixel.map((x) => Math.exp(x - max));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((e) => e / sum);
}

async function softmaxOf(machine: MachineName, values: number[], channels: number): Promise<Float64Array> {
  const memory = new TestMemory(machine);
  const input = memory.tensor([1, 1, values.length / channels, channels], { values });
  await memory.run("softmaxOutput", { input, output: input });
  return memory.read(input);
}

describe.each(machineNames)("softmax on %s", (machine) => {
  test("agrees with the formula for 1 to 17 channels, in halos and slices and in place, with the same bits", async () => {
    const memory = new TestMemory(machine);
    for (const channels of allChannels) {
      const shape: [number, number, number, number] = [2, 3, 2, channels];
      const values = Array.from({ length: 12 * channels }, seededRandom(channels)).map((x) => Math.fround(10 * x));
      const input = memory.tensor(shape, { values, halo: [1, 0, 2, 1] });
      const output = memory.tensor(shape, { values: "nan", slice: { of: channels + 3, at: 2 } });
      await memory.run("softmaxOutput", { input, output });
      const result = memory.read(output);
      expectClose(result, byPixel(values, channels, softmax), toleranceOf(machine), `${channels} channels`);
      await memory.run("softmaxOutput", { input, output: input });
      expectClose(memory.read(input), result, EXACT, "in place");
      expectClose(await softmaxOf(machine, values.slice(channels * 3), channels), result.slice(channels * 3), EXACT, "elsewhere");
    }
  });

  test("small probabilities keep their relative accuracy, large logits do not overflow", async () => {
    const [low, high] = await softmaxOf(machine, [-80, 0], 2);
    expect(Math.abs(low / Math.exp(-80) - 1)).toBeLessThan(toleranceOf(machine));
    expect(high).toBe(1);
    expect([...(await softmaxOf(machine, [3e38, 1, -3e38], 3))]).toEqual([1, 0, 0]);
    expect([...(await softmaxOf(machine, [-inf, 5, -inf, 5, -inf], 5))]).toEqual([0, 0.5, 0, 0.5, 0]);
  });

  test.each([1, 3, 4, 5, 9])(
    "a pixel of %i channels with NaN or +Infinity, or nothing but -Infinity, is NaN and spoils no other",
    async (channels) => {
      const bad = [nan, inf].flatMap((value) => allChannels.slice(0, channels).map((_, at) => pixelWith(channels, value, at)));
      const pixels = [...bad, new Array(channels).fill(-inf)].flatMap((pixel) => [pixel, pixelWith(channels, 0.5, 0)]);
      const result = await softmaxOf(machine, pixels.flat(), channels);
      const expected = pixels.flatMap((pixel, index) => (index % 2 === 0 ? pixel.map(() => nan) : softmax(pixel)));
      expectClose(result, expected, toleranceOf(machine));
    },
  );

  test("gradient agrees with the formula, overwritten, added and in place", async () => {
    const memory = new TestMemory(machine);
    for (const channels of allChannels) {
      const shape: [number, number, number, number] = [2, 3, 2, channels];
      const output = memory.tensor(shape, { values: "positive", slice: { of: channels + 1, at: 1 } });
      const outputGrad = memory.tensor(shape, { halo: [0, 1, 1, 0], haloValue: nan });
      const inputGrad = memory.tensor(shape, { values: "nan", slice: { of: channels + 3, at: 2 } });
      const y = memory.read(output);
      const g = memory.read(outputGrad);
      let at = 0;
      const expected = byPixel(y, channels, (pixel) => {
        const from = at;
        at += channels;
        const dot = pixel.reduce((sum, value, channel) => sum + value * g[from + channel], 0);
        return pixel.map((value, channel) => value * (g[from + channel] - dot));
      });
      await memory.run("softmaxInputGrad", { output, outputGrad, inputGrad, write: Write.overwrite });
      const result = memory.read(inputGrad);
      expectClose(result, expected, toleranceOf(machine), `${channels} channels`);
      await memory.run("softmaxInputGrad", { output, outputGrad, inputGrad, write: Write.add });
      const twice = result.map((x) => 2 * x);
      expectClose(memory.read(inputGrad), twice, EXACT, "added");
      await memory.run("softmaxInputGrad", { output, outputGrad, inputGrad: outputGrad, write: Write.overwrite });
      expectClose(memory.read(outputGrad), result, EXACT, "in place");
    }
  });

  test("leaves samples beyond the batch alone", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([3, 2, 2, 3]);
    const output = memory.tensor([3, 2, 2, 3], { values: "nan" });
    await memory.run("softmaxOutput", { input, output }, { batch: 2 });
    expect(memory.read(output).findIndex(Number.isNaN)).toBe(24);
    const inputGrad = memory.tensor([3, 2, 2, 3], { values: "nan" });
    await memory.run("softmaxInputGrad", { output: input, outputGrad: input, inputGrad, write: Write.overwrite }, { batch: 1 });
    expect(memory.read(inputGrad).findIndex(Number.isNaN)).toBe(12);
  });
});

function pixelWith(channels: number, value: number, at: number): number[] {
  return Array.from({ length: channels }, (_, channel) => (channel === at ? value : channel - 1));
}

test("the gradient is the adjoint in float64, with a random cotangent", async () => {
  const random = seededRandom(9);
  const channels = 7;
  const values = Array.from({ length: 4 * channels }, () => 3 * random());
  const cotangent = values.map(random);
  const objective = async (inputs: number[]) => (await softmaxOf("plain64", inputs, channels)).reduce((sum, y, i) => sum + y * cotangent[i], 0);
  const step = 1e-5;
  const expected: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const moved = (by: number) => values.map((x, j) => (i === j ? x + by : x));
    expected.push(((await objective(moved(step))) - (await objective(moved(-step)))) / (2 * step));
  }
  const memory = new TestMemory("plain64");
  const output = memory.tensor([1, 1, 4, channels], { values: await softmaxOf("plain64", values, channels) });
  const inputGrad = memory.tensor([1, 1, 4, channels], { values: cotangent });
  await memory.run("softmaxInputGrad", { output, outputGrad: inputGrad, inputGrad, write: Write.overwrite });
  expectClose(memory.read(inputGrad), expected, FINITE_DIFFERENCE);
});
