/** The WASM machines: the only file that knows the loader and the kernel binaries. */
import { instantiateSync } from "@assemblyscript/loader";
import { relaxed, strict } from "../../build/kernels.ts";
import type { Machine } from "./machine.ts";

export type Numerics = "strict" | "relaxed";

/** (module (func (result v128) … f32x4.relaxed_madd)): validates where the engine has relaxed SIMD. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11,
]);
const SIMD_PROBE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11]);

export function supports(numerics: Numerics): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(numerics === "relaxed" ? RELAXED_PROBE : SIMD_PROBE);
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** The compiled kernels for a shared or an unshared memory, once per page or process. */
export function compileKernels(numerics: Numerics, memory: "shared" | "unshared" = "unshared"): Promise<WebAssembly.Module> {
  const key = `${numerics} ${memory}`;
  let module = modules.get(key);
  if (module === undefined) {
    module = inflate(numerics === "strict" ? strict : relaxed).then((bytes) => WebAssembly.compile(memory === "shared" ? bytes : unshared(bytes)));
    modules.set(key, module);
  }
  return module;
}

/** Runs `count` records from `first` on as thread `thread` of `threads`: see assembly/index.ts. */
export type Execute = (first: number, count: number, thread: number, threads: number) => number;

/** Kernels on `memory`, shared or not. Rejects where the engine or the page's policy refuses WebAssembly. */
export async function instantiateKernels(memory: WebAssembly.Memory, numerics: Numerics): Promise<{ module: WebAssembly.Module; execute: Execute }> {
  const isShared = typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
  const module = await compileKernels(numerics, isShared ? "shared" : "unshared");
  const { exports } = instantiateSync(module, { env: { memory } });
  (exports.writeConstants as () => void)();
  return { module, execute: exports.execute as Execute };
}

/** The machine of one thread. Rejects as `instantiateKernels` does. */
export async function wasmMachine(memory: WebAssembly.Memory, numerics: Numerics): Promise<Machine> {
  const { execute } = await instantiateKernels(memory, numerics);
  return { name: numerics, execute: (first, count) => execute(first, count, 0, 1) };
}

async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The kernels are compiled for a shared memory; one byte, the limits flag of the memory import (3 → 1), makes the unshared twin. */
function unshared(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wasm);
  const at = memoryImportFlag(bytes);
  if (bytes[at] !== 3) throw new Error(`internal: the memory import's limits flag is ${bytes[at]}, expected 3`);
  bytes[at] = 1;
  return bytes;
}

/** Offset of the limits flag behind "env" "memory" 0x02 in the import section. */
function memoryImportFlag(bytes: Uint8Array): number {
  const name = [3, ...ascii("env"), 6, ...ascii("memory"), 2];
  for (let at = 8; at < bytes.length - name.length; at++) {
    if (name.every((byte, offset) => bytes[at + offset] === byte)) return at + name.length;
  }
  throw new Error("internal: the kernels import no memory");
}

function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}
