/** The WASM machines: the only file that knows the loader and the kernel binaries. */
import { instantiateSync } from "@assemblyscript/loader";
import { kernels } from "../../build/kernels.ts";
import { KernelSourceError, type KernelSources, kernelCompiler, type Numerics } from "./kernelModules.ts";
import type { Machine } from "./machine.ts";

export { type Numerics, supportsRelaxed } from "./kernelModules.ts";

/** Compiles kernels, or gets them from who has compiled them. */
export type KernelProvider = (numerics: Numerics, memory: "shared" | "unshared") => Promise<WebAssembly.Module>;

const compilers = { unshared: kernelCompiler(), shared: kernelCompiler(sharedTwin) };

let provider: KernelProvider = (numerics, memory) => compilers[memory].ofLibrary(kernels, numerics);

/** In a worker the page provides them: they are compiled once, and the worker's file needs none. */
export function provideKernels(other: KernelProvider): void {
  provider = other;
}

/** The compiled kernels for a shared or an unshared memory, once per page or process. */
export async function compileKernels(
  numerics: Numerics,
  memory: "shared" | "unshared" = "unshared",
  sources?: KernelSources,
): Promise<WebAssembly.Module> {
  if (sources === undefined) return provider(numerics, memory);
  const source = sources[numerics]!;
  if (memory === "shared" && source instanceof WebAssembly.Module) {
    throw new KernelSourceError(`wasm.${numerics}: several threads need the file's address or bytes, not a module`);
  }
  return compilers[memory].ofSource(source, { numerics, version: kernels.version });
}

/** Limits of the kernels' memory import: with a maximum, and the same of a memory that threads share. */
const LIMITS = { unshared: 1, shared: 3 };

/** The kernels are made for an unshared memory; one byte makes their twin. */
function sharedTwin(wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wasm);
  const name = Array.from("\x03env\x06memory\x02", (character) => character.charCodeAt(0));
  for (let at = 8; at < bytes.length - name.length; at++) {
    if (name.some((byte, offset) => bytes[at + offset] !== byte)) continue;
    if (bytes[at + name.length] !== LIMITS.unshared) break;
    bytes[at + name.length] = LIMITS.shared;
    return bytes;
  }
  throw new Error("internal: the kernels import no unshared memory");
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
