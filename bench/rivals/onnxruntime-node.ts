/** onnxruntime-node: native code. */
import { type Prepare, Unsupported } from "./engine.ts";
import { onnxSession, type Runtime } from "./onnxSession.ts";

export const prepare: Prepare = async (workload, { threads }) => {
  if (workload.labels !== undefined) throw new Unsupported("inference only");
  const runtime = await import("onnxruntime-node");
  return onnxSession(runtime as unknown as Runtime, workload, { executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1 });
};
