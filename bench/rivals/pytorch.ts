/** The bench's side of PyTorch: whether there is one, and its data in files. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { convWeightOihw, denseWeightByOutput, inputNchw } from "./layout.ts";
import { ADAM, CORRECTED_EPSILON, type Layer, type Workload } from "./workload.ts";

/** Debian's python3-torch is for Debian's own Python. */
export const PYTHON = "/usr/bin/python3";

/** Its version, or why there is none. */
export function pytorchVersion(): { version: string } | { missing: string } {
  const { status, stdout, stderr, error } = spawnSync(PYTHON, ["-c", "import numpy, torch; print(torch.__version__)"], { encoding: "utf8" });
  if (status === 0) return { version: stdout.trim() };
  return { missing: `${PYTHON}: ${error?.message ?? stderr.trim().split("\n").at(-1)} (Debian: python3-torch)` };
}

/** workload.json and the arrays that it names. */
export function writeForPytorch(workload: Workload, directory: string): void {
  let files = 0;
  const write = (data: Float32Array | Uint8Array, shape: readonly number[]) => {
    const file = `array${files++}.bin`;
    writeFileSync(join(directory, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { file, shape, type: data instanceof Float32Array ? "<f4" : "u1" };
  };
  const layerOf = (layer: Layer) => {
    if (!("weight" in layer)) return layer;
    const bias = write(layer.bias, [layer.bias.length]);
    if (layer.type === "dense") return { ...layer, bias, weight: write(denseWeightByOutput(layer), [layer.outputs, layer.inputs]) };
    const { window, inChannels, outChannels, groups } = layer;
    return { ...layer, bias, weight: write(convWeightOihw(layer), [outChannels, inChannels / groups, window, window]) };
  };
  const { batch, inputShape, input, labels, layers } = workload;
  const [height, width, channels] = inputShape;
  const samples = input.length / (height * width * channels);
  const described = {
    batch,
    adam: { ...ADAM, epsilon: CORRECTED_EPSILON },
    layers: layers.map(layerOf),
    input: write(inputNchw(workload), [samples, channels, height, width]),
    ...(labels !== undefined && { labels: write(labels, [samples]) }),
  };
  writeFileSync(join(directory, "workload.json"), JSON.stringify(described));
}
