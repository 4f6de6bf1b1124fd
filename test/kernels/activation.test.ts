import { describe, expect, test } from "vitest";
import { Activation, Write } from "../../build/records.ts";
import { erfc } from "../../src/math.ts";
import { EXACT, expectClose, type MachineName, machineNames, seededRandom, type TensorOptions, TestMemory } from "../support/kernels.ts";

type Name = keyof typeof Activation;
const names = Object.keys(Activation) as Name[];

const ALPHA = Math.fround(0.3);
const SCALE = 1.05070098735548;
const SELU_ALPHA = 1.67326324235438;
const relu6 = (x: number) => Math.min(Math.max(x, 0), 6);
const sigmoid = (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const normalCdf = (x: number) => erfc(-x / Math.SQRT2) / 2;

/** Keras 3's formulas. */
const value: Record<Name, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6,
  leakyRelu: (x) => (x < 0 ? ALPHA * x : x),
  elu: (x) => (x < 0 ? ALPHA * Math.expm1(x) : x),
  selu: (x) => SCALE * (x < 0 ? SELU_ALPHA * Math.expm1(x) : x),
  sigmoid,
  tanh: Math.tanh,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  swish: (x) => x * sigmoid(x),
  gelu: (x) => x * normalCdf(x),
  hardSigmoid: (x) => relu6(x + 3) / 6,
  hardSwish: (x) => x * (relu6(x + 3) / 6),
};

const fromInput = new Set<Name>(["swish", "gelu", "hardSwish"]);

/** Relative to each value, down to denormals: polynomial, quotient and a few roundings of 6e-8. */
const F32_RELATIVE = 4e-7;
/** gelu's tail: x² / 2 is rounded before the exponential, 6e-8 · x² / 2 at x = −13. */
const F32_GELU_TAIL = 6e-6;
/** Against Math in double precision, see test/math.test.ts; gelu's tail again has the error of its argument, 1e-16 · x². */
const F64_RELATIVE = 5e-15;
const F64_GELU_TAIL = 1e-12;
/** Gradients from a rounded output: 1 − y has an absolute error. Relative to the outgoing gradient. */
const F32_SLOPE = 5e-7;
/** Central differences with step 1e-5: truncation 1e-10 · f‴ / 6, rounding 1e-16 / 1e-5. */
const FINITE_DIFFERENCE = 1e-9;

function relativeTolerance(machine: MachineName, name: Name): number {
  if (machine === "plain64") return name === "gelu" ? F64_GELU_TAIL : F64_RELATIVE;
  return name === "gelu" ? F32_GELU_TAIL : F32_RELATIVE;
}

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const hostile = [0, -0, inf, -inf, nan, 1e-45, -1e-45, 1e-40, -1e-40, 1e-38, -1e-38, 1e38, -1e38, 3e38, -3e38, 200, -200, 103.9, -103.9, 3, -3, 6];
const range = (low: number, high: number, count: number) => Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
const sweep = [...range(-100, 100, 6001), ...range(-6, 6, 3001), ...range(-0.01, 0.01, 501)].map(Math.fround);

async function apply(machine: MachineName, name: Name, values: number[], options: TensorOptions = {}): Promise<Float64Array> {
  const memory = new TestMemory(machine);
  const input = memory.tensor([1, 1, 1, values.length], { ...options, values: values.map(Math.fround) });
  const output = memory.tensor([1, 1, 1, values.length], { values: "nan" });
  await memory.run("activationOutput", { input, output, activation: Activation[name], alpha: ALPHA });
  return memory.read(output);
}

async function gradient(machine: MachineName, name: Name, reference: ArrayLike<number>, outputGrad: ArrayLike<number>): Promise<Float64Array> {
  const memory = new TestMemory(machine);
  const shape: [number, number, number, number] = [1, 1, 1, reference.length];
  const fields = {
    reference: memory.tensor(shape, { values: reference }),
    outputGrad: memory.tensor(shape, { values: outputGrad }),
    inputGrad: memory.tensor(shape, { values: "nan" }),
  };
  await memory.run("activationInputGrad", { ...fields, activation: Activation[name], alpha: ALPHA, write: Write.overwrite });
  return memory.read(fields.inputGrad);
}

/** Near denormals an error is counted in steps of the smallest number; a factor of x multiplies it. */
function expectRelative(actual: ArrayLike<number>, expected: number[], tolerance: number, inputs: number[], single: boolean): void {
  const smallest = single ? 1.5e-45 : 5e-324;
  for (let i = 0; i < expected.length; i++) {
    const e = single ? Math.fround(expected[i]) : expected[i];
    const same = Object.is(actual[i], e) || Math.abs(actual[i] - e) <= Math.abs(e) * tolerance + smallest * (2 + Math.abs(inputs[i]));
    if (!same) throw new Error(`at ${inputs[i]}: got ${actual[i]}, expected ${e} (tolerance ${tolerance})`);
  }
}

/** Every element has the bits that it has in one long run, whatever the strides, in place or added. */
async function expectLayoutsAgree(machine: MachineName, name: Name, channels: number): Promise<void> {
  const shape: [number, number, number, number] = [2, 3, 2, channels];
  const random = seededRandom(channels);
  const values = Array.from({ length: 12 * channels }, () => Math.fround(8 * random()));
  const grads = values.map(random);
  const oneRun = await apply(machine, name, values);
  const references = fromInput.has(name) ? values : oneRun;
  const gradRun = await gradient(machine, name, references, grads);
  const memory = new TestMemory(machine);
  const f = { activation: Activation[name], alpha: ALPHA };
  for (const options of [{}, { halo: [1, 0, 2, 1] }, { slice: { of: channels + 3, at: 2 } }] as TensorOptions[]) {
    const input = memory.tensor(shape, { ...options, values });
    const output = memory.tensor(shape, { ...options, values: "nan" });
    await memory.run("activationOutput", { input, output, ...f });
    expectClose(memory.read(output), oneRun, EXACT, `${channels} channels`);
    await memory.run("activationOutput", { input, output: input, ...f });
    expectClose(memory.read(input), oneRun, EXACT, "in place");

    const reference = memory.tensor(shape, { ...options, values: references });
    const outputGrad = memory.tensor(shape, { values: grads });
    const inputGrad = memory.tensor(shape, { ...options, values: "nan" });
    await memory.run("activationInputGrad", { reference, outputGrad, inputGrad, ...f, write: Write.overwrite });
    expectClose(memory.read(inputGrad), gradRun, EXACT, "gradient");
    await memory.run("activationInputGrad", { reference, outputGrad, inputGrad, ...f, write: Write.add });
    const twice = gradRun.map((g) => 2 * g);
    expectClose(memory.read(inputGrad), twice, EXACT, "added gradient");
    await memory.run("activationInputGrad", { reference, outputGrad, inputGrad: outputGrad, ...f, write: Write.overwrite });
    expectClose(memory.read(outputGrad), gradRun, EXACT, "gradient in place");
  }
}

describe.each(machineNames)("activations on %s", (machine) => {
  const single = machine !== "plain64";

  test.each(names)("%s agrees with its formula on hostile values and from -100 to 100", async (name) => {
    const inputs = [...hostile, ...sweep].map(Math.fround);
    expectRelative(await apply(machine, name, inputs), inputs.map(value[name]), relativeTolerance(machine, name), inputs, single);
  });

  test("saturates where the formula does", async () => {
    const at = async (name: Name, ...x: number[]) => [...(await apply(machine, name, x))];
    expect(await at("sigmoid", 200, -200, inf, -inf)).toEqual([1, single ? 0 : Math.exp(-200), 1, 0]);
    expect(await at("softplus", 100, inf, -inf)).toEqual([100, inf, 0]);
    expect(await at("tanh", 20, -20, inf, -inf, -0)).toEqual([1, -1, 1, -1, -0]);
    expect(await at("elu", -inf, -0)).toEqual([-ALPHA, -0]);
    expect(await at("gelu", inf, -40)).toEqual([inf, -0]);
  });

  test.each(names)("%s: the derivative is the formula's", async (name) => {
    const step = 1e-6;
    const kinks = [-3, 0, 3, 6];
    const inputs = sweep.filter((x) => kinks.every((kink) => Math.abs(x - kink) > 1e-4));
    const random = seededRandom(5);
    const outputGrad = inputs.map(random);
    const reference = fromInput.has(name) ? inputs : await apply(machine, name, inputs);
    const actual = await gradient(machine, name, reference, outputGrad);
    inputs.forEach((x, i) => {
      const slope = (value[name](x + step) - value[name](x - step)) / (2 * step);
      // The quotient's own error: rounding of f over the step.
      const tolerance = F32_SLOPE + (2e-16 * Math.abs(x)) / step;
      if (!(Math.abs(actual[i] - slope * outputGrad[i]) <= tolerance))
        throw new Error(`${name}' at ${x}: got ${actual[i]}, expected ${slope * outputGrad[i]}`);
    });
  });

  test.each(names)("%s: values and gradients do not depend on layout", async (name) => {
    for (const channels of name === "tanh" ? range(1, 17, 17) : [1, 3, 4, 6]) await expectLayoutsAgree(machine, name, channels);
  });

  test("derivatives at kinks are Keras'", async () => {
    const at = async (name: Name, ...reference: number[]) => [
      ...(await gradient(
        machine,
        name,
        reference,
        reference.map(() => 1),
      )),
    ];
    expect(await at("relu", 0, -0, 1e-40)).toEqual([0, 0, 1]);
    expect(await at("relu6", 0, 6, 3)).toEqual([0, 0, 1]);
    expect(await at("leakyRelu", 0, 1, -1)).toEqual([ALPHA, 1, ALPHA]);
    expect(await at("elu", 0)).toEqual([1]);
    expect(await at("hardSigmoid", 0, 1)).toEqual([0, 0]);
    expect(await at("hardSwish", -3, 3)).toEqual([0, 1]);
  });

  test.each(names)("%s: NaN is not lost", async (name) => {
    expect([...(await apply(machine, name, [nan, 1, nan]))].map(Number.isNaN)).toEqual([true, false, true]);
    expect([...(await gradient(machine, name, [0.5, 0.5], [nan, 1]))].map(Number.isNaN)).toEqual([true, false]);
  });

  test("a closed relu stops an infinite gradient", async () => {
    expect([...(await gradient(machine, "relu", [0, 1, 0], [inf, inf, nan]))]).toEqual([0, inf, 0]);
  });

  test("leaves samples beyond the batch alone", async () => {
    const memory = new TestMemory(machine);
    const input = memory.tensor([3, 2, 2, 3]);
    const output = memory.tensor([3, 2, 2, 3], { values: "nan" });
    await memory.run("activationOutput", { input, output, activation: Activation.tanh, alpha: 0 }, { batch: 2 });
    expect(memory.read(output).findIndex(Number.isNaN)).toBe(24);
  });
});

test.each(names)("%s: the gradient is the adjoint in float64", async (name) => {
  const random = seededRandom(11);
  const inputs = Array.from({ length: 200 }, () => 5 * random()).filter((x) => [-3, 0, 3].every((kink) => Math.abs(x - kink) > 1e-3));
  const cotangent = inputs.map(random);
  const step = 1e-5;
  const run = async (values: number[]) => {
    const memory = new TestMemory("plain64");
    const input = memory.tensor([1, 1, 1, values.length], { values });
    await memory.run("activationOutput", { input, output: input, activation: Activation[name], alpha: ALPHA });
    return memory.read(input);
  };
  const [above, below] = [await run(inputs.map((x) => x + step)), await run(inputs.map((x) => x - step))];
  const reference = fromInput.has(name) ? inputs : await run(inputs);
  const expected = inputs.map((_, i) => (cotangent[i] * (above[i] - below[i])) / (2 * step));
  expectClose(await gradient("plain64", name, reference, cotangent), expected, FINITE_DIFFERENCE);
});

test.each(names)("%s: strict and plain gradients agree on hostile references", async (name) => {
  const inputs = [...hostile, ...sweep];
  const references = fromInput.has(name) ? inputs.map(Math.fround) : await apply("strict", name, inputs);
  const grads = inputs.map(seededRandom(3));
  const strict = await gradient("strict", name, references, grads);
  const plain = await gradient("plain", name, references, grads);
  inputs.forEach((x, i) => {
    if (!(Object.is(strict[i], plain[i]) || Math.abs(strict[i] - plain[i]) <= F32_SLOPE)) {
      throw new Error(`${name}' at ${x}: strict ${strict[i]}, plain ${plain[i]}`);
    }
  });
});
