/** Both builds of ONNX Runtime have one interface. */
import type { Prepared } from "./engine.ts";
import { inputNchw, outputNhwc } from "./layout.ts";
import { onnxModel } from "./onnxModel.ts";
import type { Workload } from "./workload.ts";

/** Either package, by the little that is called; its own types say more where it is installed. */
export interface Runtime {
  readonly InferenceSession: typeof import("onnxruntime-common-bench").InferenceSession;
  readonly Tensor: typeof import("onnxruntime-common-bench").Tensor;
}

type SessionOptions = import("onnxruntime-common-bench").SessionOptions;

export async function onnxSession({ InferenceSession, Tensor }: Runtime, workload: Workload, options: SessionOptions): Promise<Prepared> {
  const { batch, inputShape, layers } = workload;
  const [height, width, channels] = inputShape;
  const session = await InferenceSession.create(onnxModel(layers, inputShape), options);
  const [outputName] = session.outputNames;
  const input = inputNchw(workload);
  const dims = [batch, channels, height, width];
  const run = async () => (await session.run({ x: new Tensor("float32", input, dims) }))[outputName].data;
  return { run, toTable: (result) => outputNhwc(Float32Array.from(result), workload) };
}
