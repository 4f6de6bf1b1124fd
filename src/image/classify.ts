/** From a picture to labels and probabilities: what models and exported programs share. */
import type { Shape } from "../shape.ts";
import { type ImageSource, pixelsOf } from "./pixels.ts";
import { checkImageShape, type Preprocessing } from "./preprocessing.ts";
import { preprocess } from "./resize.ts";

export interface Classification {
  /** Of `classNames`; where the model has none, the class number as text. */
  readonly label: string;
  /** Class number, from 0. */
  readonly index: number;
  /** 0 … 1. */
  readonly probability: number;
}

export interface ClassifyOptions {
  /** How many classes to give, the best first. Default 5. */
  readonly top?: number;
}

/** What `classify` needs to know of a model. */
export interface ImageModel {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly preprocessing?: Preprocessing;
  readonly classNames?: readonly string[];
  /** "logits": what the model gives is not yet probabilities. */
  readonly gives: "probabilities" | "logits";
}

/** The input [height, width, channels] that a picture becomes. Rejects for sources that cannot be read and models that take no pictures. */
export async function imageInput(source: ImageSource, { inputShape, preprocessing = {} }: ImageModel, where = "classify"): Promise<Float32Array> {
  checkImageShape(where, inputShape);
  return preprocess(await pixelsOf(source, where), inputShape, preprocessing);
}

/** The `top` best classes of one sample's output; among equals the lower number comes first. One output is the second of two classes. */
export function ranked(output: ArrayLike<number>, top: number, { classNames, gives }: ImageModel): Classification[] {
  const given = Array.from(output);
  const values = gives === "logits" ? probabilities(given) : given;
  const all = values.length === 1 ? [1 - values[0], values[0]] : values;
  const classes = all.map((probability, index) => ({ label: classNames?.[index] ?? String(index), index, probability }));
  return classes.sort((a, b) => b.probability - a.probability || a.index - b.index).slice(0, top);
}

/** Softmax; of a single logit, sigmoid. */
function probabilities(logits: readonly number[]): number[] {
  if (logits.length === 1) return [1 / (1 + Math.exp(-logits[0]))];
  const most = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
