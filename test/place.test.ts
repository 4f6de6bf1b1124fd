/** Where tensors lie: pixels two cache lines apart where depthwise convolutions would meet few sets of a cache, and the same bits as elsewhere. */
import { describe, expect, test } from "vitest";
import type { Engine } from "../src/engine.ts";
import type { Model, ModelOptions, TensorData } from "../src/index.ts";
import * as convlet from "../src/index.ts";
import { load } from "../src/run.ts";
import type { Compiled, Session } from "../src/training/session.ts";

import { bits, labels, numbers } from "./support/networks.ts";

const { add, batchNormalization, conv2d, dense, depthwiseConv2d, flatten, input, maxPooling2d } = convlet;

const CROWDED = 512;
/** Far enough from a multiple of 512. */
const ROOMY = 552;
const LINES = 32;
const BATCH = 3;
const x = numbers(BATCH * 9 * 10 * 3);
const y = labels(BATCH, 3);

/** Everything that reads or writes what a depthwise convolution does. */
function network(channels: number, options: ModelOptions = {}): Model {
  const inputs = input({ shape: [9, 10, 3] });
  const first = batchNormalization().apply(conv2d({ filters: channels, kernelSize: 1, activation: "tanh" }).apply(inputs));
  const second = depthwiseConv2d({ kernelSize: 3, padding: "same", activation: "swish" }).apply(first);
  const sum = convlet.relu().apply(add().apply([first, second]));
  const pooled = maxPooling2d().apply(depthwiseConv2d({ kernelSize: 3, strides: 2, padding: "same" }).apply(sum));
  const mean = convlet.globalAveragePooling2d().apply(pooled);
  const model = convlet.model(
    { inputs, outputs: dense({ units: 3, activation: "softmax" }).apply(mean) },
    { seed: 2, numerics: "strict", ...options },
  );
  model.compile({ optimizer: convlet.sgd({ learningRate: 0.1 }), loss: "sparseCategoricalCrossentropy" });
  return model;
}

/** `from` in the place of the first channels of `shape`, zeros in the others. */
function widened({ data, shape: from }: TensorData, shape: readonly number[]): Float32Array {
  const [narrow, wide] = [from, shape].map((sizes) => (sizes[0] === CROWDED || sizes[0] === ROOMY ? [1, ...sizes] : sizes));
  const axis = narrow.findIndex((size, index) => size !== wide[index]);
  if (axis < 0) return Float32Array.from(data);
  const inner = narrow.slice(axis + 1).reduce((a, b) => a * b, 1);
  const result = new Float32Array(wide.reduce((a, b) => a * b, 1));
  for (let at = 0; at < data.length; at++) {
    const outer = Math.floor(at / (narrow[axis] * inner));
    result[outer * wide[axis] * inner + (at - outer * narrow[axis] * inner)] = data[at];
  }
  return result;
}

/** What is left of `widened` arrays. */
function narrowed(wide: TensorData, shape: readonly number[]): number[] {
  const ones = { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1) };
  const mask = widened(ones, wide.shape);
  return bits(Float32Array.from(wide.data).filter((_, index) => mask[index] === 1));
}

function stridesOf(model: Model, kernel: string): number[] {
  const { session, compiled } = model as unknown as { engine: Engine; session: Session; compiled: Compiled };
  const { steps, tensors } = session.trainingProgram(compiled, BATCH).program;
  const fields = steps.filter((step) => step.kernel === kernel).flatMap((step) => Object.values(step.fields));
  return fields.flatMap((field) => (typeof field === "object" && field !== null && "tensor" in field ? [tensors[field.tensor].pixelStride] : []));
}

describe("a depthwise convolution of 512 channels", () => {
  test("its tensors have lines between their pixels; those that are flattened, and others' have none", async () => {
    const own = { kernelSize: 3, padding: "same" } as const;
    const layers = [
      conv2d({ filters: CROWDED, kernelSize: 1 }),
      batchNormalization(),
      depthwiseConv2d(own),
      maxPooling2d(),
      flatten(),
      dense({ units: 3 }),
    ];
    using model = convlet.sequential([input({ shape: [9, 10, 3] }), ...layers]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    await model.ready;
    expect(stridesOf(model, "batchNormalizationOutput")).toEqual([CROWDED, CROWDED + LINES]);
    expect(stridesOf(model, "pool2dOutput")).toEqual([CROWDED + LINES, CROWDED]);
    using near = network(CROWDED + 1);
    await near.ready;
    expect(stridesOf(near, "batchNormalizationOutput")).toEqual([CROWDED + 1, CROWDED + 1 + LINES]);
    using roomy = network(ROOMY);
    await roomy.ready;
    expect(stridesOf(roomy, "batchNormalizationOutput")).toEqual([ROOMY, ROOMY]);
  });

  test.each([1, 3])("the same bits as among 552, on %i threads", async (threads) => {
    using crowded = network(CROWDED, { threads });
    using roomy = network(ROOMY);
    const shapes = roomy.getWeights().map(({ shape }) => shape);
    roomy.setWeights(crowded.getWeights().map((weight, index) => widened(weight, shapes[index])));
    expect(bits((await crowded.predict(x)).data)).toEqual(bits((await roomy.predict(x)).data));
    const gradients = Object.values(await crowded.gradients(x, y));
    const wanted = Object.values(await roomy.gradients(x, y));
    gradients.forEach((gradient, index) => {
      expect(bits(gradient.data)).toEqual(narrowed(wanted[index], gradient.shape));
    });
  });

  test("exported", async () => {
    using model = network(CROWDED);
    using program = await load(convlet.exportProgram(model), { numerics: "strict" });
    expect(bits((await program.predict(x)).data)).toEqual(bits((await model.predict(x)).data));
  });
});
