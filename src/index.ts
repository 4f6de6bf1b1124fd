/** Public names; no code. */

export { type ExportOptions, exportProgram } from "./exportProgram.ts";
export type { DownloadOptions, DownloadProgress } from "./formats/download.ts";
export { FileFormatError } from "./formats/safetensors.ts";
export { deleteSaved, savedModels } from "./formats/saved.ts";
export type { Classification, ClassifyOptions } from "./image/classify.ts";
export type { ImageSource, Pixels } from "./image/pixels.ts";
export type { Preprocessing } from "./image/preprocessing.ts";
export type { ModelInput, PredictOptions } from "./inference.ts";
export {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  ones,
  orthogonal,
  zeros,
} from "./initializers.ts";
export type { ProfileRow } from "./inspect/profile.ts";
export type { ActivationName, ActivationSpec, AlphaOptions } from "./layers/activation.ts";
export { elu, gelu, hardSigmoid, hardSwish, leakyRelu, relu, relu6, selu, sigmoid, softmax, softplus, swish, tanh } from "./layers/activation.ts";
export { type RescalingOptions, rescaling } from "./layers/affine.ts";
export { type BatchNormalizationOptions, batchNormalization, type NormalizationOptions, normalization } from "./layers/batchNormalization.ts";
export { add, multiply } from "./layers/binary.ts";
export { concatenate } from "./layers/concatenate.ts";
export {
  type Conv2dOptions,
  conv2d,
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
  type Pair,
  type SeparableConv2dOptions,
  separableConv2d,
} from "./layers/conv2d.ts";
export { type DenseOptions, dense } from "./layers/dense.ts";
export { type DropoutOptions, dropout } from "./layers/dropout.ts";
export { input, type Layer, type LayerOptions, type SymbolicTensor } from "./layers/layer.ts";
export { averagePooling2d, globalAveragePooling2d, globalMaxPooling2d, maxPooling2d, type Pooling2dOptions } from "./layers/pool2d.ts";
export { l1, l1l2, l2, type Regularizer } from "./layers/regularizers.ts";
export { flatten, type ReshapeOptions, reshape } from "./layers/reshape.ts";
export { type ZeroPadding2dOptions, zeroPadding2d } from "./layers/zeroPadding2d.ts";
export type { KernelSource, KernelSources } from "./machine/kernelModules.ts";
export { Model } from "./model.ts";
export type { ModelLayer, WeightArray } from "./modelLayer.ts";
export type { ModelOptions } from "./modelOptions.ts";
export { type LoadOptions, load, model, sequential, toWorker, type WorkerOptions } from "./models.ts";
export type { WorkerSource } from "./remote/connect.ts";
export type { LayerInfo } from "./remote/protocol.ts";
export type { RemoteModel } from "./remote/remoteModel.ts";
export type { WorkerOption } from "./remote/workerOption.ts";
export type { Shape } from "./shape.ts";
export {
  type Callback,
  earlyStopping,
  type Logs,
  modelCheckpoint,
  reduceLROnPlateau,
  type TrainingContext,
  terminateOnNaN,
} from "./training/callbacks.ts";
export type { CompileOptions } from "./training/compile.ts";
export { csvLogger } from "./training/csvLogger.ts";
export type { DataLike } from "./training/data.ts";
export type { History } from "./training/fit.ts";
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  huber,
  type Loss,
  sparseCategoricalCrossentropy,
} from "./training/losses.ts";
export {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  confusionMatrix,
  type Metric,
  meanAbsoluteError,
  meanSquaredError,
  precision,
  recall,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "./training/metrics.ts";
export { adam, adamW, type Optimizer, rmsprop, sgd } from "./training/optimizers.ts";
export type { Training, TrainingProgress } from "./training/progress.ts";
export { progressBar } from "./training/progressBar.ts";
export { cosineDecay, exponentialDecay, piecewiseConstant, type Schedule, stepDecay } from "./training/schedules.ts";
export type { BatchSource, EvaluateOptions, ModelFitOptions, TrainingBatch } from "./training/trainer.ts";
export type { TensorData } from "./weights.ts";
