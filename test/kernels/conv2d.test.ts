import { describe, expect, test } from "vitest";
import { Activation, Algorithm, Panels, Write } from "../../build/records.ts";
import { EXACT, expectClose, F32_SUM, type MachineName, machineNames } from "../support/kernels.ts";
import { ConvCase, type Geometry, inputGrad, type OutputOptions, output, outputGradHalo, weightGrad } from "./conv2dCase.ts";
import { panelsOf } from "./conv2dPanels.ts";
import { base, channels, groups, named, namedForward, nameOf, special } from "./conv2dShapes.ts";

/**
 * Sums of up to K = 2,501 terms: float32 in k order, from random terms, errs by about √K · 2⁻²⁴ of a typical result,
 * and the scale is the largest.
 */
const SUM = F32_SUM;

/** Results of plain64 are computed once per argument list. */
function remembered<A extends unknown[], R>(compute: (machine: MachineName, ...rest: A) => Promise<R>) {
  const results = new Map<string, Promise<R>>();
  return (...rest: A): Promise<R> => {
    const key = JSON.stringify(rest);
    if (!results.has(key)) results.set(key, compute("plain64", ...rest));
    return results.get(key) as Promise<R>;
  };
}
const expectedOutput = remembered(async (machine, geometry: Geometry, options?: OutputOptions) => (await output(machine, geometry, options)).values);
const expectedInputGrad = remembered(async (machine, geometry: Geometry, write?: number) => (await inputGrad(machine, geometry, write)).values);
const expectedWeightGrad = remembered(async (machine, geometry: Geometry, accumulate: 0 | 1) => {
  const { values, biasValues } = await weightGrad(machine, geometry, accumulate);
  return { values, biasValues };
});

/** The samples that ran: a capacity beyond the batch stays NaN. */
function samples(values: Float64Array, { batch, capacity = batch }: Geometry): Float64Array {
  const end = (values.length / capacity) * batch;
  expect(values.subarray(end).every(Number.isNaN)).toBe(true);
  return values.subarray(0, end);
}

describe.each(machineNames.filter((name) => name !== "plain64"))("conv2d on %s", (machine) => {
  test.each(namedForward)("output: %s", async (_, geometry) => {
    const { values, result, conv } = await output(machine, geometry);
    expectClose(samples(values, geometry), samples(await expectedOutput(geometry), geometry), SUM);
    expect(conv.surroundings(result)).toBe(true);
  });

  test.each(named)("inputGrad: %s", async (_, geometry) => {
    const { values, result, conv } = await inputGrad(machine, geometry);
    expectClose(samples(values, geometry), samples(await expectedInputGrad(geometry), geometry), SUM);
    expect(conv.surroundings(result)).toBe(true);
  });

  test.each(named)("inputGrad, added: %s", async (_, geometry) => {
    expectClose((await inputGrad(machine, geometry, Write.add)).values, await expectedInputGrad(geometry, Write.add), SUM);
  });

  test.each(named)("weightGrad: %s", async (_, geometry) => {
    for (const accumulate of [0, 1] as const) {
      const [actual, expected] = [await weightGrad(machine, geometry, accumulate), await expectedWeightGrad(geometry, accumulate)];
      expectClose(actual.values, expected.values, SUM);
      expectClose(actual.biasValues, expected.biasValues, SUM);
    }
  });

  const epilogues: [string, number][] = [
    ["linear", Activation.linear],
    ["relu", Activation.relu],
    ["relu6", Activation.relu6],
    ["leakyRelu", Activation.leakyRelu],
  ];
  const epilogueShapes = [
    { ...base, outChannels: 12 },
    special[10],
    { ...base, inChannels: 6, outChannels: 6, groups: 6, algorithm: Algorithm.depthwise },
    { ...base, inChannels: 6, outChannels: 6, groups: 6, width: 3, algorithm: Algorithm.depthwise },
    { ...base, inChannels: 3, outChannels: 15, groups: 3, algorithm: Algorithm.depthwise },
  ];
  test.each(epilogues)("applies %s with and without bias and residual", async (_, activation) => {
    for (const geometry of epilogueShapes) {
      for (const bias of [false, true]) {
        for (const residual of [false, true]) {
          const options = { activation, alpha: 0.25, bias, residual };
          expectClose((await output(machine, geometry, options)).values, await expectedOutput(geometry, options), SUM);
        }
      }
    }
  });

  test.each(epilogues)("keeps NaN through %s", async (_, activation) => {
    for (const geometry of epilogueShapes) {
      const conv = new ConvCase(machine, { ...geometry, window: [1, 1], pad: [0, 0, 0, 0] });
      const input = conv.input("nan");
      const weight = conv.weight();
      const result = conv.output("positive");
      const panels = geometry.algorithm === Algorithm.depthwise ? null : await conv.panels(weight, Panels.output);
      const fields = { input, output: result, residual: null, weight, panels, bias: null, ...conv.window(), activation, alpha: 0.5 };
      await conv.run("conv2dOutput", fields);
      expect(conv.memory.read(result).every(Number.isNaN)).toBe(true);
    }
  });

  test("NaN of one pixel reaches the outputs that see it and no other", async () => {
    const conv = new ConvCase(machine, { ...base, batch: 1 });
    const values = new Array(5 * 7 * 5).fill(1);
    values[(2 * 7 + 3) * 5 + 4] = Number.NaN;
    const weight = conv.weight();
    const result = conv.output("nan");
    const panels = await conv.panels(weight, Panels.output);
    const fields = {
      input: conv.input(values),
      output: result,
      residual: null,
      weight,
      panels,
      bias: null,
      ...conv.window(),
      activation: 0,
      alpha: 0,
    };
    await conv.run("conv2dOutput", fields);
    conv.memory.read(result).forEach((value, index) => {
      const [y, x] = [Math.floor(index / 9 / 7), Math.floor(index / 9) % 7];
      expect(Number.isNaN(value)).toBe(Math.abs(y - 2) <= 1 && Math.abs(x - 3) <= 1);
    });
  });

  // Plain JavaScript takes weights from where they lie.
  const layouts = machine === "plain" ? [] : [Panels.output, Panels.inputGrad];
  test.each(layouts)("packs panels as layout %i says", async (layout) => {
    for (const geometry of [...channels, ...groups]) {
      const conv = new ConvCase(machine, geometry);
      const weight = conv.weight();
      const packed = conv.memory.read(await conv.panels(weight, layout));
      expectClose(packed, panelsOf(conv.memory.read(weight), geometry, layout), EXACT);
    }
  });
});

describe("conv2d bits", () => {
  const shapes: Geometry[] = [
    { ...base, batch: 5, height: 3, width: 3 },
    { ...base, batch: 5, height: 1, width: 1, inChannels: 67, outChannels: 45, window: [1, 1], pad: [0, 0, 0, 0] },
    { ...base, batch: 5, height: 3, width: 3, inChannels: 9, outChannels: 9, groups: 9, algorithm: Algorithm.depthwise },
  ];
  test.each(shapes.map((g): [string, Geometry] => [nameOf(g), g]))("of a sample are the same alone and in a batch: %s", async (_, geometry) => {
    for (const run of [output, inputGrad]) {
      const together = (await run("strict", geometry)).values;
      for (let sample = 0; sample < geometry.batch; sample++) {
        const length = together.length / geometry.batch;
        const alone = await sampleAlone(run === output ? "conv2dOutput" : "conv2dInputGrad", geometry, sample);
        expect(alone).toEqual(together.slice(sample * length, (sample + 1) * length));
      }
    }
  });

  const oneRow: Geometry = { ...base, batch: 1, height: 1, width: 1, inChannels: 37, window: [1, 1], pad: [0, 0, 0, 0] };
  const rows: Geometry[] = [
    ...[1, 3, 8, 10, 16, 24, 29, 32, 45, 64, 129].map((outChannels) => ({ ...oneRow, outChannels })),
    { ...oneRow, outChannels: 45, sliced: true },
    { ...oneRow, height: 3, width: 2, window: [3, 2], outChannels: 41 },
    { ...oneRow, height: 3, width: 2, window: [3, 2], outChannels: 41, sliced: true },
    { ...oneRow, height: 5, width: 4, window: [3, 2], dilation: [2, 3], outChannels: 19 },
  ];
  test.each(rows.map((g): [string, Geometry] => [nameOf(g), g]))(
    "of a single row do not tell whether the weights are packed: %s",
    async (_, geometry) => {
      for (const machine of ["strict", "relaxed"] as const) {
        for (const options of [{ bias: false }, { residual: true, activation: Activation.leakyRelu, alpha: 0.25 }]) {
          const packed = await output(machine, geometry, options);
          const unpacked = await output(machine, { ...geometry, algorithm: Algorithm.unpacked }, options);
          expect(unpacked.values).toEqual(packed.values);
          expect(unpacked.conv.surroundings(unpacked.result)).toBe(true);
        }
      }
      const { conv, input, weight, bias, values } = await output("strict", { ...geometry, algorithm: Algorithm.unpacked });
      const again = conv.output("nan");
      const fields = { input, output: again, residual: null, weight, panels: null, bias, ...conv.window(), activation: 0, alpha: 0 };
      await conv.runInThreads("conv2dOutput", fields, 3);
      expect(conv.memory.read(again)).toEqual(values);
    },
  );

  test.each(named.filter((_, index) => index % 3 === 0 || index >= named.length - special.length))(
    "do not depend on the number of threads: %s",
    async (_, geometry) => {
      const isDepthwise = geometry.algorithm === Algorithm.depthwise;
      const forward = await output("strict", geometry);
      const { conv, input, weight, bias } = forward;
      const panels = isDepthwise ? null : await conv.panels(weight, Panels.output);
      const backward = await inputGrad("strict", geometry);
      const gradPanels = isDepthwise ? null : await backward.conv.panels(backward.weight, Panels.inputGrad);
      const grad = await weightGrad("strict", geometry);
      for (const threads of [2, 7]) {
        const again = conv.output("nan");
        const outputFields = { input, output: again, residual: null, weight, panels, bias, ...conv.window(), activation: 0, alpha: 0 };
        await conv.runInThreads("conv2dOutput", outputFields, threads);
        expect(conv.memory.read(again)).toEqual(forward.values);

        const { outputGrad } = backward;
        const gradAgain = backward.conv.input("nan");
        const gradFields = { outputGrad, inputGrad: gradAgain, weight: backward.weight, panels: gradPanels, ...conv.window() };
        await backward.conv.runInThreads("conv2dInputGrad", { ...gradFields, write: Write.overwrite }, threads);
        expect(backward.conv.memory.read(gradAgain)).toEqual(backward.values);

        const [weightAgain, biasAgain] = [grad.conv.weight("nan"), grad.conv.memory.array(geometry.outChannels, "nan")];
        const weightFields = { input: grad.input, outputGrad: grad.outputGrad, weightGrad: weightAgain, biasGrad: biasAgain };
        await grad.conv.runInThreads("conv2dWeightGrad", { ...weightFields, ...conv.window(), write: 0 }, threads);
        expect(grad.conv.memory.read(weightAgain)).toEqual(grad.values);
        expect(grad.conv.memory.read(biasAgain)).toEqual(grad.biasValues);
      }
    },
  );
});

/** One sample of the batch that output() or inputGrad() makes, run as a batch of 1. */
async function sampleAlone(kernel: "conv2dOutput" | "conv2dInputGrad", geometry: Geometry, sample: number): Promise<Float64Array> {
  const whole = kernel === "conv2dOutput" ? await output("strict", geometry) : await inputGrad("strict", geometry);
  const of = (values: Float64Array) => values.slice((sample * values.length) / geometry.batch, ((sample + 1) * values.length) / geometry.batch);
  const conv = new ConvCase("strict", { ...geometry, batch: 1 });
  const isDepthwise = geometry.algorithm === Algorithm.depthwise;
  const weight = conv.weight(whole.conv.memory.read(whole.weight));
  const read = whole.conv.memory.read.bind(whole.conv.memory);
  if ("outputGrad" in whole) {
    const result = conv.input("nan");
    const panels = isDepthwise ? null : await conv.panels(weight, Panels.inputGrad);
    const outputGrad = conv.output(of(read(whole.outputGrad)), outputGradHalo(geometry));
    await conv.run("conv2dInputGrad", { outputGrad, inputGrad: result, weight, panels, ...conv.window(), write: Write.overwrite });
    return conv.memory.read(result);
  }
  const result = conv.output("nan");
  const panels = isDepthwise ? null : await conv.panels(weight, Panels.output);
  const input = conv.input(of(read(whole.input)));
  const bias = whole.bias && conv.memory.array(geometry.outChannels, read(whole.bias));
  await conv.run("conv2dOutput", { input, output: result, residual: null, weight, panels, bias, ...conv.window(), activation: 0, alpha: 0 });
  return conv.memory.read(result);
}
