/** The WASM machines: the only file that knows the loader and the kernel binaries. */
import { instantiateSync } from "@assemblyscript/loader";
import { packed, version } from "../../build/kernels.ts";
import { type KernelSources, type Numerics, packedModule, sourceModule } from "./kernelModules.ts";
import type { Machine } from "./machine.ts";

export { type Numerics, supports } from "./kernelModules.ts";

/** Compiles kernels, or gets them from who has compiled them. */
export type KernelProvider = (numerics: Numerics, memory: "shared" | "unshared") => Promise<WebAssembly.Module>;

let provider: KernelProvider = (numerics, memory) => packedModule(packed, version, numerics, memory);

/** In a worker the page provides them: they are compiled once, and the worker's file needs none. */
export function provideKernels(other: KernelProvider): void {
  provider = other;
}

/** The compiled kernels for a shared or an unshared memory, once per page or process. */
export function compileKernels(numerics: Numerics, memory: "shared" | "unshared" = "unshared", sources?: KernelSources): Promise<WebAssembly.Module> {
  if (sources === undefined) return provider(numerics, memory);
  return sourceModule(sources[numerics]!, { numerics, memory, version });
}

/** Runs `count` records from `first` on as thread `thread` of `threads`: see assembly/index.ts. */
export type Execute = (first: number, count: number, thread: number, threads: number) => number;

export interface Kernels {
  readonly module: WebAssembly.Module;
  readonly execute: Execute;
  /** XXH32 of the `length` bytes from `at` on. */
  checksum(at: number, length: number): number;
}

/** Kernels on `memory`, shared or not. Rejects where the engine or the page's policy refuses WebAssembly. */
export async function instantiateKernels(memory: WebAssembly.Memory, numerics: Numerics, sources?: KernelSources): Promise<Kernels> {
  const isShared = typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
  const module = await compileKernels(numerics, isShared ? "shared" : "unshared", sources);
  const { exports } = instantiateSync(module, { env: { memory } });
  (exports.writeConstants as () => void)();
  const xxh32 = exports.xxh32 as (at: number, length: number) => number;
  return { module, execute: exports.execute as Execute, checksum: (at, length) => xxh32(at, length) >>> 0 };
}

/** The machine of one thread. Rejects as `instantiateKernels` does. */
export async function wasmMachine(memory: WebAssembly.Memory, numerics: Numerics, sources?: KernelSources): Promise<Machine> {
  const { execute, checksum } = await instantiateKernels(memory, numerics, sources);
  return { name: numerics, execute: (first, count) => execute(first, count, 0, 1), checksum };
}
