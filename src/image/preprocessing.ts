/** How a picture becomes a model's input. Part of the model and its file; everything has a default. */
import { checkChoice, checkFlag, checkNumber, checkOptions, shown } from "../options.ts";
import { type Shape, shapeText } from "../shape.ts";
import type { ClassifyOptions, ImageModel } from "./classify.ts";

export interface Preprocessing {
  /**
   * "cover" (default): fills the input, what stands over is cut off in the middle. "contain": all of the picture, with bars.
   * "fill": stretched. Sizes come from the model's input.
   */
  readonly fit?: "cover" | "contain" | "fill";
  /** Brightness of bars and of what is behind transparent pixels, 0 … 255. Default 0, with `invert` 255. */
  readonly background?: number;
  /**
   * For drawings: the empty margin is cut away, what is left is scaled until its longer side leaves `trim` pixels of the input on both
   * sides, and stands with its centre of mass in the middle. 4 makes of any drawn digit one as in MNIST.
   */
  readonly trim?: number;
  /** Whether black becomes white: for drawings in ink, where training saw chalk. Default false. */
  readonly invert?: boolean;
  /** The input is (pixel · scale − mean) / std, pixels being 0 … 255. Default 1/255. */
  readonly scale?: number;
  /** One number, or one per channel. Default 0. */
  readonly mean?: number | readonly number[];
  /** One number, or one per channel. Default 1. */
  readonly std?: number | readonly number[];
}

const KNOWN = ["fit", "background", "trim", "invert", "scale", "mean", "std"] as const;

/** Throws a TypeError or RangeError unless these options fit an input of that shape, [height, width, 1 or 3]. */
export function checkPreprocessing(options: Preprocessing, shape: Shape): void {
  const where = "preprocessing";
  checkOptions(where, options, KNOWN);
  const { fit = "cover", background, trim, invert, scale, mean, std } = options;
  checkImageShape(where, shape);
  const [height, width, channels] = shape;
  checkChoice(where, "fit", fit, ["cover", "contain", "fill"]);
  if (background !== undefined) checkNumber(where, "background", background, { atLeast: 0, atMost: 255 });
  if (trim !== undefined) checkNumber(where, "trim", trim, { whole: true, atLeast: 0, below: Math.min(height, width) / 2 });
  if (trim !== undefined && options.fit !== undefined) throw new TypeError(`${where}: got fit and trim, needs at most one of them`);
  if (invert !== undefined) checkFlag(where, "invert", invert);
  if (scale !== undefined) checkNumber(where, "scale", scale, { above: 0 });
  checkPerChannel("mean", mean, channels);
  checkPerChannel("std", std, channels);
  for (const value of [std ?? 1].flat()) checkNumber(where, "std", value, { above: 0 });
}

/** A RangeError unless pictures can become this input. */
export function checkImageShape(where: string, shape: Shape): void {
  if (shape.length === 3 && (shape[2] === 1 || shape[2] === 3)) return;
  throw new RangeError(`${where}: the model's input is ${shapeText(shape)}, pictures need [height, width, 1] (grey) or [height, width, 3] (RGB)`);
}

/** How many classes `classify` is to give. TypeError or RangeError for options that are none, or where the model gives no classes. */
export function checkClassify(options: ClassifyOptions, { outputShape }: ImageModel): number {
  checkOptions("classify", options, ["top"]);
  if (outputShape.length !== 1) throw new RangeError(`classify: the model's output is ${shapeText(outputShape)}, needs one value per class`);
  return checkNumber("classify", "top", options.top ?? DEFAULT_TOP, { whole: true, atLeast: 1 });
}

/** Keras's `decode_predictions` gives as many. */
const DEFAULT_TOP = 5;

function checkPerChannel(name: string, value: unknown, channels: number): void {
  if (value === undefined) return;
  const list: unknown = typeof value === "number" ? [value] : value;
  if (!Array.isArray(list)) throw new TypeError(`preprocessing: ${name} is ${shown(value)}, needs a number or ${channels} of them`);
  if (typeof value !== "number" && list.length !== channels) {
    throw new RangeError(`preprocessing: ${name} has ${list.length} numbers, needs ${channels}, one per channel`);
  }
  for (const item of list) checkNumber("preprocessing", name, item);
}
