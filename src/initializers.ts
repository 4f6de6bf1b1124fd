/** What parameters start as. Formulas are Keras 3's; the numbers are this library's own generator's. */
import { checkNumber, checkOptions, type Named, revived, shown } from "./options.ts";
import { normal, truncatedNormal, uniform } from "./random.ts";

/** Inputs that reach one output value and outputs that one input value reaches: window cells × channels. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface Initializer {
  readonly name: string;
  /** JSON; `{ name, config }` in its place makes the same again. */
  readonly config: object;
  /** Writes every element of `target`, a contiguous array of `shape`, from (seed, stream) alone. */
  fill(target: Float32Array, shape: readonly number[], fans: Fans, seed: number, stream: number): void;
}

export type InitializerName = keyof typeof factories;
export type InitializerSpec = InitializerName | Named | Initializer;

/** Standard deviation of a normal distribution cut at ±2: what Keras divides by. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

type Fan = (fans: Fans) => number;
const fanIn: Fan = (fans) => fans.fanIn;
const meanFan: Fan = (fans) => (fans.fanIn + fans.fanOut) / 2;

/** Uniform in ±√(6 / (fanIn + fanOut)). Glorot and Bengio 2010. The default of conv2d and dense. */
export const glorotUniform = () => scaledUniform("glorotUniform", 1, meanFan);
/** Truncated normal of deviation √(2 / (fanIn + fanOut)). */
export const glorotNormal = () => scaledNormal("glorotNormal", 1, meanFan);
/** Uniform in ±√(6 / fanIn). He et al. 2015: for relu. */
export const heUniform = () => scaledUniform("heUniform", 2, fanIn);
/** Truncated normal of deviation √(2 / fanIn). */
export const heNormal = () => scaledNormal("heNormal", 2, fanIn);
/** Uniform in ±√(3 / fanIn). LeCun et al. 1998: for selu. */
export const lecunUniform = () => scaledUniform("lecunUniform", 1, fanIn);
/** Truncated normal of deviation √(1 / fanIn). */
export const lecunNormal = () => scaledNormal("lecunNormal", 1, fanIn);
/** All 0. */
export const zeros = () => filled("zeros", {}, 0);
/** All 1. */
export const ones = () => filled("ones", {}, 1);

/** All `value` (default 0). */
export function constant(value: number | { readonly value?: number } = 0): Initializer {
  const number = optionOf("constant", "value", value, 0);
  return filled("constant", { value: number }, number);
}

/**
 * A random matrix with orthonormal columns, or rows where those are fewer, times `gain` (default 1): the shape counts as
 * [all axes but the last, last]. Saxe et al. 2014. Takes rows × columns × min(rows, columns) multiplications.
 */
export function orthogonal(gain: number | { readonly gain?: number } = 1): Initializer {
  const factor = optionOf("orthogonal", "gain", gain, 1);
  return {
    name: "orthogonal",
    config: { gain: factor },
    fill(target, shape, _fans, seed, stream) {
      if (shape.length < 2) throw new RangeError(`orthogonal: shape [${shape}] has ${shape.length} axes, needs 2 or more`);
      const columns = shape.at(-1)!;
      const rows = target.length / Math.max(columns, 1);
      const length = Math.max(rows, columns);
      const vectors = orthonormalVectors(Math.min(rows, columns), length, seed, stream);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const index = rows >= columns ? column * length + row : row * length + column;
          target[row * columns + column] = factor * vectors[index]!;
        }
      }
    },
  };
}

const factories = {
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
  zeros,
  ones,
  constant,
  orthogonal,
};

/** An initializer from its name, from what a file keeps of it, or as it is. */
export function initializer(spec: InitializerSpec): Initializer {
  return revived<Initializer>("initializer", factories, spec, "fill");
}

/** Whether an option is an initializer that name and config do not make again. */
export function isOwnInitializer(option: unknown): boolean {
  const { name = "", config, fill } = Object(option) as Partial<Initializer>;
  return fill !== undefined && config !== undefined && !Object.hasOwn(factories, name);
}

function scaledUniform(name: string, scale: number, fan: Fan): Initializer {
  return {
    name,
    config: {},
    fill(target, _shape, fans, seed, stream) {
      const limit = Math.sqrt((3 * scale) / Math.max(1, fan(fans)));
      uniform(seed, stream, target);
      for (let index = 0; index < target.length; index++) target[index] = limit * (2 * target[index]! - 1);
    },
  };
}

function scaledNormal(name: string, scale: number, fan: Fan): Initializer {
  return {
    name,
    config: {},
    fill(target, _shape, fans, seed, stream) {
      const deviation = Math.sqrt(scale / Math.max(1, fan(fans))) / TRUNCATED_DEVIATION;
      truncatedNormal(seed, stream, target);
      for (let index = 0; index < target.length; index++) target[index]! *= deviation;
    },
  };
}

function filled(name: string, config: object, value: number): Initializer {
  return { name, config, fill: (target) => void target.fill(value) };
}

/**
 * [count, length]: orthonormal rows, by modified Gram-Schmidt on normal numbers. It divides by a positive norm, so R's diagonal
 * is positive and the result is uniform over all such matrices without a further sign rule (Mezzadri 2007).
 */
function orthonormalVectors(count: number, length: number, seed: number, stream: number): Float64Array {
  const vectors = normal(seed, stream, new Float64Array(count * length));
  for (let index = 0; index < count; index++) {
    const vector = vectors.subarray(index * length, (index + 1) * length);
    const inverse = 1 / Math.sqrt(dot(vector, vector));
    for (let at = 0; at < length; at++) vector[at]! *= inverse;
    for (let next = index + 1; next < count; next++) {
      const other = vectors.subarray(next * length, (next + 1) * length);
      const share = dot(vector, other);
      for (let at = 0; at < length; at++) other[at]! -= share * vector[at]!;
    }
  }
  return vectors;
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += left[at]! * right[at]!;
  return sum;
}

function optionOf(where: string, option: string, given: number | object, otherwise: number): number {
  if (typeof given === "number") return checkNumber(where, option, given);
  if (typeof given !== "object") throw new TypeError(`${where}: ${option} is ${shown(given)}, needs a finite number`);
  checkOptions(where, given, [option]);
  return checkNumber(where, option, (given as Record<string, number>)[option] ?? otherwise);
}
