/** Workers of Node: the adapter between the pool and node:worker_threads. */
import { nodeModule } from "../nodeModule.ts";
import type { StartWorker } from "./poolWorker.ts";

export const startNodeWorker: StartWorker = async (source, events) => {
  const { Worker } = await nodeModule("node:worker_threads");
  // Flags such as --input-type would change how the source is read; flags of V8 hold for the whole process anyway.
  const worker = new Worker(source, { eval: true, execArgv: [], name: "convlet" });
  let reason: string | undefined;
  worker.on("message", events.message);
  worker.on("error", (error) => {
    reason = error?.message ?? String(error);
  });
  worker.on("exit", (code) => events.end(reason ?? `it ended with exit code ${code}`));
  // A process whose work is done ends, workers or not.
  worker.unref();
  return { post: (message) => worker.postMessage(message), terminate: () => void worker.terminate() };
};
