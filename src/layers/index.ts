/** Every layer by its type: what a file may name. */
import { elu, gelu, hardSigmoid, hardSwish, leakyRelu, relu, relu6, selu, sigmoid, softmax, softplus, swish, tanh } from "./activation.ts";
import { rescaling } from "./affine.ts";
import { batchNormalization, normalization } from "./batchNormalization.ts";
import { add, multiply } from "./binary.ts";
import { concatenate } from "./concatenate.ts";
import { conv2d, depthwiseConv2d, separableConv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import type { Layer } from "./layer.ts";
import { averagePooling2d, globalAveragePooling2d, globalMaxPooling2d, maxPooling2d } from "./pool2d.ts";
import { flatten, reshape } from "./reshape.ts";
import { zeroPadding2d } from "./zeroPadding2d.ts";

const factories = {
  add,
  averagePooling2d,
  batchNormalization,
  concatenate,
  conv2d,
  dense,
  depthwiseConv2d,
  dropout,
  elu,
  flatten,
  gelu,
  globalAveragePooling2d,
  globalMaxPooling2d,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  maxPooling2d,
  multiply,
  normalization,
  relu,
  relu6,
  rescaling,
  reshape,
  selu,
  separableConv2d,
  sigmoid,
  softmax,
  softplus,
  swish,
  tanh,
  zeroPadding2d,
} as const;

/** The layer a file describes. A closed table: nothing is imported or run by name. */
export function layerOf(type: string, options: object): Layer {
  if (!Object.hasOwn(factories, type))
    throw new RangeError(`unknown layer type ${JSON.stringify(type)}; known: ${Object.keys(factories).join(", ")}`);
  return (factories[type as keyof typeof factories] as (options: never) => Layer)(options as never);
}
