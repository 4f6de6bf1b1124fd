/** This library through its public calls; a training step as `fit` makes it. */
import {
  conv2d,
  dense,
  flatten,
  globalAveragePooling2d,
  type Layer,
  type Model,
  maxPooling2d,
  sequential,
  softmax,
  zeroPadding2d,
} from "../../src/index.ts";
import { internals, machinesReady } from "../program.ts";
import { compileForTraining, samplesOf } from "../suites/training.ts";
import type { Prepare, Prepared } from "./engine.ts";
import { BATCHES, type Workload } from "./workload.ts";

export const prepare: Prepare = async (workload, { numerics }) => {
  const model = convletModel(workload, numerics === "relaxed" ? "relaxed" : "strict");
  await machinesReady(model);
  if (workload.labels !== undefined) return training(model, workload);
  const { input, batch } = workload;
  return { run: () => model.predictSync(input, { batchSize: batch }).data, toTable: (result) => Float32Array.from(result) };
};

export function convletModel({ layers, inputShape }: Workload, numerics: "auto" | "strict" | "relaxed"): Model {
  const model = sequential(
    layers.flatMap((layer, index) => layersOf(layer, index === 0 ? { inputShape } : {})),
    { machine: "wasm", numerics },
  );
  model.setWeights(layers.flatMap((layer) => ("weight" in layer ? [layer.weight, layer.bias] : [])));
  return model;
}

function layersOf(layer: Workload["layers"][number], first: { inputShape?: readonly number[] }): Layer[] {
  if (layer.type === "maxPool") return [maxPooling2d()];
  if (layer.type === "globalAveragePool") return [globalAveragePooling2d()];
  if (layer.type === "softmax") return [softmax()];
  const activation = layer.relu ? "relu" : "linear";
  if (layer.type === "dense") return [...(layer.flattened ? [flatten()] : []), dense({ units: layer.outputs, activation })];
  const { window, stride, padding, groups, outChannels } = layer;
  // Keras pads only as much as "same" needs: other paddings are a layer of their own.
  const same = padding > 0 && stride === 1 && window === 2 * padding + 1;
  const own = { filters: outChannels, kernelSize: window, strides: stride, groups, activation } as const;
  if (same || padding === 0) return [conv2d({ ...own, padding: same ? "same" : "valid", ...first })];
  return [zeroPadding2d({ padding, ...first }), conv2d(own)];
}

function training(model: Model, { input, labels, batch: capacity }: Workload): Prepared {
  compileForTraining(model);
  const samples = samplesOf({ images: input, labels: labels!, weights: {} });
  const accumulation = { adds: false, updates: true, samples: capacity };
  let batch = 0;
  return {
    run() {
      const { session, compiled } = internals(model);
      const plan = { start: capacity * (batch++ % BATCHES), size: capacity, order: null };
      return session.trainBatch(compiled, samples, plan, { capacity, seed: 0, accumulation });
    },
  };
}
