/** plain64, the oracle of conv2d.test.ts, against the definition and against itself. */
import { describe, expect, test } from "vitest";
import { Write } from "../../build/records.ts";
import { expectClose } from "../support/kernels.ts";
import { ConvCase, type Geometry, output, outputGradHalo, outSize } from "./conv2dCase.ts";
import { base, named, pad } from "./conv2dShapes.ts";

describe("conv2d in float64", () => {
  test.each(named)("output is the definition: %s", async (_, geometry) => {
    const { conv, input, weight, bias, values } = await output("plain64", geometry);
    const read = conv.memory.read.bind(conv.memory);
    expectClose(
      values.subarray(0, (values.length / (geometry.capacity ?? geometry.batch)) * geometry.batch),
      scattered(geometry, read(input), read(weight), read(bias!)),
      F64_SUM,
    );
  });

  test.each(named)("gradients are adjoint to output: %s", async (_, geometry) => {
    const whole = { ...geometry, batch: geometry.capacity ?? geometry.batch };
    const { read, output: y, cotangent, inputGrad: dx, weightGrad: dw, input: x, weight: w } = await adjoint(whole);
    const loss = dot(read(y), read(cotangent));
    expect(Math.abs(dot(read(x), read(dx)) - loss)).toBeLessThan(F64_SUM * norm(read(x)) * norm(read(dx)));
    expect(Math.abs(dot(read(w), read(dw)) - loss)).toBeLessThan(F64_SUM * norm(read(w)) * norm(read(dw)));
  });

  test("gradients are differences of a random loss", async () => {
    for (const geometry of [base, { ...base, stride: [2, 1], dilation: [1, 2], pad, inChannels: 6, outChannels: 4, groups: 2 } as Geometry]) {
      const at = await adjoint(geometry);
      const loss = async (change: { input?: number; weight?: number }) => {
        const moved = await adjoint(geometry, change);
        return dot(moved.read(moved.output), moved.read(moved.cotangent));
      };
      const here = await loss({});
      for (const index of [0, 17, 53]) {
        expect(((await loss({ input: index })) - here) / STEP).toBeCloseTo(at.read(at.inputGrad)[index], 6);
        expect(((await loss({ weight: index })) - here) / STEP).toBeCloseTo(at.read(at.weightGrad)[index], 6);
      }
    }
  });
});

/** float64 sums of a few thousand terms in another order. */
const F64_SUM = 1e-12;
const STEP = 1e-3;

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, index) => sum + value * b[index], 0);
const norm = (a: Float64Array) => Math.sqrt(dot(a, a));

/** Output without bias, and both gradients of Σ output · cotangent, in one memory; `change` moves one input or weight by STEP. */
async function adjoint(geometry: Geometry, change: { input?: number; weight?: number } = {}) {
  const conv = new ConvCase("plain64", geometry);
  const read = conv.memory.read.bind(conv.memory);
  const moved = (values: Float64Array, index: number | undefined) => values.map((value, i) => (i === index ? value + STEP : value));
  const input = conv.input(moved(read(conv.input()), change.input));
  const weight = conv.weight(moved(read(conv.weight()), change.weight));
  const [result, cotangent] = [conv.output("nan"), conv.output("random", outputGradHalo(geometry))];
  const [dx, dw] = [conv.input("nan"), conv.weight("nan")];
  const window = conv.window();
  await conv.run("conv2dOutput", { input, output: result, residual: null, weight, panels: null, bias: null, ...window, activation: 0, alpha: 0 });
  await conv.run("conv2dInputGrad", { outputGrad: cotangent, inputGrad: dx, weight, panels: null, ...window, write: Write.overwrite });
  await conv.run("conv2dWeightGrad", { input, outputGrad: cotangent, weightGrad: dw, biasGrad: null, ...window, write: 0 });
  return { read, input, weight, output: result, cotangent, inputGrad: dx, weightGrad: dw };
}

/** The convolution from the input's side: every input value goes to the outputs whose windows hold it. */
function scattered(geometry: Geometry, input: Float64Array, weight: Float64Array, bias: Float64Array): Float64Array {
  const { batch, height, width, inChannels, outChannels, window, groups = 1 } = geometry;
  const { stride = [1, 1], dilation = [1, 1], pad: [top, , left] = [0, 0, 0, 0] } = geometry;
  const [outHeight, outWidth] = [outSize(geometry, 0), outSize(geometry, 1)];
  const result = Float64Array.from({ length: batch * outHeight * outWidth * outChannels }, (_, index) => bias[index % outChannels]);
  for (let index = 0; index < batch * height * width * inChannels; index++) {
    const [channel, pixel] = [index % inChannels, Math.floor(index / inChannels)];
    const [x, y, image] = [pixel % width, Math.floor(pixel / width) % height, Math.floor(pixel / width / height)];
    const [groupIn, groupOut] = [inChannels / groups, outChannels / groups];
    const group = Math.floor(channel / groupIn);
    for (let tap = 0; tap < window[0] * window[1]; tap++) {
      const outY = (y + top - Math.floor(tap / window[1]) * dilation[0]) / stride[0];
      const outX = (x + left - (tap % window[1]) * dilation[1]) / stride[1];
      if (!Number.isInteger(outY) || !Number.isInteger(outX) || outY < 0 || outY >= outHeight || outX < 0 || outX >= outWidth) continue;
      for (let out = group * groupOut; out < (group + 1) * groupOut; out++) {
        const cell = (tap * groupIn + (channel % groupIn)) * outChannels + out;
        result[((image * outHeight + outY) * outWidth + outX) * outChannels + out] += input[index] * weight[cell];
      }
    }
  }
  return result;
}
