/** add, multiply with broadcasting, concat, pixel sums and affine against PyTorch. */
import { describe, test } from "vitest";
import { Binary, Write } from "../../build/records.ts";
import { writeTensor } from "../../src/machine/records.ts";
import { expectClose, machineNames, TestMemory, type TestTensor } from "../support/kernels.ts";
import { caseRows, type GoldenCase, readCases, tolerance } from "./cases.ts";

type Shape4 = [number, number, number, number];

/** Another view of a tensor's bytes. */
function view(memory: TestMemory, tensor: TestTensor, changes: Partial<TestTensor["descriptor"]>): TestTensor {
  const descriptor = { ...tensor.descriptor, ...changes };
  const { address } = memory.tensor([1, 1, 1, 1]);
  writeTensor(memory.memory.buffer, address, descriptor);
  return { ...tensor, address, descriptor };
}

/** A tensor holding golden array `name`; axes of size 1 that `shape` has more of are repeated by strides of 0. */
function operand(memory: TestMemory, golden: GoldenCase, name: string, shape: Shape4): TestTensor {
  const own = golden.shape4(name);
  const tensor = memory.tensor(own, { values: golden.data(name) });
  const [batch, height, width] = shape;
  const strides = {
    ...(own[1] === height ? {} : { height, rowStride: 0 }),
    ...(own[2] === width ? {} : { width, pixelStride: 0 }),
    ...(own[0] === batch ? {} : { imageStride: 0 }),
  };
  return { ...view(memory, tensor, strides), batch };
}

describe.each(machineNames)("golden binary on %s", (machine) => {
  test.each(caseRows("binary"))("%s", async (_, golden) => {
    const memory = new TestMemory(machine);
    const shape = golden.shape4("left");
    const kind = Binary[golden.text("kind") as keyof typeof Binary];
    const left = operand(memory, golden, "left", shape);
    const right = operand(memory, golden, "right", shape);
    const output = memory.tensor(shape, { values: "nan" });
    await memory.run("binaryOutput", { left, right, output, kind, write: Write.overwrite });
    expectClose(memory.read(output), golden.data("output"), tolerance(machine), "output");

    const outputGrad = operand(memory, golden, "outputGrad", shape);
    const leftGrad = await timesGradient(memory, outputGrad, right, kind, shape);
    expectClose(memory.read(leftGrad), golden.data("leftGrad"), tolerance(machine), "leftGrad");
    const rightGrad = await summedTo(memory, await timesGradient(memory, outputGrad, left, kind, shape), golden.shape4("right"));
    expectClose(rightGrad, golden.data("rightGrad"), tolerance(machine), "rightGrad");
  });
});

/** The sum over every axis that was repeated. */
async function summedTo(memory: TestMemory, gradient: TestTensor, shape: Shape4): Promise<Float64Array> {
  if (shape[0] !== gradient.batch) return channelSums(memory, gradient);
  if (shape[1] === gradient.descriptor.height) return memory.read(gradient);
  const output = memory.tensor(shape, { values: "nan" });
  await memory.run("pixelSum", { input: gradient, output, write: Write.overwrite });
  return memory.read(output);
}

/** outputGrad · other for multiply, outputGrad itself for add. */
async function timesGradient(memory: TestMemory, outputGrad: TestTensor, other: TestTensor, kind: number, shape: Shape4): Promise<TestTensor> {
  if (kind === Binary.add) return outputGrad;
  const output = memory.tensor(shape, { values: "nan" });
  await memory.run("binaryOutput", { left: outputGrad, right: other, output, kind, write: Write.overwrite });
  return output;
}

describe.each(machineNames)("golden simple ops on %s", (machine) => {
  const [concat, pixelSum, affine] = readCases("simple");

  test("concat", async () => {
    const memory = new TestMemory(machine);
    const joined = memory.tensor(concat.shape4("output"), { values: "nan" });
    const joinedGrad = memory.tensor(concat.shape4("output"), { values: concat.data("outputGrad") });
    let at = 0;
    for (const name of ["left", "right"]) {
      const shape = concat.shape4(name);
      const input = memory.tensor(shape, { values: concat.data(name) });
      const slice = { base: joined.descriptor.base + at * memory.elementBytes, channels: shape[3] };
      await memory.run("copy", { input, output: view(memory, joined, slice), write: Write.overwrite });
      const gradient = memory.tensor(shape, { values: "nan" });
      const gradientSlice = view(memory, joinedGrad, { ...slice, base: joinedGrad.descriptor.base + at * memory.elementBytes });
      await memory.run("copy", { input: gradientSlice, output: gradient, write: Write.overwrite });
      expectClose(memory.read(gradient), concat.data(`${name}Grad`), tolerance(machine), `${name}Grad`);
      at += shape[3];
    }
    expectClose(memory.read(joined), concat.data("output"), tolerance(machine), "output");
  });

  test("pixelSum, and its gradient by broadcasting", async () => {
    const memory = new TestMemory(machine);
    const shape = pixelSum.shape4("input");
    const input = memory.tensor(shape, { values: pixelSum.data("input") });
    const output = memory.tensor(pixelSum.shape4("output"), { values: "nan" });
    await memory.run("pixelSum", { input, output, write: Write.overwrite });
    expectClose(memory.read(output), pixelSum.data("output"), tolerance(machine), "output");
    const outputGrad = operand(memory, pixelSum, "outputGrad", shape);
    const inputGrad = memory.tensor(shape, { values: "nan" });
    await memory.run("copy", { input: outputGrad, output: inputGrad, write: Write.overwrite });
    expectClose(memory.read(inputGrad), pixelSum.data("inputGrad"), tolerance(machine), "inputGrad");
  });

  test("affine", async () => {
    const memory = new TestMemory(machine);
    const shape = affine.shape4("input");
    const [input, outputGrad] = ["input", "outputGrad"].map((name) => memory.tensor(shape, { values: affine.data(name) }));
    const [output, inputGrad, products] = [1, 2, 3].map(() => memory.tensor(shape, { values: "nan" }));
    const [scale, offset] = ["scale", "offset"].map((name) => memory.array(shape[3], affine.data(name)));
    await memory.run("affineOutput", { input, output, scale, offset, write: Write.overwrite });
    expectClose(memory.read(output), affine.data("output"), tolerance(machine), "output");
    await memory.run("affineOutput", { input: outputGrad, output: inputGrad, scale, offset: null, write: Write.overwrite });
    expectClose(memory.read(inputGrad), affine.data("inputGrad"), tolerance(machine), "inputGrad");
    await memory.run("binaryOutput", { left: input, right: outputGrad, output: products, kind: Binary.multiply, write: Write.overwrite });
    expectClose(await channelSums(memory, products), affine.data("scaleGrad"), tolerance(machine), "scaleGrad");
    expectClose(await channelSums(memory, outputGrad), affine.data("offsetGrad"), tolerance(machine), "offsetGrad");
  });
});

/** Over batch and pixels: the batch taken as one tall image. */
async function channelSums(memory: TestMemory, input: TestTensor): Promise<Float64Array> {
  const tall = view(memory, input, { height: input.descriptor.height * input.batch });
  const output = memory.tensor([1, 1, 1, input.descriptor.channels], { values: "nan" });
  await memory.run("pixelSum", { input: tall, output, write: Write.overwrite }, { batch: 1 });
  return memory.read(output);
}
