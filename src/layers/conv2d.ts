import type { Value } from "../graph.ts";
import type { InitializerSpec } from "../initializers.ts";
import { checkChoice, checkFlag } from "../options.ts";
import { checkImage, checkPair, checkSize, extentOf, PADDINGS, type Padding, windowGeometry } from "../shape.ts";
import { type ActivationSpec, activate } from "./activation.ts";
import { type Layer, type LayerOptions, type LayerScope, makeLayer } from "./layer.ts";
import type { RegularizerSpec } from "./regularizers.ts";

/** A size of the window, or [height, width]. */
export type Pair = number | readonly [number, number];

/** Options of every convolution. */
export interface WindowLayerOptions extends LayerOptions {
  readonly kernelSize: Pair;
  /** Default 1. */
  readonly strides?: Pair;
  /** "valid" (default): no padding. "same": output size = ceil(input size / stride). */
  readonly padding?: Padding;
  /** Distance of the window's taps. Default 1. */
  readonly dilationRate?: Pair;
  /** Default "linear". */
  readonly activation?: ActivationSpec;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default "zeros". */
  readonly biasInitializer?: InitializerSpec;
  readonly biasRegularizer?: RegularizerSpec;
}

export interface Conv2dOptions extends WindowLayerOptions {
  /** Output channels. */
  readonly filters: number;
  /** Both input and output channels are cut into this many groups. Default 1. */
  readonly groups?: number;
  /** Default "glorotUniform". */
  readonly kernelInitializer?: InitializerSpec;
  readonly kernelRegularizer?: RegularizerSpec;
}

export interface DepthwiseConv2dOptions extends WindowLayerOptions {
  /** Output channels per input channel. Default 1. */
  readonly depthMultiplier?: number;
  readonly depthwiseInitializer?: InitializerSpec;
  readonly depthwiseRegularizer?: RegularizerSpec;
}

export interface SeparableConv2dOptions extends DepthwiseConv2dOptions {
  /** Output channels of the 1x1 convolution. */
  readonly filters: number;
  readonly pointwiseInitializer?: InitializerSpec;
  readonly pointwiseRegularizer?: RegularizerSpec;
}

const WINDOW_OPTIONS = ["kernelSize", "strides", "padding", "dilationRate", "activation", "useBias", "biasInitializer", "biasRegularizer"];

/**
 * Convolution: every output pixel is the dot product of each filter with the window under it, plus a bias.
 * Input [height, width, channels]; weights `kernel` [windowHeight, windowWidth, channels / groups, filters] and `bias` [filters].
 * Errors: rank ≠ 3, sizes that are not whole and positive, groups that do not divide, a window larger than its padded input.
 */
export function conv2d(options: Conv2dOptions): Layer {
  const known = [...WINDOW_OPTIONS, "filters", "groups", "kernelInitializer", "kernelRegularizer"];
  return makeLayer({
    type: "conv2d",
    options,
    known,
    build(scope, [value], options) {
      const { filters, groups = 1, kernelInitializer = "glorotUniform", kernelRegularizer } = options;
      checkSize(scope.where, "filters", filters);
      const convolved = convolve(scope, value, options, { role: "kernel", filters, groups, kernelInitializer, kernelRegularizer });
      return activate(scope, convolved, options.activation);
    },
  });
}

/**
 * One filter (or `depthMultiplier` filters) per input channel. Input [height, width, channels]; weights `depthwiseKernel`
 * [windowHeight, windowWidth, channels, depthMultiplier] and `bias` [channels × depthMultiplier].
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  const known = [...WINDOW_OPTIONS, "depthMultiplier", "depthwiseInitializer", "depthwiseRegularizer"];
  return makeLayer({
    type: "depthwiseConv2d",
    options,
    known,
    build: (scope, [value], options) => activate(scope, depthwise(scope, value, options), options.activation),
  });
}

/** depthwiseConv2d without bias, then a 1x1 convolution `pointwiseKernel` [1, 1, channels × depthMultiplier, filters] with bias. */
export function separableConv2d(options: SeparableConv2dOptions): Layer {
  const known = [...WINDOW_OPTIONS, "depthMultiplier", "depthwiseInitializer", "depthwiseRegularizer"];
  known.push("filters", "pointwiseInitializer", "pointwiseRegularizer");
  return makeLayer({
    type: "separableConv2d",
    options,
    known,
    build(scope, [value], options) {
      const { filters, pointwiseInitializer = "glorotUniform", pointwiseRegularizer, ...rest } = options;
      checkSize(scope.where, "filters", filters);
      const perChannel = depthwise(scope, value, { ...rest, useBias: false });
      const { useBias, biasInitializer, biasRegularizer } = options;
      const pointwise = { kernelSize: 1, useBias, biasInitializer, biasRegularizer };
      const kernel = {
        role: "pointwiseKernel",
        filters,
        groups: 1,
        kernelInitializer: pointwiseInitializer,
        kernelRegularizer: pointwiseRegularizer,
      };
      return activate(scope, convolve(scope, perChannel, pointwise, kernel), options.activation);
    },
  });
}

interface KernelOptions {
  readonly role: string;
  readonly filters: number;
  readonly groups: number;
  readonly kernelInitializer: InitializerSpec;
  readonly kernelRegularizer: RegularizerSpec;
}

function depthwise(scope: LayerScope, value: Value, options: DepthwiseConv2dOptions): Value {
  const { depthMultiplier = 1, depthwiseInitializer = "glorotUniform", depthwiseRegularizer } = options;
  checkSize(scope.where, "depthMultiplier", depthMultiplier);
  checkImage(scope.where, value.shape);
  const groups = value.shape[2];
  const filters = groups * depthMultiplier;
  const regularized = { kernelInitializer: depthwiseInitializer, kernelRegularizer: depthwiseRegularizer };
  return convolve(scope, value, options, { role: "depthwiseKernel", filters, groups, ...regularized });
}

function convolve(scope: LayerScope, value: Value, options: WindowLayerOptions, kernel: KernelOptions): Value {
  const { where } = scope;
  const { strides = 1, padding = "valid", dilationRate = 1, useBias = true, biasInitializer = "zeros", biasRegularizer } = options;
  const { filters, groups } = kernel;
  checkImage(where, value.shape);
  checkSize(where, "groups", groups);
  checkFlag(where, "useBias", useBias);
  const channels = value.shape[2];
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new RangeError(`${where}: groups ${groups} must divide the ${channels} input channels and the ${filters} filters`);
  }
  const geometry = windowGeometry(where, extentOf(value.shape), {
    window: checkPair(where, "kernelSize", options.kernelSize),
    strides: checkPair(where, "strides", strides),
    dilation: checkPair(where, "dilationRate", dilationRate),
    padding: checkChoice(where, "padding", padding, PADDINGS),
  });
  const taps = geometry.windowHeight * geometry.windowWidth;
  // Keras computes fans from the kernel's last two axes; a depthwise kernel's are [channels, multiplier].
  const axes = kernel.role === "depthwiseKernel" ? [channels, filters / groups] : [channels / groups, filters];
  const fans = { fanIn: taps * axes[0], fanOut: taps * axes[1] };
  const shape = [geometry.windowHeight, geometry.windowWidth, ...axes];
  const parameters = {
    kernel: scope.parameter(kernel.role, shape, { initializer: kernel.kernelInitializer, fans, regularizer: kernel.kernelRegularizer }),
    ...(useBias && { bias: scope.parameter("bias", [filters], { initializer: biasInitializer, regularizer: biasRegularizer }) }),
  };
  const outputShape = [geometry.outHeight, geometry.outWidth, filters];
  return scope.node("conv2d", { inputs: [value], shape: outputShape, attributes: { geometry, groups }, parameters });
}
