import { CLASSES, countOf, type Digits, digitPixels, PIXELS, shifted, slice } from "./digitsData.ts";
import type { Model } from "./digitsNetworks.ts";

const DIRECTIONS = [
  [-1, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
  [1, 0],
  [1, -1],
  [0, -1],
  [-1, -1],
] as const;
export const LARGEST_SHIFT = 4;

export interface Answers {
  /** [count, 10] */
  readonly probabilities: Float32Array;
  readonly guesses: Uint8Array;
  readonly accuracy: number;
  /** counts[truth][answer] */
  readonly confusion: readonly (readonly number[])[];
}

export async function answersOf(model: Model, digits: Digits): Promise<Answers> {
  const { data } = await model.predict(digits.x);
  const guesses = new Uint8Array(countOf(digits));
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  for (let image = 0; image < guesses.length; image++) {
    const row = data.subarray(image * CLASSES, (image + 1) * CLASSES);
    guesses[image] = row.reduce((best, value, digit) => (value > row[best]! ? digit : best), 0);
    confusion[digits.y[image]!]![guesses[image]!]!++;
  }
  const right = confusion.reduce((sum, row, digit) => sum + row[digit]!, 0);
  return { probabilities: Float32Array.from(data), guesses, accuracy: right / guesses.length, confusion };
}

/** Accuracy at shifts of 0 to 4 pixels: the mean over eight directions, diagonal ones by so many pixels down and so many across. */
export async function shiftAccuracy(model: Model, digits: Digits, onShift: (shift: number) => void): Promise<number[]> {
  const accuracies = [(await answersOf(model, digits)).accuracy];
  for (let shift = 1; shift <= LARGEST_SHIFT; shift++) {
    onShift(shift);
    let sum = 0;
    for (const [dy, dx] of DIRECTIONS) sum += (await answersOf(model, shifted(digits, dy * shift, dx * shift))).accuracy;
    accuracies.push(sum / DIRECTIONS.length);
  }
  return accuracies;
}

export interface Mistake {
  readonly index: number;
  readonly truth: number;
  readonly answer: number;
  /** Probability the model gave to its wrong answer, and to the truth. */
  readonly sure: number;
  readonly truthShare: number;
}

/** Those where the truth got the smallest probability first. */
export function worstMistakes(answers: Answers, digits: Digits, count: number): Mistake[] {
  const mistakes: Mistake[] = [];
  for (let index = 0; index < digits.y.length; index++) {
    const [truth, answer] = [digits.y[index]!, answers.guesses[index]!];
    if (truth === answer) continue;
    const share = (digit: number) => answers.probabilities[index * CLASSES + digit]!;
    mistakes.push({ index, truth, answer, sure: share(answer), truthShare: share(truth) });
  }
  return mistakes.sort((a, b) => a.truthShare - b.truthShare).slice(0, count);
}

/** Gradient of the class's output with respect to every pixel, per image. */
export async function saliencyOf(model: Model, digits: Digits, index: number): Promise<Float32Array> {
  const { data } = await model.inputGradient(digitPixels(digits, index), digits.y[index]!);
  return Float32Array.from(data).slice(0, PIXELS);
}

/** The first image of each digit that is answered rightly by both, or the first at all. */
export function exampleOfEach(digits: Digits, all: readonly Answers[]): number[] {
  return Array.from({ length: CLASSES }, (_, digit) => {
    const right = digits.y.findIndex((truth, index) => truth === digit && all.every(({ guesses }) => guesses[index] === digit));
    return right >= 0 ? right : digits.y.indexOf(digit);
  });
}

export function firstDigits(digits: Digits, count: number): Digits {
  return slice(digits, 0, Math.min(count, countOf(digits)));
}
