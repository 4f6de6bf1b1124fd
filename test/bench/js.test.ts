/** The tuned baseline against the obvious nests in float64, and its gradients against finite differences of those nests. */
import { beforeEach, describe, expect, test } from "vitest";
import { ADAM_DEFAULTS, adam } from "../../bench/js/adam.ts";
import { conv2dInputGrad, conv2dOutput, conv2dWeightGrad, prepareConv2d } from "../../bench/js/conv2d.ts";
import { type Conv2dShape, planConv2d } from "../../bench/js/conv2dPlan.ts";
import { denseInputGrad, denseOutput, denseWeightGrad } from "../../bench/js/dense.ts";
import { MNIST_CNN_WEIGHTS, MnistCnn, type MnistCnnName } from "../../bench/js/mnistCnn.ts";
import { maxPool2dInputGrad, maxPool2dOutput, relu, reluGrad } from "../../bench/js/pool2d.ts";
import { softmaxCrossEntropy, softmaxOutput } from "../../bench/js/softmax.ts";
import { EXACT, expectClose, F32_SUM, seededRandom } from "../support/kernels.ts";

/** Central differences in float64 of sums that are rounded to float32. */
const FINITE_DIFFERENCE = 1e-5;

let random = seededRandom(12);
beforeEach(() => {
  random = seededRandom(12);
});
const values = (count: number) => Float32Array.from({ length: count }, () => random());
const unwritten = (count: number) => new Float32Array(count).fill(Number.NaN);
const weighted = (output: ArrayLike<number>, cotangent: ArrayLike<number>) =>
  Array.from(output).reduce((sum, value, index) => sum + value * cotangent[index], 0);

/** d objective / d array by central differences; the objective is linear in each element, so the step may be large. */
function differences(array: Float32Array, objective: (array: Float64Array) => number, step = 0.5): Float64Array {
  const moved = Float64Array.from(array);
  return moved.map((value, index) => {
    moved[index] = value + step;
    const above = objective(moved);
    moved[index] = value - step;
    const below = objective(moved);
    moved[index] = value;
    return (above - below) / (2 * step);
  });
}

function naiveConv2d(shape: Conv2dShape, input: ArrayLike<number>, weight: ArrayLike<number>, bias: ArrayLike<number> | null, batch: number) {
  const { height, width, inChannels, outChannels, window, stride, padding, groups } = shape;
  const outHeight = Math.floor((height + 2 * padding[0] - window[0]) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding[1] - window[1]) / stride) + 1;
  const groupIn = inChannels / groups;
  const output: number[] = [];
  for (let sample = 0; sample < batch; sample++)
    for (let outY = 0; outY < outHeight; outY++)
      for (let outX = 0; outX < outWidth; outX++)
        for (let outChannel = 0; outChannel < outChannels; outChannel++) {
          const group = Math.floor(outChannel / (outChannels / groups));
          let sum = bias === null ? 0 : bias[outChannel];
          for (let windowY = 0; windowY < window[0]; windowY++)
            for (let windowX = 0; windowX < window[1]; windowX++) {
              const y = outY * stride + windowY - padding[0];
              const x = outX * stride + windowX - padding[1];
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              for (let inChannel = 0; inChannel < groupIn; inChannel++)
                sum +=
                  input[((sample * height + y) * width + x) * inChannels + group * groupIn + inChannel] *
                  weight[((windowY * window[1] + windowX) * groupIn + inChannel) * outChannels + outChannel];
            }
          output.push(sum);
        }
  return output;
}

// height, width, inChannels, outChannels, windowHeight, windowWidth, stride, padY, padX, groups
const shapes: [string, number[]][] = [
  ["one pixel", [1, 1, 1, 1, 1, 1, 1, 0, 0, 1]],
  ["3x3 same", [5, 7, 3, 5, 3, 3, 1, 1, 1, 1]],
  ["3x3 valid", [7, 5, 4, 8, 3, 3, 1, 0, 0, 1]],
  ["3x3 valid, large enough to mirror", [29, 31, 2, 3, 2, 2, 1, 0, 0, 1]],
  ["3x3 stride 2", [7, 8, 3, 6, 3, 3, 2, 1, 1, 1]],
  ["1x1", [3, 5, 7, 9, 1, 1, 1, 0, 0, 1]],
  ["1x1 stride 2", [5, 4, 3, 2, 1, 1, 2, 0, 0, 1]],
  ["5x5 one channel", [11, 6, 1, 13, 5, 5, 1, 0, 0, 1]],
  ["5x5 same", [6, 6, 2, 3, 5, 5, 1, 2, 2, 1]],
  ["unequal window", [5, 9, 2, 3, 2, 5, 1, 1, 2, 1]],
  ["padding beyond the window", [3, 3, 2, 3, 2, 2, 1, 3, 2, 1]],
  ["stride 3", [10, 11, 2, 5, 2, 3, 3, 1, 0, 1]],
  ["two groups", [5, 5, 6, 10, 3, 3, 1, 1, 1, 2]],
  ["three groups, stride 2", [7, 5, 3, 6, 3, 3, 2, 1, 1, 3]],
  ["depthwise 3x3", [5, 7, 5, 5, 3, 3, 1, 1, 1, 5]],
  ["depthwise 3x3, narrow", [5, 3, 5, 5, 3, 3, 1, 1, 1, 5]],
  ["depthwise 3x3, stride 2", [5, 7, 3, 3, 3, 3, 2, 1, 1, 3]],
  ["depthwise 5x2", [6, 5, 3, 3, 5, 2, 1, 2, 0, 3]],
  ["more channels than a block", [9, 9, 130, 6, 3, 3, 1, 1, 1, 1]],
  ["winograd, one partial tile", [3, 3, 16, 17, 3, 3, 1, 0, 0, 1]],
  ["winograd, same", [5, 6, 17, 18, 3, 3, 1, 1, 1, 1]],
  ["winograd, several blocks", [19, 30, 16, 19, 3, 3, 1, 2, 0, 1]],
];

describe("conv2d", () => {
  test.each(shapes)("%s", (_, [height, width, inChannels, outChannels, windowY, windowX, stride, padY, padX, groups]) => {
    const batch = 3;
    const shape: Conv2dShape = { height, width, inChannels, outChannels, window: [windowY, windowX], stride, padding: [padY, padX], groups };
    const plan = planConv2d(shape);
    const input = values(batch * height * width * inChannels);
    const weight = values(windowY * windowX * (inChannels / groups) * outChannels);
    const bias = values(outChannels);
    const expected = naiveConv2d(shape, input, weight, bias, batch);
    const output = unwritten(expected.length);
    conv2dOutput(plan, { input, weight, bias, output }, batch);
    expectClose(output, expected, F32_SUM, "output");
    conv2dOutput(plan, { input, weight, bias, output, activation: "relu" }, batch);
    expectClose(
      output,
      expected.map((value) => Math.max(value, 0)),
      F32_SUM,
      "relu",
    );
    conv2dOutput(plan, { input, weight, prepared: prepareConv2d(plan, weight), bias: null, output: output.fill(Number.NaN) }, batch);
    expectClose(output, naiveConv2d(shape, input, weight, null, batch), F32_SUM, "without bias");
    conv2dOutput(planConv2d(shape, "direct"), { input, weight, bias, output: output.fill(Number.NaN) }, batch);
    expectClose(output, expected, F32_SUM, "direct");

    const outputGrad = values(expected.length);
    const weightGrad = unwritten(weight.length);
    const biasGrad = unwritten(outChannels);
    conv2dWeightGrad(plan, { input, outputGrad, weightGrad, biasGrad }, batch);
    const inputGrad = unwritten(input.length);
    conv2dInputGrad(plan, { outputGrad, weight, inputGrad }, batch);
    if (input.length * weight.length > 100_000) {
      expectAdjoint(shape, { input, weight, outputGrad, inputGrad, weightGrad }, batch);
      return;
    }
    const objective = (x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>) => weighted(naiveConv2d(shape, x, w, b, batch), outputGrad);
    expectClose(
      weightGrad,
      differences(weight, (w) => objective(input, w, bias)),
      FINITE_DIFFERENCE,
      "weightGrad",
    );
    expectClose(
      biasGrad,
      differences(bias, (b) => objective(input, weight, b)),
      FINITE_DIFFERENCE,
      "biasGrad",
    );
    expectClose(
      inputGrad,
      differences(input, (x) => objective(x, weight, bias)),
      FINITE_DIFFERENCE,
      "inputGrad",
    );
  });

  test("a sample's numbers do not depend on its batch", () => {
    const shape: Conv2dShape = { height: 5, width: 5, inChannels: 3, outChannels: 6, window: [3, 3], stride: 1, padding: [1, 1], groups: 1 };
    const input = values(3 * 75);
    const weight = values(162);
    const together = unwritten(3 * 150);
    conv2dOutput(planConv2d(shape), { input, weight, bias: null, output: together }, 3);
    const alone = unwritten(150);
    conv2dOutput(planConv2d(shape), { input: input.subarray(150), weight, bias: null, output: alone }, 1);
    expectClose(alone, together.subarray(300), EXACT);
  });

  test("NaN goes through relu", () => {
    const shape: Conv2dShape = { height: 3, width: 3, inChannels: 1, outChannels: 2, window: [3, 3], stride: 1, padding: [0, 0], groups: 1 };
    const output = values(2);
    const input = values(9).fill(Number.NaN, 4, 5);
    conv2dOutput(planConv2d(shape), { input, weight: values(18), bias: null, output, activation: "relu" }, 1);
    expect(output.every(Number.isNaN)).toBe(true);
  });

  test("a window larger than its input is an error", () => {
    const shape: Conv2dShape = { height: 3, width: 3, inChannels: 1, outChannels: 1, window: [5, 5], stride: 1, padding: [0, 0], groups: 1 };
    expect(() => planConv2d(shape)).toThrow("conv2d: window 5,5 is larger than its padded input 3x3");
  });
});

/** Too large for differences: gradients against the directional derivative along random directions. */
function expectAdjoint(
  shape: Conv2dShape,
  arrays: Record<"input" | "weight" | "outputGrad" | "inputGrad" | "weightGrad", Float32Array>,
  batch: number,
) {
  for (let repeat = 0; repeat < 5; repeat++) {
    const inputStep = values(arrays.input.length);
    const alongInput = weighted(naiveConv2d(shape, inputStep, arrays.weight, null, batch), arrays.outputGrad);
    expect(weighted(arrays.inputGrad, inputStep) / alongInput).toBeCloseTo(1, 3);
    const weightStep = values(arrays.weight.length);
    const alongWeight = weighted(naiveConv2d(shape, arrays.input, weightStep, null, batch), arrays.outputGrad);
    expect(weighted(arrays.weightGrad, weightStep) / alongWeight).toBeCloseTo(1, 3);
  }
}

function naiveDense(input: ArrayLike<number>, weight: ArrayLike<number>, bias: ArrayLike<number>, inputs: number, batch: number): number[] {
  return Array.from({ length: batch * bias.length }, (_, index) => {
    const column = index % bias.length;
    const row = Math.floor(index / bias.length);
    let sum = bias[column];
    for (let step = 0; step < inputs; step++) sum += input[row * inputs + step] * weight[step * bias.length + column];
    return sum;
  });
}

test.each([
  [1, 1, 1],
  [1, 7, 5],
  [2, 9, 3],
  [3, 4, 8],
  [5, 6, 7],
  [8, 13, 4],
  [13, 3, 17],
])("dense, batch %i, %i to %i", (batch, inputs, outputs) => {
  const shape = { inputs, outputs };
  const input = values(batch * inputs);
  const weight = values(inputs * outputs);
  const bias = values(outputs);
  const output = unwritten(batch * outputs);
  denseOutput(shape, { input, weight, bias, output }, batch);
  const expected = naiveDense(input, weight, bias, inputs, batch);
  expectClose(output, expected, F32_SUM, "output");
  denseOutput(shape, { input, weight, bias, output, activation: "relu" }, batch);
  expectClose(
    output,
    expected.map((value) => Math.max(value, 0)),
    F32_SUM,
    "relu",
  );

  const outputGrad = values(batch * outputs);
  const [inputGrad, weightGrad, biasGrad] = [input, weight, bias].map((array) => unwritten(array.length));
  denseInputGrad(shape, { outputGrad, weight, inputGrad }, batch);
  denseWeightGrad(shape, { input, outputGrad, weightGrad, biasGrad }, batch);
  const objective = (x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>) => weighted(naiveDense(x, w, b, inputs, batch), outputGrad);
  const check = (grad: Float32Array, array: Float32Array, of: (array: Float64Array) => number, label: string) =>
    expectClose(grad, differences(array, of), FINITE_DIFFERENCE, label);
  check(inputGrad, input, (x) => objective(x, weight, bias), "inputGrad");
  check(weightGrad, weight, (w) => objective(input, w, bias), "weightGrad");
  check(biasGrad, bias, (b) => objective(input, weight, b), "biasGrad");
});

describe("pool2d", () => {
  test.each([
    [2, 2, 1],
    [5, 7, 3],
    [4, 6, 5],
  ])("%ix%ix%i", (height, width, channels) => {
    const batch = 2;
    const input = values(batch * height * width * channels);
    const outCount = batch * (height >> 1) * (width >> 1) * channels;
    const output = unwritten(outCount);
    const argmax = new Uint8Array(outCount).fill(9);
    maxPool2dOutput({ height, width, channels }, { input, output, argmax }, batch);
    const outputGrad = values(outCount);
    const inputGrad = unwritten(input.length);
    maxPool2dInputGrad({ height, width, channels }, { outputGrad, argmax, inputGrad }, batch);
    const expectedGrad = new Float32Array(input.length);
    let index = 0;
    for (let sample = 0; sample < batch; sample++)
      for (let outY = 0; outY < height >> 1; outY++)
        for (let outX = 0; outX < width >> 1; outX++)
          for (let channel = 0; channel < channels; channel++, index++) {
            const cells = [0, 1, 2, 3].map((cell) => {
              const y = 2 * outY + (cell >> 1);
              const x = 2 * outX + (cell & 1);
              return ((sample * height + y) * width + x) * channels + channel;
            });
            const largest = Math.max(...cells.map((cell) => input[cell]));
            expect(output[index]).toBe(largest);
            expectedGrad[cells.find((cell) => input[cell] === largest) as number] = outputGrad[index];
          }
    expectClose(inputGrad, expectedGrad, EXACT);
  });

  test.each([0, 1, 2, 3])("NaN in cell %i comes out", (cell) => {
    const input = values(4).fill(Number.NaN, cell, cell + 1);
    const output = new Float32Array(1);
    const argmax = new Uint8Array(1);
    maxPool2dOutput({ height: 2, width: 2, channels: 1 }, { input, output, argmax }, 1);
    expect([output[0], argmax[0]]).toEqual([Number.NaN, cell]);
  });

  test("relu and its gradient", () => {
    const input = Float32Array.of(-2, 0, 3, Number.NaN);
    const output = unwritten(4);
    relu(input, output, 4);
    expectClose(output, [0, 0, 3, Number.NaN], EXACT);
    const grad = Float32Array.of(5, 6, 7, 8);
    reluGrad(output, grad, grad, 4);
    expectClose(grad, [0, 0, 7, 8], EXACT);
  });
});

describe("softmax", () => {
  const classes = 5;
  const logits = values(3 * classes).map((value) => value * 30);
  const labels = [4, 0, 2];
  const loss = (of: ArrayLike<number>) => {
    let sum = 0;
    for (let sample = 0; sample < 3; sample++) {
      const row = Array.from(of).slice(sample * classes, (sample + 1) * classes);
      sum -= row[labels[sample]] - Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
    }
    return sum / 3;
  };

  test("probabilities", () => {
    const probabilities = unwritten(logits.length);
    softmaxOutput(logits, probabilities, classes, 3);
    const expected = logits.map((value, index) => {
      const first = index - (index % classes);
      return Math.exp(value) / logits.subarray(first, first + classes).reduce((sum, other) => sum + Math.exp(other), 0);
    });
    expectClose(probabilities, expected, F32_SUM);
  });

  test("cross entropy and its gradient", () => {
    const logitsGrad = unwritten(logits.length);
    expect(softmaxCrossEntropy({ logits, labels, logitsGrad }, classes, 3)).toBeCloseTo(loss(logits), 10);
    expectClose(logitsGrad, differences(logits, loss, 1e-3), FINITE_DIFFERENCE);
  });
});

test("adam: three steps of Keras 3's formula", () => {
  const weight = values(7);
  const [first, second] = [new Float32Array(7), new Float32Array(7)];
  const expected = Float64Array.from(weight);
  const [mean, square] = [new Float64Array(7), new Float64Array(7)];
  for (let step = 1; step <= 3; step++) {
    const grad = values(7);
    adam({ weight, grad, first, second }, ADAM_DEFAULTS, step);
    for (let index = 0; index < 7; index++) {
      mean[index] = 0.9 * mean[index] + 0.1 * grad[index];
      square[index] = 0.999 * square[index] + 0.001 * grad[index] ** 2;
      const rate = (0.001 * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
      expected[index] -= (rate * mean[index]) / (Math.sqrt(square[index]) + 1e-7);
    }
  }
  expectClose(weight, expected, F32_SUM);
});

describe("MnistCnn", () => {
  const scale = { conv1Weight: 0.3, conv2Weight: 0.06, dense1Weight: 0.01, dense2Weight: 0.1 } as Record<string, number>;
  const weights = Object.fromEntries(
    Object.entries(MNIST_CNN_WEIGHTS).map(([name, shape]) => {
      const count = (shape as readonly number[]).reduce((product, axis) => product * axis, 1);
      return [name, values(count).map((value) => value * (scale[name] ?? 0.1))];
    }),
  ) as Record<MnistCnnName, Float32Array>;
  const images = values(2 * 784);
  const labels = [3, 8];

  test("1,199,882 parameters, logits as the nests give them", () => {
    expect(Object.values(weights).reduce((sum, array) => sum + array.length, 0)).toBe(1199882);
    const model = new MnistCnn(5);
    model.setWeights(weights);
    expectClose(model.predict(images, 2), naiveLogits(images, weights), F32_SUM);
    const five = values(5 * 784);
    five.set(images);
    expectClose(model.predict(five, 5).slice(0, 20), naiveLogits(images, weights), F32_SUM);
  });

  test("gradients along random directions", () => {
    const model = new MnistCnn(2);
    model.setWeights(weights);
    const loss = model.lossAndGrads(images, labels, 2);
    expect(loss).toBeCloseTo(naiveLoss(images, weights, labels), 5);
    for (const name of Object.keys(weights) as MnistCnnName[]) {
      const grad = model.grads[name];
      const size = Math.sqrt(weighted(grad, grad));
      // Along the gradient plus noise of the same size: a direction in which every element counts.
      const noise = values(grad.length);
      const noiseSize = Math.sqrt(weighted(noise, noise));
      const direction = Float64Array.from(grad, (slope, index) => slope / size + noise[index] / noiseSize);
      // So short that hardly any relu or maximum changes sides on the way.
      const step = 1e-7;
      const moved = (sign: number) => ({ ...weights, [name]: Float64Array.from(weights[name], (w, index) => w + sign * step * direction[index]) });
      const slope = (naiveLoss(images, moved(1), labels) - naiveLoss(images, moved(-1), labels)) / (2 * step);
      expect(weighted(grad, direction) / slope, name).toBeCloseTo(1, 5);
    }
  });

  test("training lowers the loss", () => {
    const model = new MnistCnn(2);
    model.setWeights(weights);
    const losses = Array.from({ length: 5 }, () => model.trainStep(images, labels, 2));
    expect(losses[4]).toBeLessThan(losses[0] / 2);
  });

  test("errors", () => {
    const model = new MnistCnn(1);
    expect(() => model.predict(images, 2)).toThrow("batch 2 is larger than the capacity 1");
    expect(() => model.setWeights({ ...weights, conv1Bias: [1] })).toThrow("conv1Bias: 1 numbers");
  });
});

function naiveLogits(images: Float32Array, w: Record<MnistCnnName, ArrayLike<number>>): number[] {
  const positive = (array: number[]) => array.map((value) => Math.max(value, 0));
  const valid = { window: [3, 3], stride: 1, padding: [0, 0], groups: 1 } as const;
  const conv1 = positive(naiveConv2d({ height: 28, width: 28, inChannels: 1, outChannels: 32, ...valid }, images, w.conv1Weight, w.conv1Bias, 2));
  const conv2 = positive(naiveConv2d({ height: 26, width: 26, inChannels: 32, outChannels: 64, ...valid }, conv1, w.conv2Weight, w.conv2Bias, 2));
  const pooled = Array.from({ length: 2 * 9216 }, (_, index) => {
    const [channel, x, y, sample] = [index % 64, (index >> 6) % 12, Math.floor(index / 768) % 12, Math.floor(index / 9216)];
    const at = ((sample * 24 + 2 * y) * 24 + 2 * x) * 64 + channel;
    return Math.max(conv2[at], conv2[at + 64], conv2[at + 24 * 64], conv2[at + 25 * 64]);
  });
  const hidden = positive(naiveDense(pooled, w.dense1Weight, w.dense1Bias, 9216, 2));
  return naiveDense(hidden, w.dense2Weight, w.dense2Bias, 128, 2);
}

function naiveLoss(images: Float32Array, w: Record<MnistCnnName, ArrayLike<number>>, labels: number[]): number {
  const logits = naiveLogits(images, w);
  const rows = labels.map((_, sample) => logits.slice(sample * 10, sample * 10 + 10));
  return rows.reduce((sum, row, sample) => sum + Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - row[labels[sample]], 0) / labels.length;
}
