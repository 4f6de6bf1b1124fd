import { progressBar } from "../../src/index.ts";
import { countOf, type Digits, slice } from "./digitsData.ts";
import { buildDigitModel, compiled, type Kind, type Model, TITLES } from "./digitsNetworks.ts";
import type { Screen } from "./screen.ts";

export const LEARNING_RATES = [0.002, 0.006, 0.018] as const;

export interface Plan {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Digits of the training set held out while the learning rate is chosen. */
  readonly validation: number;
}

export interface RateTrial {
  readonly learningRate: number;
  readonly loss: readonly number[];
  readonly accuracy: readonly number[];
  readonly valLoss: readonly number[];
  readonly valAccuracy: readonly number[];
}

export interface Choice {
  readonly trials: readonly RateTrial[];
  readonly chosen: RateTrial;
}

export interface Training {
  readonly model: Model;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly loss: readonly number[];
  readonly accuracy: readonly number[];
}

/** Trains once per learning rate and takes the one that is best on digits held out of the training set. The test set is not touched. */
export async function chooseRate(kind: Kind, train: Digits, plan: Plan, screen: Screen): Promise<Choice> {
  const cut = countOf(train) - plan.validation;
  const [fitted, heldOut] = [slice(train, 0, cut), slice(train, cut, countOf(train))];
  const trials: RateTrial[] = [];
  for (const learningRate of LEARNING_RATES) {
    screen.label(`${TITLES[kind]}, learning rate ${learningRate}`);
    const model = compiled(buildDigitModel(kind, plan.seed), { learningRate, steps: stepsOf(plan, cut) });
    const { history } = await model.fit(fitted.x, fitted.y, {
      ...fitOptions(plan),
      validationData: [heldOut.x, heldOut.y],
      callbacks: [progressBar({ stream: screen.passing })],
    });
    const { loss, accuracy, valLoss, valAccuracy } = history as Record<string, number[]>;
    trials.push({ learningRate, loss: loss!, accuracy: accuracy!, valLoss: valLoss!, valAccuracy: valAccuracy! });
    model.dispose();
  }
  const last = (one: RateTrial) => one.valAccuracy.at(-1)!;
  return { trials, chosen: trials.reduce((best, one) => (last(one) > last(best) ? one : best)) };
}

/** A fresh model on the whole training set, with the live bar. */
export async function trainDigits(kind: Kind, train: Digits, plan: Plan & { learningRate: number }, screen: Screen): Promise<Training> {
  const { learningRate } = plan;
  const model = compiled(buildDigitModel(kind, plan.seed), { learningRate, steps: stepsOf(plan, countOf(train)) });
  await model.ready;
  const start = performance.now();
  const { history } = await model.fit(train.x, train.y, { ...fitOptions(plan), callbacks: [progressBar({ stream: screen.bar })] });
  const seconds = (performance.now() - start) / 1000;
  const { loss, accuracy } = history as Record<string, number[]>;
  return { model, seconds, imagesPerSecond: (plan.epochs * countOf(train)) / seconds, loss: loss!, accuracy: accuracy! };
}

function stepsOf({ epochs, batchSize }: Plan, images: number): number {
  return epochs * Math.ceil(images / batchSize);
}

function fitOptions(plan: Plan) {
  return { epochs: plan.epochs, batchSize: plan.batchSize, shuffle: true, seed: plan.seed, verbose: 0 } as const;
}
