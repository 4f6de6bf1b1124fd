/** The bench's side of PyTorch: whether there is one, and its data in files. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { convWeightOihw, denseWeightByOutput, inputNchw } from "./layout.ts";
import { ADAM, CORRECTED_EPSILON, type Layer, type Workload } from "./workload.ts";

/** Debian's python3-torch is for Debian's own Python. */
export const PYTHON = "/usr/bin/python3";

export type Pytorch = { readonly version: string; readonly blas: string } | { readonly missing: string };

/** Debian builds it without a matrix product of its own: dense layers and 1x1 convolutions take what is installed. */
const PROBE = `
import numpy, os, re, torch
torch.ones(64, 64) @ torch.ones(64, 64)
with open("/proc/self/maps") as maps:
    libraries = set(re.findall(r"/\\S*(?:blas|mkl)\\S*", maps.read(), re.I))
print(torch.__version__, min(map(os.path.basename, libraries), key=lambda name: not re.search("openblas|mkl_", name), default="unknown"))
`;

let found: Pytorch | undefined;

/** Its version, or why there is none. Asked once, and only where it is wanted: it takes a second. */
export function pytorch(): Pytorch {
  if (found !== undefined) return found;
  const { status, stdout, stderr, error } = spawnSync(PYTHON, ["-c", PROBE], { encoding: "utf8" });
  const [version, blas] = (stdout ?? "").trim().split(" ");
  const reason = error?.message ?? stderr.trim().split("\n").at(-1);
  found = status === 0 ? { version, blas } : { missing: `${PYTHON}: ${reason} (Debian: python3-torch)` };
  return found;
}

/** What a reader of its rows must know. */
export function pytorchNote(): string {
  const torch = pytorch();
  if ("missing" in torch) return `pytorch: ${torch.missing}`;
  const isReference = /^libblas\.so/.test(torch.blas);
  const slow = ", the reference BLAS: dense layers and 1x1 convolutions are some twenty times as fast with Debian's libopenblas0-pthread";
  return `pytorch: PyTorch ${torch.version} on ${torch.blas}${isReference ? slow : ""}`;
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
