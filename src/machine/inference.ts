/** The machines of inference alone: one thread, no loader, fewer kernels. */
import { kernels } from "../../build/inferenceKernels.ts";
import { type KernelSources, kernelCompiler, type Numerics } from "./kernelModules.ts";
import type { Bytes, Machine } from "./machine.ts";
import { machineOf } from "./plain/machine.ts";

const compiler = kernelCompiler();

/** The library's own kernels, compiled once per page or process. */
export function compileInference(numerics: Numerics): Promise<WebAssembly.Module> {
  return compiler.ofLibrary(kernels, numerics);
}

/** Kernels on an unshared `memory`. Rejects where the engine or the page's policy refuses WebAssembly, and KernelSourceError for bad `sources`. */
export async function inferenceMachine(memory: WebAssembly.Memory, numerics: Numerics, sources?: KernelSources): Promise<Machine> {
  const wanted = { numerics, version: kernels.version };
  const module = await (sources === undefined ? compileInference(numerics) : compiler.ofSource(sources[numerics]!, wanted));
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  (exports.writeConstants as () => void)();
  const xxh32 = exports.xxh32 as (at: number, length: number) => number;
  const execute = exports.execute as (first: number, count: number) => void;
  return {
    name: numerics,
    checksum: (at, length) => xxh32(at, length) >>> 0,
    execute(first, count) {
      try {
        execute(first, count);
      } catch (cause) {
        throw new Error(`internal: the ${numerics} kernels stopped (${(cause as Error).message}); what the model gives from now on is void`, {
          cause,
        });
      }
      return count;
    },
  };
}

export async function plainInferenceMachine(memory: Bytes): Promise<Machine> {
  const { inferenceKernels } = await import("./plain/inference.ts");
  return machineOf(inferenceKernels, memory);
}
