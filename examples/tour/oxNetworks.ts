import { adam, averagePooling2d, conv2d, dense, flatten, input, maxPooling2d, relu, sequential } from "../../src/index.ts";
import { type LetterSet, NAMES, SIDE } from "./letters.ts";

export type Model = ReturnType<typeof sequential>;

export interface OxDesign {
  readonly pooling: "max" | "mean";
  readonly filters: number;
  readonly hidden: number;
}

export const STEPS = 600;
export const LEARNING_RATE = 0.02;
const MLP_HIDDEN = 8;

/** Filter and ReLU are layers of their own: the tour shows the feature map before and after. */
export function letterNetwork({ pooling, filters, hidden }: OxDesign, seed: number): Model {
  const pool = pooling === "max" ? maxPooling2d : averagePooling2d;
  return compiled(
    sequential(
      [
        input({ shape: [SIDE, SIDE, 1] }),
        conv2d({ filters, kernelSize: 3, name: "filter" }),
        relu({ name: "relu" }),
        pool({ poolSize: 2, name: "pool" }),
        flatten(),
        dense({ units: hidden, activation: "relu", name: "hidden" }),
        dense({ units: 2, activation: "softmax", name: "output" }),
      ],
      { seed, classNames: NAMES },
    ),
  );
}

/** 36-8-2: what every pixel means is learnt pixel by pixel. */
export function letterMlp(seed: number): Model {
  return compiled(
    sequential(
      [
        input({ shape: [SIDE, SIDE, 1] }),
        flatten(),
        dense({ units: MLP_HIDDEN, activation: "relu", name: "hidden" }),
        dense({ units: 2, activation: "softmax", name: "output" }),
      ],
      { seed, classNames: NAMES },
    ),
  );
}

/** Loss after each of the full-batch steps. */
export async function trainLetters(model: Model, seen: LetterSet): Promise<number[]> {
  const history = await model.fit(seen.x, seen.y, { epochs: STEPS, batchSize: seen.y.length, shuffle: false, verbose: 0 });
  return Array.from(history.history.loss!);
}

export async function accuracyOn(model: Model, set: LetterSet): Promise<number> {
  const { data } = await model.predict(set.x);
  return set.y.filter((letter, index) => (data[2 * index + 1]! > data[2 * index]! ? 1 : 0) === letter).length / set.y.length;
}

/** Probabilities of O and X. */
export async function probabilities(model: Model, image: Float32Array): Promise<[number, number]> {
  const { data } = await model.predict(image);
  return [data[0]!, data[1]!];
}

function compiled(model: Model): Model {
  model.compile({ optimizer: adam({ learningRate: LEARNING_RATE }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}
