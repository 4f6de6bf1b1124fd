/** What the compiler joins: which records are left, and that the numbers stay. */
import { describe, expect, test } from "vitest";
import type { KernelName } from "../build/records.ts";
import type { Engine } from "../src/engine.ts";
import * as convlet from "../src/index.ts";
import type { Program } from "../src/program.ts";
import type { Compiled, Session } from "../src/training/session.ts";
import type { Layer, Model } from "./support/api.ts";
import { labels, numbers } from "./support/networks.ts";

const { conv2d, dense, flatten, maxPooling2d } = convlet;

function trainingProgram(model: Model, capacity: number): Program {
  const { session, compiled } = model as unknown as { engine: Engine; session: Session; compiled: Compiled };
  return session.trainingProgram(compiled, capacity).program;
}

function kernels({ steps }: Program, layer: string): KernelName[] {
  return steps.filter(({ name, section }) => name === layer && section !== "prepare" && section !== "repack").map(({ kernel }) => kernel);
}

function classifier(...layers: Layer[]): Model {
  const model = convlet.sequential([convlet.input({ shape: [9, 10, 3] }), ...layers, flatten(), dense({ units: 3, activation: "softmax" })], {
    seed: 1,
  });
  model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
  return model;
}

/** Gradients by parameter, with 0 for -0. */
async function gradients(model: Model): Promise<number[][]> {
  const all = await model.gradients(numbers(4 * 270), labels(4, 3));
  return Object.values(all).map(({ data }) => Array.from(data, (value) => value + 0));
}

describe("max pooling behind relu", () => {
  const relu = { filters: 18, kernelSize: 3, activation: "relu" } as const;

  test("its gradient is that before the relu", async () => {
    using model = classifier(conv2d(relu), maxPooling2d());
    await model.ready;
    expect(kernels(trainingProgram(model, 4), "conv2d")).toEqual(["conv2dOutput", "conv2dWeightGrad"]);
  });

  test("the convolution's output is not kept for the backward pass", async () => {
    using model = classifier(conv2d(relu), maxPooling2d());
    using kept = classifier(conv2d(relu), convlet.averagePooling2d());
    await Promise.all([model.ready, kept.ready]);
    const output = 4 * 64 * 7 * 8 * 18;
    const pooled = output / 4;
    expect(trainingProgram(kept, 64).arenaBytes).toBeGreaterThan(2 * output);
    expect(trainingProgram(model, 64).arenaBytes).toBeLessThan(output + 4 * pooled);
  });

  test.each([
    ["2x2", maxPooling2d()],
    ["3x3, overlapping", maxPooling2d({ poolSize: 3, strides: 2, padding: "same" })],
  ])("%s: the same gradients as with a relu of its own derivative", async (_, pooling) => {
    using fused = classifier(conv2d(relu), pooling);
    const leaky = convlet.leakyRelu({ alpha: 0 });
    using apart = classifier(conv2d({ ...relu, activation: "linear" }), leaky, pooling);
    await Promise.all([fused.ready, apart.ready]);
    apart.setWeights(fused.getWeights());
    expect(kernels(trainingProgram(apart, 4), "conv2d")).toContain("activationInputGrad");
    expect(await gradients(fused)).toEqual(await gradients(apart));
  });

  test("not where somebody else reads the relu", async () => {
    const x = convlet.input({ shape: [9, 10, 3] });
    const first = conv2d(relu).apply(x);
    const pools = [maxPooling2d().apply(first), convlet.averagePooling2d().apply(first)];
    const outputs = dense({ units: 3, activation: "softmax" }).apply(flatten().apply(convlet.add().apply(pools)));
    using model = convlet.model({ inputs: x, outputs });
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    await model.ready;
    expect(kernels(trainingProgram(model, 4), "conv2d")).toContain("activationInputGrad");
  });
});

describe("a sum behind a convolution", () => {
  const same = { filters: 3, kernelSize: 3, padding: "same" } as const;
  /** Two blocks: x + conv(x) with relu behind, and two branches of which the shortcut is written last; normalized in between. */
  function residual(): Model {
    const x = convlet.input({ shape: [9, 10, 3] });
    const relu = (value: ReturnType<typeof convlet.input>) => convlet.relu().apply(value);
    const first = relu(convlet.add({ name: "first" }).apply([x, convlet.batchNormalization({ momentum: 0.5 }).apply(conv2d(same).apply(x))]));
    const second = relu(convlet.add({ name: "second" }).apply([first, conv2d(same).apply(first)]));
    const deep = conv2d({ ...same, filters: 7 }).apply(relu(conv2d(same).apply(second)));
    const third = relu(convlet.add({ name: "third" }).apply([deep, conv2d({ filters: 7, kernelSize: 1 }).apply(second)]));
    const outputs = dense({ units: 3, activation: "softmax" }).apply(flatten().apply(maxPooling2d().apply(third)));
    const model = convlet.model({ inputs: x, outputs }, { seed: 4, numerics: "strict" });
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    return model;
  }

  test("is added to the sums in its registers", async () => {
    using model = residual();
    await model.ready;
    const program = trainingProgram(model, 4);
    expect(kernels(program, "first")).toContain("binaryOutput");
    expect([...kernels(program, "second"), ...kernels(program, "third")]).toEqual([]);
    expect(program.steps.filter(({ kernel, fields }) => kernel === "conv2dOutput" && fields.residual !== null).length).toBe(2);
  });

  test("gives the bits of the sum apart, folded normalization included", async () => {
    using model = residual();
    const x = numbers(4 * 270);
    await model.fit(x, labels(4, 3), { epochs: 2, batchSize: 2, verbose: 0 });
    const last = model.layers[model.layers.length - 1].name;
    const apart = (await model.activations(x, [...model.layers.filter(({ name }) => name.startsWith("conv2d")).map(({ name }) => name), last]))[last];
    const predicted = await model.predict(x);
    for (const [index, value] of predicted.data.entries()) expect(Math.abs(value - apart.data[index])).toBeLessThan(1e-6);
  });
});
