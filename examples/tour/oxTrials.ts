import type { LetterSet } from "./letters.ts";
import { accuracyOn, letterMlp, letterNetwork, type Model, type OxDesign, trainLetters } from "./oxNetworks.ts";

export interface Trial {
  readonly seed: number;
  readonly seen: number;
  readonly unseen: number;
  /** Why the seen images were not learnt; absent for the MLP and for those that learnt. */
  readonly cause?: Cause;
}

export interface TrialRow {
  readonly name: string;
  readonly parameters: number;
  readonly trials: readonly Trial[];
  /** Means over the seeds. */
  readonly seen: number;
  readonly unseen: number;
  /** Seeds with every seen image right. */
  readonly learnt: number;
}

export const CAUSES = ["born dead", "died in training", "alive, but stuck"] as const;
export type Cause = (typeof CAUSES)[number];

export const DESIGNS: readonly Omit<OxDesign, "pooling">[] = [
  { filters: 1, hidden: 1 },
  { filters: 1, hidden: 4 },
  { filters: 4, hidden: 8 },
];

interface Sets {
  readonly seen: LetterSet;
  readonly unseen: LetterSet;
}

export function designName({ pooling, filters, hidden }: OxDesign): string {
  return `${filters} filter${filters > 1 ? "s" : ""}, ${hidden} hidden, ${pooling}`;
}

export async function trialRow(
  name: string,
  build: (seed: number) => Model,
  sets: Sets,
  options: { seeds: number; onSeed(seed: number): void },
): Promise<TrialRow> {
  const trials: Trial[] = [];
  let parameters = 0;
  for (let seed = 1; seed <= options.seeds; seed++) {
    options.onSeed(seed);
    const model = build(seed);
    parameters = model.countParams();
    trials.push(await trial(model, sets, seed));
    model.dispose();
  }
  const mean = (pick: (one: Trial) => number) => trials.reduce((sum, one) => sum + pick(one), 0) / trials.length;
  const learnt = trials.filter(({ seen }) => seen === 1).length;
  return { name, parameters, trials, seen: mean((one) => one.seen), unseen: mean((one) => one.unseen), learnt };
}

export function convolutionRow(design: OxDesign, sets: Sets, options: { seeds: number; onSeed(seed: number): void }): Promise<TrialRow> {
  return trialRow(designName(design), (seed) => letterNetwork(design, seed), sets, options);
}

export function mlpRow(sets: Sets, options: { seeds: number; onSeed(seed: number): void }): Promise<TrialRow> {
  return trialRow("MLP 36-8-2", letterMlp, sets, options);
}

async function trial(model: Model, sets: Sets, seed: number): Promise<Trial> {
  const hasFilter = model.layers.some(({ name }) => name === "filter");
  const bornDead = hasFilter && (await deadLayerOf(model, sets.seen)) !== null;
  await trainLetters(model, sets.seen);
  const accuracies = { seen: await accuracyOn(model, sets.seen), unseen: await accuracyOn(model, sets.unseen) };
  if (!hasFilter || accuracies.seen === 1) return { seed, ...accuracies };
  return { seed, ...accuracies, cause: bornDead ? "born dead" : (await deadLayerOf(model, sets.seen)) ? "died in training" : "alive, but stuck" };
}

/** A ReLU layer of which no unit answers any image: nothing behind it depends on the image, and no gradient passes back through it. */
export async function deadLayerOf(model: Model, set: LetterSet): Promise<"relu" | "hidden" | null> {
  const values = await model.activations(set.x, ["relu", "hidden"]);
  return (["relu", "hidden"] as const).find((layer) => values[layer]!.data.every((value) => value === 0)) ?? null;
}

/** What an unlucky network with one hidden unit shows: its activation for every seen image, and the gradient of its filter. */
export interface Autopsy {
  readonly seed: number;
  readonly cause: Cause;
  readonly deadLayer: "relu" | "hidden" | null;
  readonly hidden: readonly number[];
  readonly filterGradient: readonly number[];
  readonly probabilityOfO: readonly number[];
}

export async function autopsy(design: OxDesign, unlucky: Trial, set: LetterSet): Promise<Autopsy> {
  const model = letterNetwork(design, unlucky.seed);
  await trainLetters(model, set);
  const values = await model.activations(set.x, ["hidden", "output"]);
  const gradients = await model.gradients(set.x, set.y);
  const result = {
    seed: unlucky.seed,
    cause: unlucky.cause!,
    deadLayer: await deadLayerOf(model, set),
    hidden: Array.from(values.hidden!.data),
    filterGradient: Array.from(gradients["filter/kernel"]!.data),
    probabilityOfO: Array.from(set.y, (_, image) => values.output!.data[2 * image]!),
  };
  model.dispose();
  return result;
}

/** The first seed from 1 whose network learns every seen image, and those before it that did not. */
export async function firstThatLearns(design: OxDesign, sets: Sets, seeds: number): Promise<{ seed: number; failed: number[] }> {
  const failed: number[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const model = letterNetwork(design, seed);
    await trainLetters(model, sets.seen);
    const learnt = (await accuracyOn(model, sets.seen)) === 1;
    model.dispose();
    if (learnt) return { seed, failed };
    failed.push(seed);
  }
  return { seed: 1, failed };
}
