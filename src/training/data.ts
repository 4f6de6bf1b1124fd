/** Turns what users pass into checked contiguous arrays: one place for every complaint about data. */
import { checkNumber, shown } from "../options.ts";
import { sameShape, shapeText, sizeOf } from "../shape.ts";
import { highest } from "./scores.ts";

/** Arrays whose bytes go in as they are. */
export type Typed = Float32Array | Float64Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array;

export interface Nested extends ReadonlyArray<number | Nested> {}

/** An array with its shape, [samples, …sample shape]. */
export interface Shaped {
  readonly data: Typed | readonly number[];
  readonly shape: readonly number[];
}

/** Samples: with a shape, bare where the sample's shape says enough, or nested. Images are [height, width, channels]. */
export type DataLike = Shaped | Typed | Nested;

/** `count` samples, one behind the other, in row-major order. */
export interface Batch {
  readonly data: Typed;
  readonly count: number;
}

/**
 * Samples of `sampleShape`. A last axis of 1 may be left out or be too many, and a single sample may come without its batch axis.
 * `where` names the argument and its layer in errors: `x (layer "input")`.
 */
export function asBatch(value: unknown, sampleShape: readonly number[], where: string): Batch {
  if (isTyped(value)) {
    if (value.length === 0) throw new RangeError(`${where}: got 0 samples, needs at least 1${hintOf(value)}`);
    return bareBatch(value, sampleShape, where);
  }
  if (isNumbers(value)) return bareBatch(Float32Array.from(value), sampleShape, where);
  if (Array.isArray(value)) return flattened(value, sampleShape, where);
  if (typeof value !== "object" || value === null || !("data" in value && "shape" in value)) {
    throw new TypeError(`${where}: got ${shown(value)}, needs { data, shape }, a typed array or nested arrays of shape ${batchShape(sampleShape)}`);
  }
  const { data, shape } = checkedShaped(value, sampleShape, where);
  const count = checkedCount(shape, sampleShape, where);
  const size = sizeOf(shape);
  if (size !== data.length) throw new RangeError(`${where}: shape ${shapeText(shape)} has ${size} elements, data has ${data.length}${hintOf(data)}`);
  return counted({ data: isTyped(data) ? data : Float32Array.from(data), count }, where);
}

/** Samples of every input of a model, as many of each: `x` is a list where there are several. */
export function asBatches(x: unknown, inputs: readonly { readonly name: string; readonly shape: readonly number[] }[], where: string): Batch[] {
  const list = inputs.length === 1 ? [x] : x;
  if (!Array.isArray(list) || list.length !== inputs.length) {
    throw new RangeError(`${where}: x is ${shown(x)}, needs a list of ${inputs.length} inputs (${inputs.map(({ name }) => name).join(", ")})`);
  }
  const batches = inputs.map(({ name, shape }, index) => asBatch(list[index], shape, `${where}: x (input "${name}")`));
  const different = batches.find(({ count }) => count !== batches[0]!.count);
  if (different === undefined) return batches;
  throw new RangeError(`${where}: inputs have ${batches[0]!.count} and ${different.count} samples, needs as many in each`);
}

/** Class numbers, `labelShape` of them per sample ([] or, per pixel, [height, width]), each a whole number in 0 … classes − 1. */
export function asLabels(value: unknown, labelShape: readonly number[], classes: number, where: string): Batch {
  const batch = asBatch(value, labelShape, where);
  for (let index = 0; index < batch.data.length; index++) {
    const label = batch.data[index]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new RangeError(`${where}: label ${index} is ${label}, needs a whole number from 0 to ${classes - 1}`);
  }
  return batch;
}

/** RangeError for one-hot rows where a loss takes class numbers, and the other way round. `rows`: class numbers there should be. */
export function checkTargetKind(y: unknown, { where, loss, rows, classes }: { where: string; loss: string; rows: number; classes: number }): void {
  let values = 1;
  let level = (y as Shaped | null)?.data ?? y;
  // No deeper than pixels with classes: an array may hold itself.
  for (let axis = 0; axis < 4 && (Array.isArray(level) || isTyped(level)); axis++, level = level[0]) values *= level.length;
  const isSparse = loss === "sparseCategoricalCrossentropy";
  if (!(isSparse ? values === rows * classes : loss === "categoricalCrossentropy" && values === rows)) return;
  const [found, other] = isSparse ? ["one-hot rows", "categorical"] : ["class numbers", "sparseCategorical"];
  throw new RangeError(`${where}: y has ${found}, which need the loss ${other}Crossentropy`);
}

/** One finite number ≥ 0 per sample. */
export function asSampleWeight(value: unknown, count: number, where: string): Float32Array {
  const batch = asBatch(value, [], where);
  if (batch.count !== count) throw new RangeError(`${where}: got ${batch.count} weights, needs one for each of ${count} samples`);
  for (let index = 0; index < count; index++) {
    const weight = batch.data[index]!;
    if (!(Number.isFinite(weight) && weight >= 0)) throw new RangeError(`${where}: weight ${index} is ${weight}, needs a finite number ≥ 0`);
  }
  return batch.data instanceof Float32Array ? batch.data : Float32Array.from(batch.data);
}

/** Weights by class number; a class left out weighs 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/**
 * A weight per sample from its class, times `sampleWeight`. Targets are labels (one value per sample) or, with `classes` values
 * per sample, one-hot rows.
 */
export function classSampleWeight(
  targets: Batch,
  { classWeight, classes, sampleWeight = null }: { classWeight: ClassWeight; classes: number; sampleWeight?: Float32Array | null },
): Float32Array {
  if (typeof classWeight !== "object" || classWeight === null || classWeight instanceof Map)
    throw new TypeError(`classWeight: got ${shown(classWeight)}, needs weights by class number`);
  const width = targets.data.length / targets.count;
  if (width !== 1 && width !== classes)
    throw new RangeError(`classWeight: targets have ${width} values per sample, needs a label or ${classes} values`);
  const weights = new Float32Array(classes).fill(1);
  for (const [label, weight] of Object.entries(classWeight)) {
    checkNumber("classWeight", `class ${label}`, Number(label), { whole: true, atLeast: 0, below: classes });
    weights[Number(label)] = checkNumber("classWeight", `weight of class ${label}`, weight, { atLeast: 0 });
  }
  const result = new Float32Array(targets.count);
  for (let sample = 0; sample < targets.count; sample++) {
    const label = width === 1 ? targets.data[sample]! : highest(targets.data, sample, width);
    if (weights[label] === undefined) throw new RangeError(`classWeight: target ${sample} is ${label}, needs a class number below ${classes}`);
    result[sample] = weights[label]! * (sampleWeight === null ? 1 : sampleWeight[sample]!);
  }
  return result;
}

/** Sizes of the parts: the last `fraction` of the samples, in the order given, validates (Keras). */
export function validationSplit(count: number, fraction: number): { readonly training: number; readonly validation: number } {
  checkNumber("validationSplit", "fraction", fraction, { atLeast: 0, below: 1 });
  // 10 · (1 − 0.9) is 0.9999999999999998: a hair more, so that it counts as 1.
  const training = Math.floor(count * (1 - fraction) + 1e-9);
  if (fraction > 0 && (training === 0 || training === count)) {
    throw new RangeError(`validationSplit: ${fraction} of ${count} samples leaves none to ${training === 0 ? "train with" : "validate with"}`);
  }
  return { training, validation: count - training };
}

/** Samples start … end − 1, without a copy. */
export function sliced({ data, count }: Batch, start: number, end: number): Batch {
  const size = data.length / count;
  return { data: data.subarray(start * size, end * size), count: end - start };
}

/** A step of an epoch: samples order[start … start + size), or where order is null start … start + size themselves. */
export interface BatchPlan {
  readonly start: number;
  readonly size: number;
  readonly order: Uint32Array | null;
}

/** The steps of an epoch over `count` samples; the last one may be short. */
export function batches(count: number, batchSize: number, order: Uint32Array | null = null): BatchPlan[] {
  const plans: BatchPlan[] = [];
  for (let start = 0; start < count; start += batchSize) plans.push({ start, size: Math.min(batchSize, count - start), order });
  return plans;
}

/** Writes the samples of a step one behind the other into `into`, which may be longer. */
export function gather({ data, count }: Batch, { start, size, order }: BatchPlan, into: Float32Array): void {
  const length = data.length / count;
  if (length === 0) throw new RangeError(`the data were given away while they are in use${hintOf(data)}`);
  if (order === null) {
    into.set(data.subarray(start * length, (start + size) * length));
    return;
  }
  for (let row = 0; row < size; row++) {
    const sample = order[start + row]!;
    if (length === 1) into[row] = data[sample]!;
    else into.set(data.subarray(sample * length, (sample + 1) * length), row * length);
  }
}

function bareBatch(data: Typed, sampleShape: readonly number[], where: string): Batch {
  const size = sizeOf(sampleShape);
  if (data.length % size !== 0) {
    throw new RangeError(`${where}: ${data.length} values are no whole number of samples ${shapeText(sampleShape)}, ${size} values each`);
  }
  return counted({ data, count: data.length / size }, where);
}

function counted(batch: Batch, where: string): Batch {
  if (batch.count === 0) throw new RangeError(`${where}: got 0 samples, needs at least 1`);
  return batch;
}

function checkedCount(shape: readonly number[], sampleShape: readonly number[], where: string): number {
  const count = samplesIn(shape, sampleShape);
  if (count === undefined) throw new RangeError(`${where}: shape ${shapeText(shape)}, needs ${batchShape(sampleShape)}`);
  return count;
}

/** How many samples an array of `shape` holds; undefined where it does not fit. */
function samplesIn(shape: readonly number[], sampleShape: readonly number[]): number | undefined {
  const sample = withoutLastOne(sampleShape);
  for (const candidate of [shape, withoutLastOne(shape)]) {
    for (const wanted of [sampleShape, sample]) {
      if (candidate.length === wanted.length + 1 && sameShape(candidate.slice(1), wanted)) return candidate[0];
    }
  }
  return sameShape(shape, sampleShape) || (sample.length > 0 && sameShape(shape, sample)) ? 1 : undefined;
}

function withoutLastOne(shape: readonly number[]): readonly number[] {
  return shape.length > 0 && shape[shape.length - 1] === 1 ? shape.slice(0, -1) : shape;
}

/** Nested arrays as one; every level must be as long as its first item's. */
function flattened(nested: readonly unknown[], sampleShape: readonly number[], where: string): Batch {
  const shape: number[] = [];
  const axes = sampleShape.length + 2;
  for (let level: unknown = nested; (Array.isArray(level) || isTyped(level)) && shape.length < axes; level = level[0]) shape.push(level.length);
  const count = checkedCount(shape, sampleShape, where);
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  const visit = (value: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (typeof value !== "number") throw new TypeError(`${where}: ${path} is ${shown(value)}, needs a number`);
      data[at++] = value;
      return;
    }
    if (!Array.isArray(value) && !isTyped(value)) throw new TypeError(`${where}: ${path} is ${shown(value)}, needs an array of ${shape[axis]}`);
    if (value.length !== shape[axis]) throw new RangeError(`${where}: ${path} has ${value.length} items, needs ${shape[axis]} as the first one has`);
    for (let index = 0; index < value.length; index++) visit(value[index], axis + 1, `${path}[${index}]`);
  };
  visit(nested, 0, "");
  return counted({ data, count }, where);
}

/** An array of numbers without holes, which `every` does not see. */
function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.findIndex((item) => typeof item !== "number") < 0;
}

export function isTyped(value: unknown): value is Typed {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array);
}

function checkedShaped({ data, shape }: { data: unknown; shape: unknown }, sampleShape: readonly number[], where: string): Shaped {
  const needed = batchShape(sampleShape);
  if (!Array.isArray(shape)) throw new TypeError(`${where}: shape is ${shown(shape)}, needs ${needed}`);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new RangeError(`${where}: shape ${shapeText(shape)} has a size that is no whole number, needs ${needed}`);
  }
  if (!isTyped(data) && !isNumbers(data)) {
    throw new TypeError(`${where}: data is ${shown(data)}, needs a typed array or an array of numbers`);
  }
  return { data, shape };
}

function hintOf(data: Shaped["data"]): string {
  return data.length === 0 && isTyped(data) ? " (an array is empty after its buffer was transferred)" : "";
}

function batchShape(sampleShape: readonly number[]): string {
  return `[${["samples", ...sampleShape].join(", ")}]`;
}
