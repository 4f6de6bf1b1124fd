/**
 * What the host writes and the kernels read: the run header, the tensor descriptor and one record per kernel.
 * Every field is 4 bytes. `scripts/records.mjs` reads the field order from this file, so it is the only place that knows it.
 *
 * Field types: i32 and f32 are numbers; Tensor points to a descriptor; Floats, Bytes are addresses of f32 / u8 arrays (0 = absent).
 */

/** Address of an f32 array. */
export type Floats = usize;
/** Address of a u8 array. */
export type Bytes = usize;

/** Where the run header stands in every State: below the first static address, above the null page. */
export const RUN_HEADER: usize = 64;
/** Where `writeConstants` puts what hot loops load (see lanes.ts). */
export const CONSTANTS: usize = 512;
/** Where the threads of a run tell each other how far they are: one `Progress` for each, MAX_THREADS of them. */
export const PROGRESS: usize = 1024;
/** A cache line each: it has one writer. */
export const PROGRESS_BYTES: usize = 64;
export const MAX_THREADS: usize = 32;
/** First byte that the host may lay out. */
export const FIRST_FREE: usize = 4096;

/** Scratch of a thread for a matrix product: see matmulPlan.ts. */
export const MATMUL_SCRATCH: usize = 2080;
/** Scratch of a thread for a weight gradient, and for each of up to 128 columns: see conv2d/weightGrad.ts. */
export const WEIGHT_GRAD_SCRATCH: usize = 3344;
export const WEIGHT_GRAD_COLUMN_SCRATCH: usize = 512;
/** Pixels of a row that a depthwise kernel takes at one time, at least: see conv2d/depthwise.ts. */
export const SPAN_PIXELS: usize = 7;

/** What changes from run to run. Kernels read it from RUN_HEADER; records never hold these. */
@unmanaged
export class RunHeader {
  /** Samples in this run, at most the program's capacity. */
  batch: i32;
  /** PRNG key words: the user's seed, and the optimizer step. */
  seed: i32;
  step: i32;
  /** 0: parameter gradients overwrite; 1: they add to what an earlier micro-step left. */
  accumulate: i32;
  /** Factor on every sample's loss gradient (1 / batch, or 1 while accumulating). */
  lossScale: f32;
  /** Factor on the gradients when an update reads them (1, or 1 / samples accumulated). */
  gradientScale: f32;
  /** lossScale × batch: what a regularizer's gradient is multiplied with. */
  regularizationScale: f32;
  learningRate: f32;
  /** learningRate × √(1 − β₂ᵗ) / (1 − β₁ᵗ) for Adam. */
  correctedRate: f32;
  /** Not 0: `execute` returns before its next instruction. */
  abort: i32;
}

/** How far a thread is in the range being run; 0 between runs. */
@unmanaged
export class Progress {
  /** Instructions whose share this thread has finished. */
  done: i32;
  /** Threads that sleep until `done` changes. */
  sleepers: i32;
}

/**
 * A view of an activation [batch, height, width, channels]; strides in elements. base is the address of element
 * (0, 0, 0, 0); the halo (pixels of zeros around every image) lies before and behind it.
 * A stride of 0 broadcasts.
 */
@unmanaged
export class Tensor {
  base: Floats;
  height: i32;
  width: i32;
  channels: i32;
  pixelStride: i32;
  rowStride: i32;
  imageStride: i32;
  haloTop: i32;
  haloBottom: i32;
  haloLeft: i32;
  haloRight: i32;
}

export enum Kernel {
  copy = 1,
  clearHalo,
  fill,
  packWeights,
  conv2dOutput,
  conv2dInputGrad,
  conv2dWeightGrad,
  pool2dOutput,
  pool2dInputGrad,
  activationOutput,
  activationInputGrad,
  softmaxOutput,
  softmaxInputGrad,
  binaryOutput,
  pixelSum,
  affineOutput,
  dropoutOutput,
  batchNormalizationOutput,
  batchNormalizationInputGrad,
  runningStatistics,
  foldStatistics,
  foldWeights,
  crossEntropyLoss,
  elementwiseLoss,
  regularize,
  sumSquares,
  sgdUpdate,
  rmspropUpdate,
  adamUpdate,
}

/** Whether a kernel replaces what it writes or adds to it. */
export enum Write {
  overwrite = 0,
  add = 1,
}

/** How an op computes; chosen by the compiler from geometry alone. */
export enum Algorithm {
  /** Panels of 8 columns, tiles of 4 or 6 pixels. */
  matmul = 1,
  /** One weight per channel and tap: groups = inChannels = outChannels. */
  depthwise,
  /** F(4x4, 3x3): window 3x3, stride, dilation and groups 1. */
  winograd,
  /** The matrix product of a single row, as of a dense layer at batch 1: it reads the weights where they lie. One group. */
  unpacked,
}

export enum Activation {
  linear = 0,
  relu,
  relu6,
  leakyRelu,
  elu,
  selu,
  sigmoid,
  tanh,
  softplus,
  swish,
  gelu,
  hardSigmoid,
  hardSwish,
}

export enum Pooling {
  max = 1,
  /** The divisor counts only the cells inside the image (Keras, tfjs). */
  mean,
}

export enum Binary {
  add = 1,
  multiply,
}

/** How the cells of the packed weights stand for the two directions of a convolution. */
export enum Panels {
  /** [group][outChannel / 8][windowY][windowX][inChannel][8 outChannels] */
  output = 1,
  /** [group][inChannel / 8][flipped windowY][flipped windowX][outChannel][8 inChannels] */
  inputGrad,
  /** [position of 36][outChannel / 8][inChannel][8 outChannels]; 16 floats that nobody writes end each position. */
  winogradOutput,
  /** [position of 36][inChannel / 8][outChannel][8 inChannels] of the flipped window; ended likewise. */
  winogradInputGrad,
}

export enum ElementLoss {
  meanSquaredError = 1,
  meanAbsoluteError,
  huber,
  /** Target in 0..1; prediction is a probability. */
  binaryCrossEntropy,
  /** The same from logits: sigmoid and loss in one. */
  binaryCrossEntropyLogits,
}

export enum CrossEntropy {
  /** Target: one class number per pixel. Prediction: logits. */
  sparseLogits = 1,
  /** Target: one probability per class. Prediction: logits. */
  categoricalLogits,
  /** The same two on probabilities, as a softmax layer leaves them. */
  sparse,
  categorical,
}

/** The words every record begins with. */
@unmanaged
export class Record {
  kernel: i32;
  /** Length of this record; the next one follows. */
  bytes: i32;
  /** Estimated floating-point operations per sample. */
  cost: f32;
  /** Scratch of this kernel: `scratchBytes` for each thread, from `scratch` on. */
  scratch: Bytes;
  scratchBytes: i32;
}

/** output ← or += input, pixel by pixel; equal sizes. */
@unmanaged
export class Copy extends Record {
  input: Tensor;
  output: Tensor;
  write: i32;
}

/** Zeroes the halo of a tensor. */
@unmanaged
export class ClearHalo extends Record {
  output: Tensor;
}

/** output[0 .. count) ← value */
@unmanaged
export class Fill extends Record {
  output: Floats;
  count: i32;
  value: f32;
}

/** panels ← weight [windowHeight, windowWidth, inChannels / groups, outChannels]; columns missing in the last panel are 0. */
@unmanaged
export class PackWeights extends Record {
  weight: Floats;
  panels: Floats;
  windowHeight: i32;
  windowWidth: i32;
  inChannels: i32;
  outChannels: i32;
  groups: i32;
  layout: i32;
}

/**
 * output ← activation(bias + Σ window × input [+ residual]).
 * The input's halo holds the padding: pixel (y, x) of the output reads input rows from y·strideY − padTop on.
 */
@unmanaged
export class Conv2dOutput extends Record {
  input: Tensor;
  output: Tensor;
  residual: Tensor;
  weight: Floats;
  panels: Floats;
  bias: Floats;
  windowHeight: i32;
  windowWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  padTop: i32;
  padLeft: i32;
  groups: i32;
  algorithm: i32;
  activation: i32;
  alpha: f32;
}

/** inputGrad ← or += the adjoint of conv2dOutput applied to outputGrad, whose halo holds zeros wherever a tap reaches past it. */
@unmanaged
export class Conv2dInputGrad extends Record {
  outputGrad: Tensor;
  inputGrad: Tensor;
  weight: Floats;
  panels: Floats;
  windowHeight: i32;
  windowWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  padTop: i32;
  padLeft: i32;
  groups: i32;
  algorithm: i32;
  write: i32;
}

/** weightGrad, biasGrad (0: none) ← or += (write, or run header's accumulate) Σ over batch and pixels. */
@unmanaged
export class Conv2dWeightGrad extends Record {
  input: Tensor;
  outputGrad: Tensor;
  weightGrad: Floats;
  biasGrad: Floats;
  windowHeight: i32;
  windowWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  padTop: i32;
  padLeft: i32;
  groups: i32;
  algorithm: i32;
  /** Added to by a later node of a shared layer, whatever the run header says. */
  write: i32;
}

/**
 * output ← max or mean over each window, clipped to the image (a halo is never read).
 * argmax [batch, outHeight, outWidth, channels] (0: not wanted): the cell y·windowWidth + x of the unclipped window, of several equal
 * ones the first (a NaN takes no cell), `argmaxBytes` (1 or 4) each. With activation relu, which was applied to the input, all ones (no
 * cell) where the maximum is not above 0: pool2dInputGrad then gives the gradient before the activation.
 */
@unmanaged
export class Pool2dOutput extends Record {
  input: Tensor;
  output: Tensor;
  argmax: Bytes;
  argmaxBytes: i32;
  activation: i32;
  kind: i32;
  windowHeight: i32;
  windowWidth: i32;
  strideY: i32;
  strideX: i32;
  padTop: i32;
  padLeft: i32;
}

@unmanaged
export class Pool2dInputGrad extends Record {
  outputGrad: Tensor;
  inputGrad: Tensor;
  argmax: Bytes;
  argmaxBytes: i32;
  kind: i32;
  windowHeight: i32;
  windowWidth: i32;
  strideY: i32;
  strideX: i32;
  padTop: i32;
  padLeft: i32;
  write: i32;
}

/** output ← f(input); input and output may be the same tensor. */
@unmanaged
export class ActivationOutput extends Record {
  input: Tensor;
  output: Tensor;
  activation: i32;
  alpha: f32;
}

/**
 * inputGrad ← or += outputGrad · f′. reference is f's output where f′ can be told from it
 * (all but swish, gelu, hardSwish), otherwise f's input. inputGrad may be outputGrad.
 */
@unmanaged
export class ActivationInputGrad extends Record {
  reference: Tensor;
  outputGrad: Tensor;
  inputGrad: Tensor;
  activation: i32;
  alpha: f32;
  write: i32;
}

/** output ← softmax(input) over the channels of every pixel; may be in place. */
@unmanaged
export class SoftmaxOutput extends Record {
  input: Tensor;
  output: Tensor;
}

/** inputGrad ← or += output · (outputGrad − Σ output · outputGrad); inputGrad may be outputGrad. */
@unmanaged
export class SoftmaxInputGrad extends Record {
  output: Tensor;
  outputGrad: Tensor;
  inputGrad: Tensor;
  write: i32;
}

/** output ← or += left ∘ right. Strides of 0 broadcast either operand; output may be left or right. */
@unmanaged
export class BinaryOutput extends Record {
  left: Tensor;
  right: Tensor;
  output: Tensor;
  kind: i32;
  write: i32;
}

/** output [batch, 1, 1, channels] ← or += Σ over the pixels of each image. */
@unmanaged
export class PixelSum extends Record {
  input: Tensor;
  output: Tensor;
  write: i32;
}

/** output ← or += input · scale[channel] + offset[channel] (offset 0: none); may be in place. */
@unmanaged
export class AffineOutput extends Record {
  input: Tensor;
  output: Tensor;
  scale: Floats;
  offset: Floats;
  write: i32;
}

/**
 * output ← or += input / (1 − rate) where the mask keeps, 0 elsewhere. The mask is a function of
 * (seed, step, stream, element), so the same record serves the gradient. May be in place.
 */
@unmanaged
export class DropoutOutput extends Record {
  input: Tensor;
  output: Tensor;
  rate: f32;
  stream: i32;
  write: i32;
}

/**
 * mean, variance [channels] ← over batch and pixels (biased); inverse ← 1 / √(variance + epsilon);
 * output ← (input − mean) · inverse · gamma + beta. gamma, beta 0: 1 and 0.
 */
@unmanaged
export class BatchNormalizationOutput extends Record {
  input: Tensor;
  output: Tensor;
  gamma: Floats;
  beta: Floats;
  mean: Floats;
  variance: Floats;
  inverse: Floats;
  epsilon: f32;
}

/** gammaGrad, betaGrad (0: none) ← or += (run header); inputGrad (0: none) ← or +=; inputGrad may be outputGrad. */
@unmanaged
export class BatchNormalizationInputGrad extends Record {
  input: Tensor;
  outputGrad: Tensor;
  inputGrad: Tensor;
  gamma: Floats;
  mean: Floats;
  inverse: Floats;
  gammaGrad: Floats;
  betaGrad: Floats;
  write: i32;
  /** The same for gammaGrad and betaGrad: later nodes of a shared layer add. */
  parameterWrite: i32;
}

/** running ← running · momentum + batch · (1 − momentum), for mean and variance. */
@unmanaged
export class RunningStatistics extends Record {
  mean: Floats;
  variance: Floats;
  runningMean: Floats;
  runningVariance: Floats;
  count: i32;
  momentum: f32;
}

/** scale ← gamma / √(variance + epsilon); offset ← beta − mean · scale. gamma, beta 0: 1 and 0. */
@unmanaged
export class FoldStatistics extends Record {
  gamma: Floats;
  beta: Floats;
  mean: Floats;
  variance: Floats;
  scale: Floats;
  offset: Floats;
  count: i32;
  epsilon: f32;
}

/** foldedWeight [rows, columns] ← weight · scale[column]; foldedBias ← bias · scale + offset (bias 0: none). */
@unmanaged
export class FoldWeights extends Record {
  weight: Floats;
  bias: Floats;
  scale: Floats;
  offset: Floats;
  foldedWeight: Floats;
  foldedBias: Floats;
  rows: i32;
  columns: i32;
}

/**
 * losses[sample] ← sampleWeight · mean over pixels of −Σ target · log p.
 * predictionGrad (0: none) ← its derivative × lossScale. target is contiguous; sampleWeight 0: all 1.
 */
@unmanaged
export class CrossEntropyLoss extends Record {
  prediction: Tensor;
  predictionGrad: Tensor;
  target: Floats;
  sampleWeight: Floats;
  losses: Floats;
  kind: i32;
}

/** losses[sample] ← sampleWeight · mean over all elements of the sample. The rest as in CrossEntropyLoss. */
@unmanaged
export class ElementwiseLoss extends Record {
  prediction: Tensor;
  predictionGrad: Tensor;
  target: Floats;
  sampleWeight: Floats;
  losses: Floats;
  kind: i32;
  delta: f32;
}

/** gradient (0: none) += (l1 · sign(weight) + 2 · l2 · weight) · regularizationScale; penalty[0] ← l1 · Σ|w| + l2 · Σw². */
@unmanaged
export class Regularize extends Record {
  weight: Floats;
  gradient: Floats;
  penalty: Floats;
  count: i32;
  l1: f32;
  l2: f32;
}

/** sum[0] ← or += Σ (gradient · gradientScale)², in a fixed tree. */
@unmanaged
export class SumSquares extends Record {
  gradient: Floats;
  sum: Floats;
  count: i32;
  write: i32;
}

/**
 * The words every update begins with: weight, gradient [count]; g = gradient · gradientScale, then clipped:
 * to ±clipValue (0: not), or by clipNorm / √normSquares[0] where that is below 1 (clipNorm 0: not).
 */
@unmanaged
export class Update extends Record {
  weight: Floats;
  gradient: Floats;
  count: i32;
  clipValue: f32;
  clipNorm: f32;
  normSquares: Floats;
  /** Decoupled (AdamW): weight −= weight · weightDecay · learningRate before the step. */
  weightDecay: f32;
}

/** velocity (0: none) ← momentum · velocity − rate · g; weight += velocity, or with nesterov momentum · velocity − rate · g. */
@unmanaged
export class SgdUpdate extends Update {
  velocity: Floats;
  momentum: f32;
  nesterov: i32;
}

/** square ← rho · square + (1 − rho) · g²; step = rate · g / √(square + epsilon), through velocity if there is momentum. */
@unmanaged
export class RmspropUpdate extends Update {
  square: Floats;
  velocity: Floats;
  rho: f32;
  momentum: f32;
  epsilon: f32;
}

/** Keras 3: first += (g − first)(1 − beta1); second += (g² − second)(1 − beta2); weight −= correctedRate · first / (√second + epsilon). */
@unmanaged
export class AdamUpdate extends Update {
  first: Floats;
  second: Floats;
  beta1: f32;
  beta2: f32;
  epsilon: f32;
}
