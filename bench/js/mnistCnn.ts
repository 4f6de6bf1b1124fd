/** The 1,199,882-parameter digit classifier of the benchmark: 28x28x1, conv 3x3x32, conv 3x3x64, max pool, dense 128, dense 10. */
import { ADAM_DEFAULTS, adam } from "./adam.ts";
import { conv2dInputGrad, conv2dOutput, conv2dWeightGrad, prepareConv2d } from "./conv2d.ts";
import { planConv2d } from "./conv2dPlan.ts";
import { denseInputGrad, denseOutput, denseWeightGrad } from "./dense.ts";
import { maxPool2dInputGrad, maxPool2dOutput, reluGrad } from "./pool2d.ts";
import { softmaxCrossEntropy } from "./softmax.ts";

/** In the order of the layers; convolutions HWIO, dense [inputs, outputs], flattened as y, x, channel. */
export const MNIST_CNN_WEIGHTS = {
  conv1Weight: [3, 3, 1, 32],
  conv1Bias: [32],
  conv2Weight: [3, 3, 32, 64],
  conv2Bias: [64],
  dense1Weight: [9216, 128],
  dense1Bias: [128],
  dense2Weight: [128, 10],
  dense2Bias: [10],
} as const;

export type MnistCnnName = keyof typeof MNIST_CNN_WEIGHTS;
export type MnistCnnArrays = Record<MnistCnnName, Float32Array>;

const NAMES = Object.keys(MNIST_CNN_WEIGHTS) as MnistCnnName[];
const valid = { window: [3, 3], stride: 1, padding: [0, 0], groups: 1 } as const;
const CONV1 = planConv2d({ height: 28, width: 28, inChannels: 1, outChannels: 32, ...valid });
const CONV2 = planConv2d({ height: 26, width: 26, inChannels: 32, outChannels: 64, ...valid });
const POOL = { height: 24, width: 24, channels: 64 };
const DENSE1 = { inputs: 9216, outputs: 128 };
const DENSE2 = { inputs: 128, outputs: 10 };

export class MnistCnn {
  /** Change them through setWeights. */
  readonly weights: Readonly<MnistCnnArrays> = emptyWeights();
  readonly grads = emptyWeights();
  private readonly first = emptyWeights();
  private readonly second = emptyWeights();
  private step = 0;
  /** Of the second convolution's weight; null after it changed. */
  private prepared: Float64Array | null = null;
  private readonly conv1: Float32Array;
  private readonly conv2: Float32Array;
  private readonly pooled: Float32Array;
  private readonly argmax: Uint8Array;
  private readonly hidden: Float32Array;
  private readonly logits: Float32Array;
  private training: { conv1: Float32Array; conv2: Float32Array; pooled: Float32Array; hidden: Float32Array; logits: Float32Array } | null = null;

  /** Batches up to `capacity`. */
  constructor(readonly capacity: number) {
    this.conv1 = new Float32Array(capacity * 26 * 26 * 32);
    this.conv2 = new Float32Array(capacity * 24 * 24 * 64);
    this.pooled = new Float32Array(capacity * 9216);
    this.argmax = new Uint8Array(capacity * 9216);
    this.hidden = new Float32Array(capacity * 128);
    this.logits = new Float32Array(capacity * 10);
  }

  setWeights(weights: Readonly<Record<MnistCnnName, ArrayLike<number>>>): void {
    for (const name of NAMES) {
      if (weights[name].length !== this.weights[name].length) throw new RangeError(`${name}: ${weights[name].length} numbers`);
      this.weights[name].set(weights[name]);
    }
    this.prepared = null;
  }

  /** images [batch, 28, 28, 1] → logits [batch, 10], a view that the next call overwrites. */
  predict(images: Float32Array, batch: number): Float32Array {
    if (batch > this.capacity) throw new RangeError(`batch ${batch} is larger than the capacity ${this.capacity}`);
    this.prepared ??= prepareConv2d(CONV2, this.weights.conv2Weight);
    const { weights: w, prepared, conv1, conv2, pooled, argmax, hidden, logits } = this;
    conv2dOutput(CONV1, { input: images, weight: w.conv1Weight, bias: w.conv1Bias, output: conv1, activation: "relu" }, batch);
    conv2dOutput(CONV2, { input: conv1, weight: w.conv2Weight, prepared, bias: w.conv2Bias, output: conv2, activation: "relu" }, batch);
    maxPool2dOutput(POOL, { input: conv2, output: pooled, argmax }, batch);
    denseOutput(DENSE1, { input: pooled, weight: w.dense1Weight, bias: w.dense1Bias, output: hidden, activation: "relu" }, batch);
    denseOutput(DENSE2, { input: hidden, weight: w.dense2Weight, bias: w.dense2Bias, output: logits }, batch);
    return logits.subarray(0, batch * 10);
  }

  /** One Adam step on images [batch, 28, 28, 1] and class indexes; the mean loss before it. */
  trainStep(images: Float32Array, labels: ArrayLike<number>, batch: number): number {
    const loss = this.lossAndGrads(images, labels, batch);
    this.step++;
    for (const name of NAMES) {
      const arrays = { weight: this.weights[name], grad: this.grads[name], first: this.first[name], second: this.second[name] };
      adam(arrays, ADAM_DEFAULTS, this.step);
    }
    this.prepared = null;
    return loss;
  }

  /** The mean loss; `grads` holds its gradients afterwards. */
  lossAndGrads(images: Float32Array, labels: ArrayLike<number>, batch: number): number {
    this.predict(images, batch);
    this.training ??= {
      conv1: new Float32Array(this.conv1.length),
      conv2: new Float32Array(this.conv2.length),
      pooled: new Float32Array(this.pooled.length),
      hidden: new Float32Array(this.hidden.length),
      logits: new Float32Array(this.logits.length),
    };
    const { weights: w, grads: g, training: d } = this;
    const loss = softmaxCrossEntropy({ logits: this.logits, labels, logitsGrad: d.logits }, 10, batch);
    denseWeightGrad(DENSE2, { input: this.hidden, outputGrad: d.logits, weightGrad: g.dense2Weight, biasGrad: g.dense2Bias }, batch);
    denseInputGrad(DENSE2, { outputGrad: d.logits, weight: w.dense2Weight, inputGrad: d.hidden }, batch);
    reluGrad(this.hidden, d.hidden, d.hidden, batch * 128);
    denseWeightGrad(DENSE1, { input: this.pooled, outputGrad: d.hidden, weightGrad: g.dense1Weight, biasGrad: g.dense1Bias }, batch);
    denseInputGrad(DENSE1, { outputGrad: d.hidden, weight: w.dense1Weight, inputGrad: d.pooled }, batch);
    // A window whose maximum is 0 has nothing above 0: relu's gradient may be applied to the quarter of the cells that pooling keeps.
    reluGrad(this.pooled, d.pooled, d.pooled, batch * 9216);
    maxPool2dInputGrad(POOL, { outputGrad: d.pooled, argmax: this.argmax, inputGrad: d.conv2 }, batch);
    conv2dWeightGrad(CONV2, { input: this.conv1, outputGrad: d.conv2, weightGrad: g.conv2Weight, biasGrad: g.conv2Bias }, batch);
    conv2dInputGrad(CONV2, { outputGrad: d.conv2, weight: w.conv2Weight, inputGrad: d.conv1 }, batch);
    reluGrad(this.conv1, d.conv1, d.conv1, batch * 26 * 26 * 32);
    conv2dWeightGrad(CONV1, { input: images, outputGrad: d.conv1, weightGrad: g.conv1Weight, biasGrad: g.conv1Bias }, batch);
    return loss;
  }
}

function emptyWeights(): MnistCnnArrays {
  const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);
  return Object.fromEntries(NAMES.map((name) => [name, new Float32Array(size(MNIST_CNN_WEIGHTS[name]))])) as MnistCnnArrays;
}
