import { adam, conv2d, cosineDecay, dense, flatten, input, type ModelOptions, maxPooling2d, sequential } from "../../src/index.ts";
import { CLASSES, PIXELS, SIDE } from "./digitsData.ts";

export type Model = ReturnType<typeof sequential>;
export type Kind = "cnn" | "mlp";

export const TITLES: Record<Kind, string> = { cnn: "CNN", mlp: "MLP" };

/** Two convolutions with pooling, then what an MLP is: 512 values, 64 hidden units, 10 answers. */
export function digitCnn(seed: number, options: Omit<ModelOptions, "seed"> = {}): Model {
  return sequential(
    [
      input({ shape: [SIDE, SIDE, 1] }),
      conv2d({ filters: 16, kernelSize: 5, activation: "relu", name: "conv1" }),
      maxPooling2d({ poolSize: 2, name: "pool1" }),
      conv2d({ filters: 32, kernelSize: 5, activation: "relu", name: "conv2" }),
      maxPooling2d({ poolSize: 2, name: "pool2" }),
      flatten(),
      dense({ units: 64, activation: "relu", name: "hidden" }),
      dense({ units: CLASSES, activation: "softmax", name: "output" }),
    ],
    { ...options, seed },
  );
}

/** One hidden layer, as wide as `parameters` allow. */
export function digitMlp(seed: number, parameters: number): Model {
  const perUnit = PIXELS + 1 + CLASSES;
  const units = Math.round((parameters - CLASSES) / perUnit);
  return sequential(
    [
      input({ shape: [SIDE, SIDE, 1] }),
      flatten(),
      dense({ units, activation: "relu", name: "hidden" }),
      dense({ units: CLASSES, activation: "softmax", name: "output" }),
    ],
    { seed },
  );
}

/** The CNN, or the MLP with as many parameters as it. */
export function buildDigitModel(kind: Kind, seed: number): Model {
  if (kind === "cnn") return digitCnn(seed);
  const cnn = digitCnn(seed);
  const parameters = cnn.countParams();
  cnn.dispose();
  return digitMlp(seed, parameters);
}

/** Adam; the rate falls to 0 over `steps` along half a cosine wave, so that the last epoch is a quiet one. */
export function compiled(model: Model, { learningRate, steps }: { learningRate: number; steps: number }): Model {
  const falling = cosineDecay({ initialLearningRate: learningRate, decaySteps: steps });
  model.compile({ optimizer: adam({ learningRate: falling }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

/** What the "fewer inputs" table says of a layer. */
export interface LayerLine {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: number;
  readonly parameters: number;
  /** Values that one unit of the layer is computed from. */
  readonly fanIn: number | null;
}

export function layerLines(model: Model): LayerLine[] {
  const lines: LayerLine[] = [{ name: "image", shape: [SIDE, SIDE, 1], values: PIXELS, parameters: 0, fanIn: null }];
  for (const layer of model.layers) {
    const isInput = layer.type === "input" || layer.type === "inputLayer";
    if (isInput || layer.type === "flatten") continue;
    const shape = layer.outputShape.filter((size: number | null): size is number => size !== null);
    const kernel = layer.getWeights()[0]?.shape;
    const fanIn = kernel ? kernel.slice(0, -1).reduce((product: number, size: number) => product * size, 1) : null;
    const values = shape.reduce((product: number, size: number) => product * size, 1);
    lines.push({ name: layer.name, shape, values, parameters: layer.countParams(), fanIn });
  }
  return lines;
}
