/** The ways to a model: from layers, from symbolic values, from a file. */
import { checkDownloadOptions, type DownloadOptions } from "./formats/download.ts";
import { openAnywhere } from "./formats/openAnywhere.ts";
import { bytesSource, type ModelSource, type Source } from "./formats/source.ts";
import { buildGraph, traceArchitecture } from "./layers/architecture.ts";
import { input, type Layer, type SymbolicTensor } from "./layers/layer.ts";
import { offered } from "./machine/startMachine.ts";
import { compileKernels } from "./machine/wasm.ts";
import { Model } from "./model.ts";
import { checkModel, type ModelOptions } from "./modelOptions.ts";
import { checkOptions, shown } from "./options.ts";
import { library } from "./remote/library.ts";
import type { RemoteModel } from "./remote/remoteModel.ts";
import { checkWorkerOption, type WorkerOption } from "./remote/workerOption.ts";
import { type RestoreOptions, restore } from "./restore.ts";

/** Layers one behind the other. The first may be `input(…)`, or have `inputShape`. */
export function sequential(layers: readonly (Layer | SymbolicTensor)[], options: ModelOptions = {}): Model {
  if (!Array.isArray(layers)) throw new TypeError(`sequential: got ${shown(layers)}, needs an array of layers`);
  const [first, ...rest]: (Layer | SymbolicTensor)[] = layers;
  if (layers.length === 0) throw new RangeError("sequential: got no layers");
  if (typeof first !== "object" || first === null) throw new TypeError(`sequential: got ${shown(first)}, needs a layer`);
  const isInput = "kind" in first;
  const shape = isInput ? undefined : first.options?.inputShape;
  if (!isInput && shape === undefined) throw new RangeError("sequential: the first layer needs inputShape, or put input({ shape }) before it");
  const start = isInput ? first : input({ shape: shape! });
  let value = start;
  for (const layer of isInput ? rest : layers) {
    if (typeof layer !== "object" || typeof (layer as Layer)?.apply !== "function")
      throw new TypeError(`sequential: got ${shown(layer)}, needs a layer`);
    value = (layer as Layer).apply(value);
  }
  return model({ inputs: start, outputs: value }, options);
}

/** A model from symbolic values: branches, residual connections, shared layers, several inputs and outputs. */
export function model(
  ends: { readonly inputs: SymbolicTensor | readonly SymbolicTensor[]; readonly outputs: SymbolicTensor | readonly SymbolicTensor[] },
  options: ModelOptions = {},
): Model {
  checkOptions("model", ends, ["inputs", "outputs"]);
  const architecture = traceArchitecture([ends.inputs].flat() as SymbolicTensor[], [ends.outputs].flat() as SymbolicTensor[]);
  return new Model(buildGraph(architecture), options);
}

export interface LoadOptions extends RestoreOptions, DownloadOptions {}

/** Options of a model that lives in a worker. */
export interface WorkerOptions extends LoadOptions {
  readonly worker: WorkerOption;
}

/**
 * A model from its file: a URL (through the HTTP cache), a path (Node), "opfs://name" or "indexeddb://name" as `save` wrote it, or the bytes.
 * Continues to the bit where it was saved. With `worker` it lives off the page's thread, behind the same calls: see RemoteModel.
 */
export async function load(source: ModelSource, options: WorkerOptions): Promise<RemoteModel>;
export async function load(source: ModelSource, options?: LoadOptions): Promise<Model>;
export async function load(source: ModelSource, options: LoadOptions | WorkerOptions = {}): Promise<Model | RemoteModel> {
  checkOptions("load", options, ["machine", "numerics", "threads", "wasm", "onProgress", "signal", "maxBytes", "worker"]);
  const { onProgress, signal, maxBytes, worker, ...rest } = options as WorkerOptions;
  checkDownloadOptions("load", options);
  if (worker !== undefined) checkWorkerOption("load", worker);
  const open = () => openAnywhere(source, { onProgress, signal, maxBytes });
  if (worker !== undefined) return inWorker(open, { worker, ...rest });
  const opening = open();
  beginKernels(rest);
  const opened = await opening;
  try {
    return await restore(opened, rest);
  } finally {
    opened.close();
  }
}

/** Kernels for the first prediction, while the file is on its way. Whoever needs them is told if they are not to be had. */
function beginKernels({ machine, numerics, threads = 1, wasm }: RestoreOptions): void {
  if (machine === "plain" || threads !== 1 || wasm !== undefined) return;
  compileKernels(offered(numerics)).catch(() => {});
}

/** A copy of the model in a worker, weights and training state included. The model itself stays as it is. */
export async function toWorker(model: Model, options: Partial<Pick<WorkerOptions, "worker" | "threads">> = {}): Promise<RemoteModel> {
  checkModel("toWorker", model);
  checkOptions("toWorker", options, ["worker", "threads"]);
  const { worker = true, threads } = options;
  checkWorkerOption("toWorker", worker);
  const { runtime } = model;
  const file = async () => bytesSource(model.toBytes(), "toWorker");
  return inWorker(file, { worker, ...runtime, threads: threads ?? runtime.threads });
}

/** The file is on its way while the code for models in workers is. */
async function inWorker(open: () => Promise<Source>, options: RestoreOptions & { worker: WorkerOption }): Promise<RemoteModel> {
  const file = whole(open);
  // Whoever awaits it gets the error; nobody awaiting it yet must not end the process.
  file.catch(() => {});
  const { startInWorker } = await import("./remote/inWorker.ts");
  return startInWorker(file, options, library);
}

async function whole(open: () => Promise<Source>): Promise<{ bytes: Uint8Array; where: string }> {
  const source = await open();
  const bytes = new Uint8Array(source.length);
  await source.read(0, [bytes]).finally(() => source.close());
  return { bytes, where: source.where };
}
