/** The networks of the case table as convlet models, with the table's weights. */
import { conv2d, dense, flatten, type Model, type ModelOptions, maxPooling2d, sequential } from "../src/index.ts";
import type { NetData } from "./cases.ts";
import { machinesReady } from "./program.ts";

const LAYERS = {
  mnist_cnn: () => [
    conv2d({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
    conv2d({ filters: 64, kernelSize: 3, activation: "relu" }),
    maxPooling2d(),
    flatten(),
    dense({ units: 128, activation: "relu" }),
    dense({ units: 10 }),
  ],
  ox: () => [
    conv2d({ filters: 1, kernelSize: 3, activation: "relu", inputShape: [6, 6, 1] }),
    maxPooling2d(),
    flatten(),
    dense({ units: 1, activation: "relu" }),
    dense({ units: 2, activation: "softmax" }),
  ],
} as const;

export async function netModel(net: keyof typeof LAYERS, { weights }: NetData, options: ModelOptions): Promise<Model> {
  const model = sequential(LAYERS[net](), options);
  model.setWeights(Object.values(weights));
  await machinesReady(model);
  return model;
}
