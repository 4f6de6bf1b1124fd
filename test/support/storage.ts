/** What a kernel must leave alone, and single records split over threads. */
import type { KernelName, Records, RunHeader } from "../../build/records.ts";
import { type Instruction, writeInstruction, writeRunHeader } from "../../src/machine/records.ts";
import { compileKernels, type Numerics } from "../../src/machine/wasm.ts";
import type { TestArray, TestMemory, TestTensor } from "./kernels.ts";

export function floatsOf(memory: TestMemory): Float32Array | Float64Array {
  return memory.elementBytes === 8 ? new Float64Array(memory.memory.buffer) : new Float32Array(memory.memory.buffer);
}

/** Index in `floatsOf` of an element of a tensor. */
export function indexOf(memory: TestMemory, { descriptor: d }: TestTensor, [image, y, x, channel]: number[]): number {
  return d.base / memory.elementBytes + image * d.imageStride + y * d.rowStride + x * d.pixelStride + channel;
}

/** Everything in a tensor's storage that is not one of its elements: halo, and the other channels of a slice. */
export function surroundings(memory: TestMemory, tensor: TestTensor): Float64Array {
  const { descriptor: d, batch } = tensor;
  const logical = new Set<number>();
  for (let image = 0; image < batch; image++)
    for (let y = 0; y < d.height; y++)
      for (let x = 0; x < d.width; x++)
        for (let channel = 0; channel < d.channels; channel++) logical.add(indexOf(memory, tensor, [image, y, x, channel]));
  const start = indexOf(memory, tensor, [0, -d.haloTop, -d.haloLeft, 0]);
  const indexes = Array.from({ length: batch * d.imageStride }, (_, i) => start + i).filter((index) => !logical.has(index));
  const floats = floatsOf(memory);
  return Float64Array.from(indexes, (index) => floats[index]);
}

type Handle = TestTensor | TestArray | number | null;

/** Runs a record as `threads` threads would, one after the other, the last one first: no share may need another. */
export async function runShares<K extends KernelName>(
  memory: TestMemory,
  kernel: K,
  fields: { [F in keyof Records[K]]: Handle },
  options: { numerics: Numerics; threads: number; header: Partial<RunHeader>; scratchBytes?: number },
): Promise<void> {
  const scratchBytes = options.scratchBytes ?? 0;
  const at = memory.array(64, new Array(64).fill(0)).address;
  const scratch = memory.bytes(scratchBytes * options.threads).address;
  const resolved = Object.fromEntries(
    Object.entries(fields as Record<string, Handle>).map(([name, field]) => [
      name,
      field === null ? 0 : typeof field === "number" ? field : field.address,
    ]),
  );
  writeInstruction(memory.memory.buffer, at, { kernel, cost: 0, scratch, scratchBytes, fields: resolved } as Instruction);
  const defaults = { accumulate: 0, lossScale: 1, gradientScale: 1, regularizationScale: 1, learningRate: 0.1, correctedRate: 0.1, abort: 0 };
  writeRunHeader(memory.memory.buffer, { ...defaults, ...options.header });
  const { exports } = await WebAssembly.instantiate(await compileKernels(options.numerics), { env: { memory: memory.memory } });
  (exports.writeConstants as () => void)();
  const execute = exports.execute as (first: number, count: number, thread: number, threads: number) => number;
  for (let thread = options.threads - 1; thread >= 0; thread--) execute(at, 1, thread, options.threads);
}
