/** A plain sentence for each step of the walk, and for what can go wrong. */
import { fixed, percent } from "../ui/numbers.ts";
import type { Look } from "./lab.ts";
import type { Pooling } from "./state.ts";
import { LETTERS, MAP, type Place, POOLED, type Stage, scoresOf, UNDECIDED } from "./walk.ts";

export const STAGE_TITLES: Readonly<Record<Stage, string>> = {
  image: "The drawing",
  convolution: "The filter walks",
  relu: "ReLU",
  pooling: "Pooling",
  flatten: "Flatten",
  hidden: "The hidden layer",
  scores: "Two scores",
  softmax: "Softmax",
};

/** What happens at this step. */
export function sentenceOf({ stage, index }: Place, look: Look, pooling: Pooling): string {
  switch (stage) {
    case "image":
      return "To the network the drawing is 36 numbers: 1 where there is ink, 0 where there is none.";
    case "convolution":
      return convolution(index, look);
    case "relu":
      return `ReLU keeps what is positive and sets the rest to 0. ${silenced(look)} A ReLU lets the network say “not here” instead of “less than nothing”.`;
    case "pooling":
      return pooled(index, look, pooling);
    case "flatten":
      return "The four numbers are put in one row. From here on, the network no longer knows which of them were neighbours.";
    case "hidden":
      return hidden(index, look);
    case "scores":
      return `The score of ${LETTERS[index]} is made from all four hidden units, in the same way: products, sum, bias. It is ${fixed(scoresOf(look)[index]!)}.`;
    case "softmax":
      return softmaxed(look);
  }
}

function convolution(position: number, look: Look): string {
  const [row, column] = [Math.floor(position / MAP) + 1, (position % MAP) + 1];
  const value = look.map[position]!;
  const meaning = value > 0 ? "positive: something here looks like the filter" : value < 0 ? "negative: this is not what the filter looks for" : "0";
  return (
    `The filter lies on rows ${row}–${row + 2}, columns ${column}–${column + 2}. Each weight is multiplied by the pixel under it; ` +
    `the nine products and the bias add up to ${fixed(value)}, ${meaning}. The same nine weights are used at all 16 places.`
  );
}

function silenced(look: Look): string {
  const silent = look.map.filter((value) => value <= 0).length;
  if (silent === 0) return "Here nothing was negative: all 16 numbers stay.";
  return silent === look.map.length ? "Here nothing was positive: all 16 numbers become 0." : `Here ${silent} of 16 numbers become 0.`;
}

function pooled(window: number, look: Look, pooling: Pooling): string {
  const where = `${window < POOLED ? "upper" : "lower"} ${window % POOLED === 0 ? "left" : "right"}`;
  const value = fixed(look.pool[window]!);
  return pooling === "max"
    ? `Of the four numbers of the ${where} window only the largest is kept: ${value}. Where exactly in the window it stood no longer matters; so a small shift of the drawing changes little.`
    : `The four numbers of the ${where} window become their mean: ${value}. Every one of them counts a little; a single strong answer is watered down.`;
}

function hidden(unit: number, look: Look): string {
  const value = look.hidden[unit]!;
  const silent = value === 0 ? " Its sum is not positive, so ReLU makes it 0: this unit is silent for this drawing." : "";
  return `Hidden unit ${unit + 1} is connected to all four numbers: each has its own weight. Products, sum, bias, ReLU: ${fixed(value)}.${silent}`;
}

function softmaxed(look: Look): string {
  const answer = look.output[1]! > look.output[0]! ? 1 : 0;
  const share = look.output[answer]!;
  return (
    "Softmax turns two scores into two shares that add up to 1: e to the power of each score, divided by the sum of both. " +
    (share < UNDECIDED ? "There is no answer: both have half." : `The answer: ${LETTERS[answer]}, with ${percent(share)}.`)
  );
}

/** Why an unlucky network cannot learn. */
export function deadSentence(layer: "relu" | "hidden", look: Look): string {
  const allNegative = look.filter.every((weight) => weight <= 0) && look.bias <= 0;
  const where =
    layer === "relu"
      ? `The ReLU behind the filter answers 0 at all 16 places of all ten training images${allNegative ? ": no weight of the filter is positive, so no sum can be" : ""}.`
      : "All four hidden units answer 0 to all ten training images.";
  return (
    `${where} Where ReLU answers 0 its slope is 0 too. So no gradient comes back: the filter’s gradient is exactly 0, and no training step will ever change it. ` +
    "This is called a dead ReLU. It was bad luck with the first random weights: take another seed, or make some weights of the filter positive by hand."
  );
}
