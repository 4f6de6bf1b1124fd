/** Algorithm.winograd of the three convolution kernels against the direct sum in float64, on every remainder of tiles and lanes. */
import { describe, expect, test } from "vitest";
import { Activation, Algorithm, Panels, Write } from "../../build/records.ts";
import { expectClose, type MachineName, machineNames } from "../support/kernels.ts";
import { ConvCase, type Geometry, inputGrad, output, outputGradHalo, weightGrad } from "./conv2dCase.ts";
import { winogradPanelsOf } from "./conv2dPanels.ts";
import { nameOf } from "./conv2dShapes.ts";

/** What the documentation promises of F(4x4, 3x3): largest error over largest result. Seen here: below 3e-6. */
const WINOGRAD = 1e-5;
/** Four roundings of one value. */
const TRANSFORM = 4e-7;

type Pad = [number, number, number, number];
const same: Pad = [1, 1, 1, 1];
const valid: Pad = [0, 0, 0, 0];
const uneven: Pad = [2, 0, 0, 1];
const wide: Pad = [3, 1, 2, 4];

const base: Geometry = {
  batch: 2,
  height: 7,
  width: 9,
  inChannels: 5,
  outChannels: 9,
  window: [3, 3],
  pad: same,
  algorithm: Algorithm.winograd,
};
const maps = Array.from({ length: 13 }, (_, i): Geometry => ({ ...base, height: i + 1, width: 13 - i, inChannels: 3, outChannels: 4 }));
const channels = [1, 3, 4, 5, 8, 9, 16, 17, 33].flatMap((count, i, all): Geometry[] => [
  { ...base, inChannels: count, outChannels: all[all.length - 1 - i] },
  { ...base, inChannels: count, outChannels: all[(i + 4) % all.length], height: 4, width: 5 },
]);
const pads = [valid, uneven, wide].flatMap((pad): Geometry[] => [
  { ...base, pad },
  { ...base, pad, height: 6, width: 6, sliced: true },
  { ...base, pad, height: 3, width: 10, inChannels: 8, outChannels: 8 },
]);
const special: Geometry[] = [
  { ...base, sliced: true },
  { ...base, capacity: 4 },
  // Exactly one block of 32 tiles: all of the scratch.
  { ...base, height: 13, width: 14, inChannels: 4, outChannels: 12 },
  // More than one block, across images.
  { ...base, batch: 5, height: 13, width: 14, inChannels: 4, outChannels: 12 },
  { ...base, batch: 37, height: 3, width: 2 },
  // More than one block of 64 channels, on either side.
  { ...base, inChannels: 67, outChannels: 3 },
  { ...base, inChannels: 6, outChannels: 131, height: 4, width: 4 },
  { ...base, inChannels: 65, outChannels: 66, height: 5, width: 4 },
];
const named = [...maps, ...channels, ...pads, ...special].map((geometry): [string, Geometry] => [
  `${nameOf(geometry)}${geometry.capacity ? " short batch" : ""}`,
  geometry,
]);

describe.each(machineNames.filter((name) => name === "strict" || name === "relaxed"))("winograd on %s", (machine) => {
  test.each(named)("output: %s", async (_, geometry) => {
    const { values, result, conv } = await output(machine, geometry);
    expectClose(values, (await output("plain64", geometry)).values, WINOGRAD);
    expect(conv.surroundings(result)).toBe(true);
  });

  test.each(named)("inputGrad: %s", async (_, geometry) => {
    for (const write of [Write.overwrite, Write.add]) {
      const { values, result, conv } = await inputGrad(machine, geometry, write);
      expectClose(values, (await inputGrad("plain64", geometry, write)).values, WINOGRAD);
      if (write === Write.overwrite) expect(conv.surroundings(result)).toBe(true);
    }
  });

  test.each(named)("weightGrad: %s", async (_, geometry) => {
    for (const [accumulate, write] of [
      [0, Write.overwrite],
      [1, Write.overwrite],
      [0, Write.add],
    ] as const) {
      const [actual, expected] = [await weightGrad(machine, geometry, accumulate, write), await weightGrad("plain64", geometry, accumulate, write)];
      expectClose(actual.values, expected.values, WINOGRAD);
      expectClose(actual.biasValues, expected.biasValues, WINOGRAD);
    }
  });

  test("stays within its error at 256 channels", async () => {
    const geometry = { ...base, batch: 1, height: 8, width: 8, inChannels: 256, outChannels: 256 };
    expectClose((await output(machine, geometry)).values, (await output("plain64", geometry)).values, WINOGRAD / 2);
    expectClose((await inputGrad(machine, geometry)).values, (await inputGrad("plain64", geometry)).values, WINOGRAD / 2);
    expectClose((await weightGrad(machine, geometry)).values, (await weightGrad("plain64", geometry)).values, WINOGRAD / 2);
  });

  const epilogues = [Activation.linear, Activation.relu, Activation.relu6, Activation.leakyRelu];
  test.each(epilogues)("applies activation %i with and without bias and residual", async (activation) => {
    for (const geometry of [base, { ...base, sliced: true, outChannels: 12 }]) {
      for (const bias of [false, true]) {
        for (const residual of [false, true]) {
          const options = { activation, alpha: 0.25, bias, residual };
          expectClose((await output(machine, geometry, options)).values, (await output("plain64", geometry, options)).values, WINOGRAD);
        }
      }
    }
  });

  test("NaN reaches every output that sees it, through every activation, and none in another tile's patch", async () => {
    for (const activation of epilogues) {
      const conv = new ConvCase(machine, { ...base, batch: 1, height: 13, width: 13, inChannels: 4 });
      const values = new Array(13 * 13 * 4).fill(1);
      values[(6 * 13 + 5) * 4 + 2] = Number.NaN;
      const [weight, result] = [conv.weight(), conv.output("nan")];
      const panels = await conv.panels(weight, Panels.winogradOutput);
      const fields = {
        input: conv.input(values),
        output: result,
        residual: null,
        weight,
        panels,
        bias: null,
        ...conv.window(),
        activation,
        alpha: 0.5,
      };
      await conv.run("conv2dOutput", fields);
      conv.memory.read(result).forEach((value, index) => {
        const [y, x] = [Math.floor(index / 9 / 13), Math.floor(index / 9) % 13];
        // Row 6, column 5 lie in the patch of tile (1, 1) alone.
        expect(Number.isNaN(value)).toBe(y >= 4 && y < 8 && x >= 4 && x < 8);
      });
    }
  });

  test("reads no pixel that no tap meets", async () => {
    const geometry = { ...base, pad: valid, height: 8, width: 9 };
    const read = async (haloValue: number) => {
      const conv = new ConvCase(machine, geometry);
      const tensor = (shape: [number, number, number]) => conv.memory.tensor([2, ...shape], { halo: [3, 3, 3, 3], haloValue });
      const [input, outputGrad, weight] = [tensor([8, 9, 5]), tensor([6, 7, 9]), conv.weight()];
      const [result, gradient] = [conv.output("nan"), conv.weight("nan")];
      const panels = await conv.panels(weight, Panels.winogradOutput);
      const fields = { input, output: result, residual: null, weight, panels, bias: null, ...conv.window(), activation: 0, alpha: 0 };
      await conv.run("conv2dOutput", fields);
      await conv.run("conv2dWeightGrad", { input, outputGrad, weightGrad: gradient, biasGrad: null, ...conv.window(), write: 0 });
      return [...conv.memory.read(result), ...conv.memory.read(gradient)];
    };
    expect(await read(Number.NaN)).toEqual(await read(0));
  });

  test.each([Panels.winogradOutput, Panels.winogradInputGrad])("packs panels as layout %i says", async (layout) => {
    for (const geometry of channels) {
      const pack = async (name: MachineName) => {
        const conv = new ConvCase(name, geometry);
        const weight = conv.weight();
        return { packed: conv.memory.read(await conv.panels(weight, layout)), weight: conv.memory.read(weight) };
      };
      const { packed, weight } = await pack(machine);
      expectClose(packed, winogradPanelsOf(weight, geometry, layout), TRANSFORM);
      expect(packed).toEqual((await pack("strict")).packed);
    }
  });
});

describe("winograd bits", () => {
  test("of a sample are the same alone and in a batch", async () => {
    for (const geometry of [
      { ...base, batch: 11 },
      { ...base, batch: 4, pad: uneven, height: 2, inChannels: 9 },
    ]) {
      for (const run of [output, inputGrad]) {
        const together = await run("strict", geometry);
        const length = together.values.length / geometry.batch;
        for (let sample = 0; sample < geometry.batch; sample++) {
          expect(await alone(together, geometry, sample)).toEqual(together.values.slice(sample * length, (sample + 1) * length));
        }
      }
    }
  });

  test.each(named.filter((_, index) => index % 3 === 0 || index >= named.length - special.length))(
    "do not depend on threads: %s",
    async (_, geometry) => {
      const forward = await output("strict", geometry);
      const backward = await inputGrad("strict", geometry);
      const grad = await weightGrad("strict", geometry);
      const panels = await forward.conv.panelsFor("conv2dOutput", forward.weight);
      const gradPanels = await backward.conv.panelsFor("conv2dInputGrad", backward.weight);
      for (const threads of [1, 2, 3, 7]) {
        const { conv, input, weight, bias } = forward;
        const result = conv.output("nan");
        const outputFields = { input, output: result, residual: null, weight, panels, bias, ...conv.window(), activation: 0, alpha: 0 };
        await conv.runInThreads("conv2dOutput", outputFields, threads);
        expect(conv.memory.read(result)).toEqual(forward.values);

        const { outputGrad } = backward;
        const gradient = backward.conv.input("nan");
        const gradFields = { outputGrad, inputGrad: gradient, weight: backward.weight, panels: gradPanels, ...backward.conv.window(), write: 0 };
        await backward.conv.runInThreads("conv2dInputGrad", gradFields, threads);
        expect(backward.conv.memory.read(gradient)).toEqual(backward.values);

        const [weightGradient, biasGrad] = [grad.conv.weight("nan"), grad.conv.memory.array(geometry.outChannels, "nan")];
        const weightFields = { input: grad.input, outputGrad: grad.outputGrad, weightGrad: weightGradient, biasGrad };
        await grad.conv.runInThreads("conv2dWeightGrad", { ...weightFields, ...grad.conv.window(), write: 0 }, threads);
        expect(grad.conv.memory.read(weightGradient)).toEqual(grad.values);
        expect(grad.conv.memory.read(biasGrad)).toEqual(grad.biasValues);
      }
    },
  );
});

type Whole = Awaited<ReturnType<typeof output>> | Awaited<ReturnType<typeof inputGrad>>;

/** One sample of the batch that output() or inputGrad() made, run as a batch of 1. */
async function alone(whole: Whole, geometry: Geometry, sample: number): Promise<Float64Array> {
  const conv = new ConvCase("strict", { ...geometry, batch: 1 });
  const read = whole.conv.memory.read.bind(whole.conv.memory);
  const of = (values: Float64Array) => values.slice((sample * values.length) / geometry.batch, ((sample + 1) * values.length) / geometry.batch);
  const weight = conv.weight(read(whole.weight));
  if ("outputGrad" in whole) {
    const result = conv.input("nan");
    const panels = await conv.panels(weight, Panels.winogradInputGrad);
    const outputGrad = conv.output(of(read(whole.outputGrad)), outputGradHalo(geometry));
    await conv.run("conv2dInputGrad", { outputGrad, inputGrad: result, weight, panels, ...conv.window(), write: Write.overwrite });
    return conv.memory.read(result);
  }
  const result = conv.output("nan");
  const panels = await conv.panels(weight, Panels.winogradOutput);
  const bias = whole.bias && conv.memory.array(geometry.outChannels, read(whole.bias));
  const fields = { input: conv.input(of(read(whole.input))), output: result, residual: null, weight, panels, bias };
  await conv.run("conv2dOutput", { ...fields, ...conv.window(), activation: 0, alpha: 0 });
  return conv.memory.read(result);
}
