/** onnxruntime-web, its WASM execution provider. */
import { type Prepare, Unsupported } from "./engine.ts";
import { onnxSession, type Runtime } from "./onnxSession.ts";

export const prepare: Prepare = async (workload, { threads }) => {
  if (workload.labels !== undefined) throw new Unsupported("inference only since 1.20");
  const runtime = await import("onnxruntime-web");
  runtime.env.wasm.numThreads = threads;
  return onnxSession(runtime as unknown as Runtime, workload, { executionProviders: ["wasm"] });
};
