/** Every size formula, check and shape error. Feature shapes leave the batch out: [features], [width, channels] or [height, width, channels]. */
import { checkNumber, shown } from "./options.ts";

export type Shape = readonly number[];

/** What a kernel sees: missing leading axes are 1. */
export interface Extent {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export const PADDINGS = ["valid", "same"] as const;
export type Padding = (typeof PADDINGS)[number];

/** One convolution's or pooling's window over the image; pads may be asymmetric. */
export interface WindowGeometry {
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padBottom: number;
  readonly padLeft: number;
  readonly padRight: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

export interface WindowOptions {
  readonly window: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: Padding | readonly [number, number, number, number];
}

const MAX_RANK = 3;

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function shapeText(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function extentOf(shape: Shape): Extent {
  const [height, width, channels] = [...new Array(MAX_RANK - shape.length).fill(1), ...shape];
  return { height, width, channels };
}

/** `value` if it is a whole number from `atLeast` on that the kernels' 32-bit words can hold. */
export function checkSize(where: string, what: string, value: unknown, atLeast = 1): number {
  checkNumber(where, what, value, { whole: true, atLeast });
  return checkNumber(where, what, value, { below: 2 ** 31 });
}

/** A feature shape of rank 1 to 3 with whole sizes ≥ 1. */
export function checkShape(where: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) throw new TypeError(`${where}: shape is ${shown(shape)}, needs an array of sizes`);
  if (shape.length < 1 || shape.length > MAX_RANK) {
    throw new RangeError(`${where}: shape ${shapeText(shape)} has rank ${shape.length}, needs 1 to ${MAX_RANK} (the batch is left out)`);
  }
  for (const size of shape) checkSize(where, `a size of shape ${shapeText(shape)}`, size);
  return Object.freeze([...shape]);
}

/** A number or a pair [y, x] as a checked pair. */
export function checkPair(where: string, what: string, value: unknown): [number, number] {
  const pair = Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2) throw new RangeError(`${where}: ${what} has ${pair.length} values, needs a number or a pair [y, x]`);
  for (const size of pair) checkSize(where, what, size);
  return [pair[0], pair[1]];
}

/** Throws unless it is the shape of an image or of feature maps. */
export function checkImage(where: string, shape: Shape): void {
  if (shape.length === 3) return;
  throw new RangeError(`${where}: input ${shapeText(shape)} has rank ${shape.length}, needs rank 3 [height, width, channels]`);
}

/**
 * Output size and pads. "valid": floor((input − span) / stride) + 1. "same": ceil(input / stride), the odd pixel of padding
 * at the bottom and right (TensorFlow's rule). A quadruple gives the pads [top, bottom, left, right].
 */
export function windowGeometry(where: string, input: Extent, options: WindowOptions): WindowGeometry {
  const y = windowAxis(input.height, options, 0);
  const x = windowAxis(input.width, options, 1);
  if (y.out < 1 || x.out < 1) {
    const padded = `${input.height + y.before + y.after}x${input.width + x.before + x.after}`;
    const dilated = options.dilation[0] * options.dilation[1] > 1 ? ` (dilated to ${y.span}x${x.span})` : "";
    throw new RangeError(`${where}: window ${options.window.join("x")}${dilated} is larger than its padded input ${padded}`);
  }
  return {
    windowHeight: options.window[0],
    windowWidth: options.window[1],
    strideY: options.strides[0],
    strideX: options.strides[1],
    dilationY: options.dilation[0],
    dilationX: options.dilation[1],
    padTop: y.before,
    padBottom: y.after,
    padLeft: x.before,
    padRight: x.after,
    outHeight: y.out,
    outWidth: x.out,
  };
}

function windowAxis(input: number, { window, strides, dilation, padding }: WindowOptions, axis: 0 | 1) {
  const stride = strides[axis];
  const span = (window[axis] - 1) * dilation[axis] + 1;
  let before = 0;
  let after = 0;
  if (padding === "same") {
    const total = Math.max(0, (Math.ceil(input / stride) - 1) * stride + span - input);
    before = Math.floor(total / 2);
    after = total - before;
  } else if (padding !== "valid") {
    before = padding[axis * 2];
    after = padding[axis * 2 + 1];
  }
  return { span, before, after, out: Math.floor((input + before + after - span) / stride) + 1 };
}

/** The target shape of a reshape, one −1 resolved. */
export function resolveReshape(where: string, from: Shape, to: readonly number[]): Shape {
  if (!Array.isArray(to)) throw new TypeError(`${where}: targetShape is ${shown(to)}, needs an array of sizes`);
  const holes = to.filter((size) => size === -1).length;
  if (holes > 1) throw new RangeError(`${where}: target shape ${shapeText(to)} has ${holes} sizes of -1, at most one can be inferred`);
  const known = to.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const resolved = to.map((size) => (size === -1 ? sizeOf(from) / known : size));
  if (sizeOf(resolved) !== sizeOf(from) || !resolved.every(Number.isInteger)) {
    throw new RangeError(`${where}: ${shapeText(from)} has ${sizeOf(from)} values and cannot become ${shapeText(to)}`);
  }
  return checkShape(where, resolved);
}

/** Shape of an element-wise op: equal, or one operand's sizes are 1 where it is broadcast over pixels. */
export function broadcastShape(where: string, left: Shape, right: Shape): Shape {
  if (sameShape(left, right)) return left;
  const [large, small] = sizeOf(left) >= sizeOf(right) ? [left, right] : [right, left];
  const { height, width, channels } = extentOf(small);
  if (channels === extentOf(large).channels && height === 1 && width === 1) return large;
  throw new RangeError(
    `${where}: inputs ${shapeText(left)} and ${shapeText(right)} differ; they must be equal, or one of them [1, 1, channels] or [channels]`,
  );
}

export function concatShape(where: string, shapes: readonly Shape[]): Shape {
  const [first] = shapes;
  for (const shape of shapes) {
    if (!sameShape(shape.slice(0, -1), first.slice(0, -1))) {
      throw new RangeError(`${where}: inputs ${shapes.map(shapeText).join(", ")} differ in more than the last axis (channels)`);
    }
  }
  return [...first.slice(0, -1), shapes.reduce((sum, shape) => sum + shape.at(-1)!, 0)];
}
