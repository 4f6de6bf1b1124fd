import { beside, block, captioned, table } from "../../src/inspect/blocks.ts";
import { cells, decimal, percent } from "../../src/inspect/terminal.ts";
import { type FilterStep, stepIntoFilter } from "./backprop.ts";
import { indexAt, letterSets, meanOverlap, NAMES, pictureOf } from "./letters.ts";
import { LEARNING_RATE, letterNetwork, type OxDesign, STEPS, trainLetters } from "./oxNetworks.ts";
import { type Stages, stagesBlock, stagesOf, stepBlock } from "./oxPictures.ts";
import { type Autopsy, autopsy, CAUSES, convolutionRow, DESIGNS, firstThatLearns, mlpRow, type TrialRow } from "./oxTrials.ts";
import type { Screen } from "./screen.ts";

export interface Walk {
  readonly pooling: "max" | "mean";
  readonly seed: number;
  readonly failedBefore: readonly number[];
  /** Stages of one O and one X. */
  readonly before: readonly Stages[];
  readonly after: readonly Stages[];
  readonly losses: readonly number[];
  readonly step: FilterStep | null;
}

export interface OxResult {
  readonly seeds: number;
  readonly walks: readonly Walk[];
  readonly rows: readonly TrialRow[];
  readonly autopsy: Autopsy | null;
  readonly overlap: { readonly sameLetter: number; readonly otherLetter: number };
  /** Four filters, and the MLP: means over the seeds. */
  readonly max: { readonly seen: number; readonly unseen: number };
  readonly mean: { readonly seen: number; readonly unseen: number };
  readonly mlp: { readonly seen: number; readonly unseen: number };
}

const sets = letterSets();
const STEP_RATE = 0.5;

export async function oxTour(screen: Screen, options: { seeds: number }): Promise<OxResult> {
  screen.heading("1. O or X");
  introduce(screen);
  const walks = [await walk("max", screen, options.seeds), await walk("mean", screen, options.seeds)];
  const rows = await trials(screen, options.seeds);
  const examined = await explainUnlucky(rows[0]!, screen);
  const averages = (row: TrialRow) => ({ seen: row.seen, unseen: row.unseen });
  const overlap = {
    sameLetter: meanOverlap(sets.unseen, sets.seen, "same letter"),
    otherLetter: meanOverlap(sets.unseen, sets.seen, "other letter"),
  };
  const result = {
    seeds: options.seeds,
    walks,
    rows,
    autopsy: examined,
    overlap,
    max: averages(rows[4]!),
    mean: averages(rows[5]!),
    mlp: averages(rows[6]!),
  };
  conclude(result, screen);
  return result;
}

function introduce(screen: Screen): void {
  const { depth } = screen;
  screen.say("A letter is 4x4 pixels. It may stand at nine places in a 6x6 image. We train on five of the places, and never show the other four.");
  const letters = NAMES.map((title, letter) => ({
    picture: cells(pictureOf(sets.seen, indexAt(sets.seen, letter as 0 | 1, 1, 1)), { depth }),
    title,
  }));
  const places = table(
    ["place", "left", "middle", "right"],
    [
      ["top", "seen", "unseen", "seen"],
      ["middle", "unseen", "seen", "unseen"],
      ["bottom", "seen", "unseen", "seen"],
    ],
    depth,
  );
  screen.show(beside([captioned(letters, depth, "    "), places], "      "));
  screen.say(`${sets.seen.y.length} images are seen, ${sets.unseen.y.length} are unseen.`);
  screen.line();
  screen.say(
    "The network slides one 3x3 filter over the image: a dot product and a bias at each of 4x4 positions. " +
      "The result is a feature map. ReLU sets what is negative to 0. Pooling keeps one number of each 2x2 window. " +
      "So 36 inputs became 4 per filter. Two fully connected layers turn them into O and X.",
  );
  screen.line();
  screen.say("Nobody tells the filter what to look for. It starts random; backpropagation finds it.");
}

/** One filter and four hidden units: before, one step, after. */
async function walk(pooling: "max" | "mean", screen: Screen, seeds: number): Promise<Walk> {
  const design: OxDesign = { pooling, filters: 1, hidden: 4 };
  const { seed, failed } = await firstThatLearns(design, sets, seeds);
  screen.subheading(pooling === "max" ? "One filter, max pooling" : "The same with mean pooling");
  screen.say(`One filter, four hidden units, seed ${seed}: ${whyThisSeed(seed, failed)}`);
  const model = letterNetwork(design, seed);
  const examples = ([0, 1] as const).map((letter) => indexAt(sets.seen, letter, 1, 1));
  const stages = () => Promise.all(examples.map((index) => stagesOf(model, sets.seen, index)));
  const before = await stages();
  screen.line();
  screen.say("Before training:");
  for (const one of before) screen.show(stagesBlock(one, pooling, screen));
  const step = pooling === "max" ? await stepIntoFilter({ model, pooling }, sets.seen, STEP_RATE) : null;
  if (step) showStep(step, screen);
  const losses = await trainLetters(model, sets.seen);
  showLosses(losses, screen);
  const after = await stages();
  screen.line();
  screen.say("After training:");
  for (const one of after) screen.show(stagesBlock(one, pooling, screen));
  model.dispose();
  return { pooling, seed, failedBefore: failed, before, after, losses, step };
}

function whyThisSeed(seed: number, failed: readonly number[]): string {
  if (failed.length === 0) return "the first we tried.";
  if (failed.includes(seed)) return `none of the ${failed.length} seeds we tried learns the seen images, so the pictures show one that fails.`;
  return `the first that learns all the seen images. ${failed.length === 1 ? `Seed ${failed[0]} does` : `Seeds ${failed.join(", ")} do`} not; why, is told below.`;
}

function showStep(step: FilterStep, screen: Screen): void {
  const letter = NAMES[sets.seen.placements[step.image]!.letter];
  screen.subheading("One step of backpropagation into the filter");
  screen.say(
    `The error for one ${letter} comes back through softmax, both layers, the pooling and ReLU, and arrives at the feature map: 16 numbers. ` +
      "Pooling sends each error to the pixel that won; the others get 0. " +
      "Each filter weight touched 16 pixels, one per position. Its gradient is the sum of pixel times gradient over them: patch times gradient, nine times.",
  );
  screen.show(stepBlock(step, sets.seen, screen));
  const largest = (others: readonly number[]) => Math.max(...step.sums.map((sum, index) => Math.abs(sum - others[index]!)));
  screen.say(
    `after = before - ${step.rate} x gradient. The loss of this image goes from ${decimal(step.lossBefore, 4)} to ${decimal(step.lossAfter, 4)}.`,
  );
  screen.say(
    `The check: the library's gradients() differ from our sums by at most ${largest(step.library).toExponential(1)}. ` +
      `The nudge moves one weight by 1/128 up and down and asks how the loss changed: it differs by at most ${largest(step.nudged).toExponential(1)}.`,
  );
}

function showLosses(losses: readonly number[], screen: Screen): void {
  const shown = [1, 10, 50, 100, 200, 400, STEPS];
  screen.subheading(`Training: ${STEPS} steps of Adam, learning rate ${LEARNING_RATE}, all ${sets.seen.y.length} seen images in each`);
  const header = ["step", ...shown.map(String)];
  screen.show(table(header, [["loss", ...shown.map((step) => decimal(losses[step - 1]!, 4))]], screen.depth));
}

async function trials(screen: Screen, seeds: number): Promise<TrialRow[]> {
  screen.subheading(`Seeds 1 to ${seeds}`);
  const rows: TrialRow[] = [];
  const onSeed = (seed: number) => screen.status(`  network ${rows.length + 1} of 7, seed ${seed} of ${seeds}`);
  for (const design of DESIGNS) {
    for (const pooling of ["max", "mean"] as const) rows.push(await convolutionRow({ ...design, pooling }, sets, { seeds, onSeed }));
  }
  rows.push(await mlpRow(sets, { seeds, onSeed }));
  screen.say("Each network is trained again from other random weights. Accuracies are means over the seeds; a coin would get 50 %.");
  const cellsOf = (row: TrialRow) => [row.name, String(row.parameters), `${row.learnt} of ${seeds}`, percent(row.seen), percent(row.unseen)];
  screen.show(table(["network", "weights", "seeds that learnt", "seen", "unseen"], rows.map(cellsOf), screen.depth));
  return rows;
}

async function explainUnlucky(row: TrialRow, screen: Screen): Promise<Autopsy | null> {
  const unlucky = row.trials.filter((one) => one.cause);
  if (unlucky.length === 0) return null;
  const counts = CAUSES.map((cause) => `${unlucky.filter((one) => one.cause === cause).length} ${cause}`).join(", ");
  screen.subheading("The unlucky seeds");
  screen.say(
    `Born dead means: silent for every image before the first step. ${row.name}: ${unlucky.length} of ${row.trials.length} seeds do not learn the seen images: ${counts}.`,
  );
  const dead = unlucky.find((one) => one.cause !== "alive, but stuck");
  const chosen = dead ?? unlucky[0]!;
  const found = await autopsy({ pooling: "max", filters: 1, hidden: 1 }, chosen, sets.seen);
  screen.say(`Seed ${found.seed} after training: what its one hidden unit says to each seen image, and the gradient of its nine filter weights.`);
  const line = (label: string, values: readonly number[]) => `${label.padEnd(24)}${values.map((value) => decimal(value, 2).padStart(6)).join("")}`;
  screen.show(
    block([
      line("hidden unit, 10 images", found.hidden),
      line("probability of O", found.probabilityOfO),
      line("filter gradient", found.filterGradient),
    ]),
  );
  screen.say(explanationOf(found));
  return found;
}

function explanationOf({ deadLayer }: Autopsy): string {
  if (deadLayer === null)
    return "Its units are alive. But one number per image is not enough, from where it started, to tell all the seen images apart.";
  const where = deadLayer === "hidden" ? "of the hidden unit" : "behind the filter";
  return (
    `The ReLU ${where} is dead: its input is never positive, whatever the image. There the slope of ReLU is 0, so no gradient passes back, ` +
    "and no further step can wake it: every image gets the same answer. More filters and more hidden units are more tickets in the lottery."
  );
}

function conclude({ max, mean, mlp, overlap }: OxResult, screen: Screen): void {
  screen.subheading("What the table shows");
  screen.say(
    `Four filters with max pooling get ${percent(max.unseen)} of the letters at places they never saw, with mean pooling ${percent(mean.unseen)}. ` +
      `The MLP gets ${percent(mlp.seen)} of the seen images and ${percent(mlp.unseen)} of the unseen.`,
  );
  screen.say(
    `An MLP learns which pixels, not which shape. A letter at an unseen place has on average ${decimal(overlap.sameLetter, 2)} pixels in common with a seen image of the same letter, ` +
      `and ${decimal(overlap.otherLetter, 2)} with one of the other letter.`,
  );
}
