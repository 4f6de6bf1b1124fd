import type { Value } from "../graph.ts";
import { checkChoice } from "../options.ts";
import { checkImage, checkPair, extentOf, PADDINGS, type Padding, windowGeometry } from "../shape.ts";
import type { Pair } from "./conv2d.ts";
import { type Layer, type LayerOptions, type LayerScope, makeLayer } from "./layer.ts";

export interface Pooling2dOptions extends LayerOptions {
  /** Default 2. */
  readonly poolSize?: Pair;
  /** Default: poolSize, windows without overlap. */
  readonly strides?: Pair;
  /** Default "valid". */
  readonly padding?: Padding;
}

/** The largest value of each window. Input and output [height, width, channels]. */
export const maxPooling2d = (options: Pooling2dOptions = {}) => poolingLayer("maxPooling2d", "max", options);

/** The mean of each window; with "same" padding over the cells inside the image. Input and output [height, width, channels]. */
export const averagePooling2d = (options: Pooling2dOptions = {}) => poolingLayer("averagePooling2d", "mean", options);

/** The largest value of each channel: [height, width, channels] → [channels]. */
export const globalMaxPooling2d = (options: LayerOptions = {}) => globalPoolingLayer("globalMaxPooling2d", "max", options);

/** The mean of each channel: [height, width, channels] → [channels]. */
export const globalAveragePooling2d = (options: LayerOptions = {}) => globalPoolingLayer("globalAveragePooling2d", "mean", options);

type Kind = "max" | "mean";

function poolingLayer(type: string, kind: Kind, options: Pooling2dOptions): Layer {
  return makeLayer({
    type,
    options,
    known: ["poolSize", "strides", "padding"],
    build: (scope, [value], options) => pool(scope, value, { kind, ...options }),
  });
}

function globalPoolingLayer(type: string, kind: Kind, options: LayerOptions): Layer {
  return makeLayer({
    type,
    options,
    known: [],
    build(scope, [value]) {
      checkImage(scope.where, value.shape);
      const [height, width, channels] = value.shape;
      const pooled = pool(scope, value, { kind, poolSize: [height, width] });
      return scope.node("reshape", { inputs: [pooled], shape: [channels], attributes: {} });
    },
  });
}

function pool(scope: LayerScope, value: Value, { kind, poolSize = 2, strides = poolSize, padding = "valid" }: Pooling2dOptions & { kind: Kind }) {
  const { where } = scope;
  checkImage(where, value.shape);
  const geometry = windowGeometry(where, extentOf(value.shape), {
    window: checkPair(where, "poolSize", poolSize),
    strides: checkPair(where, "strides", strides),
    dilation: [1, 1],
    padding: checkChoice(where, "padding", padding, PADDINGS),
  });
  const { windowHeight, windowWidth } = geometry;
  // The cells of a window are numbered.
  if (windowHeight * windowWidth >= 2 ** 31)
    throw new RangeError(`${where}: a window of ${windowHeight}x${windowWidth} cells is too large, needs less than 2^31`);
  const shape = [geometry.outHeight, geometry.outWidth, value.shape[2]];
  return scope.node("pool2d", { inputs: [value], shape, attributes: { kind, geometry } });
}
