import { type Block, beside, block, flow, stacked, table } from "../../src/inspect/blocks.ts";
import { channelOf, filterOf, type Map2d } from "../../src/inspect/maps.ts";
import { bars, cells, decimal, numbers } from "../../src/inspect/terminal.ts";
import type { FilterStep } from "./backprop.ts";
import { imageOf, type LetterSet, NAMES, pictureOf } from "./letters.ts";
import type { Model } from "./oxNetworks.ts";
import type { Screen } from "./screen.ts";

/** What one image becomes on its way through a network with one filter. */
export interface Stages {
  readonly letter: 0 | 1;
  readonly image: Map2d;
  readonly filter: Map2d;
  readonly bias: number;
  readonly featureMap: Map2d;
  readonly rectified: Map2d;
  readonly pooled: Map2d;
  /** of O and X */
  readonly probabilities: readonly [number, number];
}

export const BLUE = [86, 160, 224] as const;
export const ORANGE = [226, 138, 60] as const;

export async function stagesOf(model: Model, set: LetterSet, index: number): Promise<Stages> {
  const values = await model.activations(imageOf(set, index), ["filter", "relu", "pool", "output"]);
  const [kernel, bias] = model.getLayer("filter").getWeights();
  return {
    letter: set.placements[index]!.letter,
    image: pictureOf(set, index),
    filter: filterOf(kernel!, 0, 0),
    bias: bias!.data[0]!,
    featureMap: channelOf(values.filter!, 0, 0),
    rectified: channelOf(values.relu!, 0, 0),
    pooled: channelOf(values.pool!, 0, 0),
    probabilities: [values.output!.data[0]!, values.output!.data[1]!],
  };
}

/** Image → filter → feature map → after ReLU → after pooling → probabilities. */
export function stagesBlock(stages: Stages, pooling: string, screen: Screen): Block {
  const { depth } = screen;
  const show = (map: Map2d, title: string, note: string) => ({ picture: numbers(map, { depth, signed: true }), title, note });
  const rowsOfAnswer = NAMES.map((label, letter) => ({ label, share: stages.probabilities[letter]! }));
  const answer = bars(rowsOfAnswer, { depth, width: 34, colors: [BLUE, ORANGE] });
  const path = flow(
    [
      { picture: cells(stages.image, { depth }), title: "image", note: "6x6 = 36" },
      show(stages.filter, "filter", `bias ${decimal(stages.bias, 2)}`),
      show(stages.featureMap, "feature map", "4x4"),
      show(stages.rectified, "after ReLU", "4x4"),
      show(stages.pooled, `${pooling} pool`, "2x2 = 4"),
    ],
    screen.width - 4,
    depth,
  );
  return stacked([path, block([""]), beside([block(["→ fully connected → softmax →"]), answer])]);
}

/** The step in pictures (image, gradient at the map, nine sums) and in a table of nine rows. */
export function stepBlock(step: FilterStep, set: LetterSet, screen: Screen): Block {
  const { depth } = screen;
  const map = (data: readonly number[], side: number) => numbers({ data, height: side, width: side }, { depth, signed: true, digits: 3 });
  const pictures = flow(
    [
      { picture: cells(pictureOf(set, step.image), { depth }), title: "image", note: "6x6" },
      { picture: map(step.mapGradient, 4), title: "gradient at the feature map", note: "4x4" },
      { picture: map(step.sums, 3), title: "nine sums", note: "3x3" },
    ],
    screen.width - 4,
    depth,
  );
  const rows = step.sums.map((sum, index) => [
    `row ${Math.floor(index / 3) + 1}, column ${(index % 3) + 1}`,
    ...[sum, step.library[index]!, step.nudged[index]!].map((value) => decimal(value, 4)),
    ...[step.before[index]!, step.after[index]!].map((value) => decimal(value, 4)),
  ]);
  return stacked([pictures, block([""]), table(["weight", "patch x gradient", "gradients()", "nudge", "before", "after"], rows, depth)]);
}
