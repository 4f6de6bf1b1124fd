/** The ONNX models that the bench writes, against PyTorch's own exports of the same nets where the reference files are at hand. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NET_WEIGHTS } from "../cases.ts";
import { relativeError } from "../report.ts";
import { OUTPUT_TOLERANCE } from "./check.ts";
import { permute } from "./layout.ts";
import { readInitializers } from "./onnxInitializers.ts";
import { onnxModel } from "./onnxModel.ts";
import { netLayers } from "./workload.ts";

/** Beside the project; not part of it. */
const MODELS = join(import.meta.dirname, "../../../../shared/data/models");

export async function crossCheck(): Promise<{ checked: string[]; problems: string[] }> {
  const checked: string[] = [];
  const problems: string[] = [];
  for (const net of ["mnist_cnn", "ox"] as const) {
    const file = (extension: string) => join(MODELS, `${net}.${extension}`);
    if (!existsSync(file("onnx"))) continue;
    const floats = (extension: string) => new Float32Array(Uint8Array.from(readFileSync(file(extension))).buffer);
    const exported = readFileSync(file("onnx"));
    const size = net === "ox" ? 6 : 28;
    const written = onnxModel(netLayers(net, canonical(net, readInitializers(exported))), [size, size, 1]);
    const outputs = await Promise.all([exported, written].map((model) => run(model, floats("input.f32"), [1, 1, size, size])));
    const [theirs, ours] = outputs.map((output) => relativeError(output, floats("output.f32")));
    const line = `${net}.onnx as PyTorch exported it and as the bench writes it, against PyTorch's output: ${theirs.toExponential(0)}, ${ours.toExponential(0)}`;
    (Math.max(theirs, ours) <= OUTPUT_TOLERANCE ? checked : problems).push(line);
  }
  return { checked, problems };
}

async function run(model: Uint8Array, input: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(model, { executionProviders: ["cpu"], intraOpNumThreads: 1 });
  const outputs = await session.run({ [session.inputNames[0]]: new Tensor("float32", input, dims) });
  return outputs[session.outputNames[0]].data;
}

/** PyTorch's arrays, in the order of the layers, by the case table's names and in its layouts. */
function canonical(net: "mnist_cnn" | "ox", arrays: readonly Float32Array[]): Record<string, Float32Array> {
  const flattened = net === "ox" ? [2, 2, 1] : [12, 12, 64];
  let next = 0;
  const entries = NET_WEIGHTS[net].flatMap(([layer, shape]) => {
    const weight = arrays[next++];
    const [outputs, inputs] = [shape[shape.length - 1], shape[shape.length - 2]];
    const isFirstDense = layer === "dense1";
    const [height, width, channels] = isFirstDense ? flattened : shape.length === 4 ? [shape[0], shape[1], inputs] : [1, 1, inputs];
    return [
      [`${layer}Weight`, permute(weight, [outputs, channels, height, width], [2, 3, 1, 0])],
      [`${layer}Bias`, arrays[next++]],
    ];
  });
  return Object.fromEntries(entries);
}
