/** This library through its public calls; a training step as `fit` makes it. */
import {
  add,
  conv2d,
  dense,
  flatten,
  globalAveragePooling2d,
  input,
  type Layer,
  type Model,
  maxPooling2d,
  model,
  relu,
  type SymbolicTensor,
  softmax,
  zeroPadding2d,
} from "../../src/index.ts";
import { internals, machinesReady } from "../program.ts";
import { compileForTraining, samplesOf } from "../suites/training.ts";
import type { Prepare, Prepared } from "./engine.ts";
import { BATCHES, readBy, type Workload } from "./workload.ts";

export const prepare: Prepare = async (workload, { numerics }) => {
  const model = convletModel(workload, numerics === "relaxed" ? "relaxed" : "strict");
  await machinesReady(model);
  if (workload.labels !== undefined) return training(model, workload);
  const { input, batch } = workload;
  return { run: () => model.predictSync(input, { batchSize: batch }).data, toTable: (result) => Float32Array.from(result) };
};

export function convletModel({ layers, inputShape }: Workload, numerics: "auto" | "strict" | "relaxed"): Model {
  const inputs = input({ shape: inputShape });
  const values: SymbolicTensor[] = [];
  for (const [place, layer] of layers.entries()) {
    const [first, ...others] = readBy(layer, place).map((each) => values[each] ?? inputs);
    const start = others.length > 0 ? add().apply([first, ...others]) : first;
    values.push(layersOf(layer, nameOf(place)).reduce((value, each) => each.apply(value), start));
  }
  const outputs = values.at(-1)!;
  const net = model({ inputs, outputs }, { machine: "wasm", numerics });
  for (const [place, layer] of layers.entries()) if ("weight" in layer) net.getLayer(nameOf(place)).setWeights([layer.weight, layer.bias]);
  return net;
}

function nameOf(place: number): string {
  return `layer${place}`;
}

/** `name`: of the one that has weights. */
function layersOf(layer: Workload["layers"][number], name: string): Layer[] {
  if (layer.type === "maxPool") {
    const pool = maxPooling2d({ poolSize: layer.window, strides: layer.stride });
    return layer.padding > 0 ? [zeroPadding2d({ padding: layer.padding }), pool] : [pool];
  }
  if (layer.type === "globalAveragePool") return [globalAveragePooling2d()];
  if (layer.type === "softmax") return [softmax()];
  if (layer.type === "add") return layer.relu ? [relu()] : [];
  const activation = layer.relu ? "relu" : "linear";
  if (layer.type === "dense") return [...(layer.flattened ? [flatten()] : []), dense({ units: layer.outputs, activation, name })];
  const { window, stride, padding, groups, outChannels } = layer;
  // Keras pads only as much as "same" needs: other paddings are a layer of their own.
  const same = padding > 0 && stride === 1 && window === 2 * padding + 1;
  const own = { filters: outChannels, kernelSize: window, strides: stride, groups, activation, name } as const;
  if (same || padding === 0) return [conv2d({ ...own, padding: same ? "same" : "valid" })];
  return [zeroPadding2d({ padding }), conv2d(own)];
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
