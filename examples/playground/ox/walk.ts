/** The walk through the network, one small step after the other, and the arithmetic of each step. */
import { fixed } from "../ui/numbers.ts";
import type { Look } from "./lab.ts";
import type { Pooling } from "./state.ts";

export type Stage = "image" | "convolution" | "relu" | "pooling" | "flatten" | "hidden" | "scores" | "softmax";

export const SIDE = 6;
export const WINDOW = 3;
export const MAP = SIDE - WINDOW + 1;
export const POOLED = MAP / 2;
export const LETTERS = ["O", "X"] as const;
/** A share nearer to one half than this is no answer. */
export const UNDECIDED = 0.502;

/** Steps of each stage, in the order they run: one per number that is computed, ReLU and flatten at once. */
const PLAN: readonly (readonly [Stage, number])[] = [
  ["image", 1],
  ["convolution", MAP * MAP],
  ["relu", 1],
  ["pooling", POOLED * POOLED],
  ["flatten", 1],
  ["hidden", 4],
  ["scores", 2],
  ["softmax", 1],
];

export interface Place {
  readonly stage: Stage;
  /** Which number of the stage. */
  readonly index: number;
}

export const LAST_STEP = PLAN.reduce((sum, [, steps]) => sum + steps, 0) - 1;

export function placeOf(step: number): Place {
  let index = Math.max(0, Math.min(LAST_STEP, step));
  for (const [stage, steps] of PLAN) {
    if (index < steps) return { stage, index };
    index -= steps;
  }
  throw new RangeError(`internal: the walk has no step ${step}`);
}

export function firstStepOf(wanted: Stage): number {
  let step = 0;
  for (const [stage, steps] of PLAN) {
    if (stage === wanted) return step;
    step += steps;
  }
  throw new RangeError(`internal: the walk has no stage ${wanted}`);
}

/** Numbers of `stage` that are known at this step. */
export function filledAt(step: number, stage: Stage): number {
  const steps = PLAN.find(([name]) => name === stage)![1];
  return Math.max(0, Math.min(steps, step - firstStepOf(stage) + 1));
}

/** Pixels under the filter at a position of the map, by index of the image. */
export function windowAt(position: number): number[] {
  const [top, left] = [Math.floor(position / MAP), position % MAP];
  return Array.from({ length: WINDOW * WINDOW }, (_, index) => (top + Math.floor(index / WINDOW)) * SIDE + left + (index % WINDOW));
}

/** Cells of the map under a pooling window. */
export function poolWindowAt(position: number): number[] {
  const corner = Math.floor(position / POOLED) * 2 * MAP + (position % POOLED) * 2;
  return [corner, corner + 1, corner + MAP, corner + MAP + 1];
}

export interface Term {
  /** "1 × −0.42" */
  readonly text: string;
  readonly value: number;
  /** The one that max pooling keeps. */
  readonly isWinner?: boolean;
}

/** A step written out. */
export interface Arithmetic {
  readonly terms: readonly Term[];
  readonly columns: number;
  /** What becomes of the terms, line by line. */
  readonly lines: readonly { readonly label: string; readonly value: number }[];
  /** Largest difference between these numbers and the library's; null where the step computes nothing the library shows. */
  readonly difference: number | null;
}

export function arithmeticOf({ stage, index }: Place, look: Look, pooling: Pooling): Arithmetic | null {
  if (stage === "convolution") return convolution(look, index);
  if (stage === "relu") return rectified(look);
  if (stage === "pooling") return pooled(look, index, pooling);
  if (stage === "hidden") return hiddenUnit(look, index);
  if (stage === "scores") return score(look, index);
  if (stage === "softmax") return softmaxed(look);
  return null;
}

/** Largest difference between the numbers by hand and the library's, over the whole walk. */
export function largestDifference(look: Look, pooling: Pooling): number {
  let largest = 0;
  for (let step = 0; step <= LAST_STEP; step++) {
    const difference = arithmeticOf(placeOf(step), look, pooling)?.difference ?? 0;
    if (Number.isNaN(difference)) return difference;
    largest = Math.max(largest, difference);
  }
  return largest;
}

const product = (left: number, right: number): Term => ({ text: `${plain(left)} × ${fixed(right)}`, value: left * right });
const sumOf = (terms: readonly Term[]) => terms.reduce((sum, { value }) => sum + value, 0);
const plain = (value: number) => (Number.isInteger(value) ? fixed(value, 0) : fixed(value));

function convolution(look: Look, position: number): Arithmetic {
  const terms = windowAt(position).map((pixel, index) => product(look.input[pixel]!, look.filter[index]!));
  const sum = sumOf(terms);
  const lines = [
    { label: "sum of the nine products", value: sum },
    { label: "plus the bias", value: look.bias },
    { label: `row ${Math.floor(position / MAP) + 1}, column ${(position % MAP) + 1} of the feature map`, value: sum + look.bias },
  ];
  return { terms, columns: WINDOW, lines, difference: Math.abs(sum + look.bias - look.map[position]!) };
}

function rectified(look: Look): Arithmetic {
  const terms = Array.from(look.map, (value) => ({ text: `max(0, ${fixed(value)})`, value: Math.max(0, value) }));
  const silenced = terms.filter(({ value }) => value === 0).length;
  const difference = Math.max(...terms.map(({ value }, index) => Math.abs(value - look.relu[index]!)));
  return { terms, columns: MAP, lines: [{ label: "zeros now", value: silenced }], difference };
}

function pooled(look: Look, position: number, pooling: Pooling): Arithmetic {
  const values = poolWindowAt(position).map((cell) => look.relu[cell]!);
  const largest = Math.max(...values);
  const winner = values.indexOf(largest);
  const terms = values.map((value, index) => ({ text: "", value, isWinner: pooling === "max" && index === winner }));
  const sum = sumOf(terms);
  const lines =
    pooling === "max"
      ? [{ label: "the largest of the four", value: largest }]
      : [
          { label: "sum of the four", value: sum },
          { label: "divided by 4", value: sum / 4 },
        ];
  return { terms, columns: 2, lines, difference: Math.abs(lines.at(-1)!.value - look.pool[position]!) };
}

function hiddenUnit(look: Look, unit: number): Arithmetic {
  const units = look.hidden.length;
  const terms = Array.from(look.flat, (value, input) => product(value, look.hiddenWeights[input * units + unit]!));
  const sum = sumOf(terms);
  const bias = look.hiddenBias[unit]!;
  const lines = [
    { label: "sum of the four products", value: sum },
    { label: "plus the bias", value: bias },
    { label: "before ReLU", value: sum + bias },
    { label: `hidden unit ${unit + 1}, after ReLU`, value: Math.max(0, sum + bias) },
  ];
  return { terms, columns: 2, lines, difference: Math.abs(Math.max(0, sum + bias) - look.hidden[unit]!) };
}

function scoreTerms(look: Look, letter: number): Term[] {
  return Array.from(look.hidden, (value, unit) => product(value, look.outputWeights[unit * 2 + letter]!));
}

export function scoresOf(look: Look): [number, number] {
  const of = (letter: number) => sumOf(scoreTerms(look, letter)) + look.outputBias[letter]!;
  return [of(0), of(1)];
}

/** The library gives scores only as probabilities: they are checked in the last step. */
function score(look: Look, letter: number): Arithmetic {
  const terms = scoreTerms(look, letter);
  const lines = [
    { label: "sum of the four products", value: sumOf(terms) },
    { label: "plus the bias", value: look.outputBias[letter]! },
    { label: `score of ${LETTERS[letter]}`, value: scoresOf(look)[letter]! },
  ];
  return { terms, columns: 2, lines, difference: null };
}

function softmaxed(look: Look): Arithmetic {
  const scores = scoresOf(look);
  // The largest score is taken off first, as the library does: the quotients stay the same and nothing overflows.
  const largest = Math.max(...scores);
  const terms = scores.map((value, letter) => ({ text: `${LETTERS[letter]}: e^${fixed(value - largest)}`, value: Math.exp(value - largest) }));
  const sum = sumOf(terms);
  const shares = terms.map(({ value }) => value / sum);
  const lines = [{ label: "sum of both", value: sum }, ...LETTERS.map((letter, index) => ({ label: `share of ${letter}`, value: shares[index]! }))];
  return { terms, columns: 2, lines, difference: Math.max(...shares.map((share, letter) => Math.abs(share - look.output[letter]!))) };
}
