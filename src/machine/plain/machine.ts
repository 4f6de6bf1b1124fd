/** The plain-JS machine: runs the very same records as the WASM machines. */
import type { KernelName } from "../../../build/records.ts";
import type { Bytes, Machine } from "../machine.ts";
import { type Decoded, decodeRecords, readRunHeader } from "../records.ts";
import type { PlainKernel, PlainMemory } from "./memory.ts";

export type PlainKernels = { readonly [K in KernelName]?: PlainKernel<K> };

/**
 * Decoded records are kept per start address until the memory's buffer changes or `forget` is called.
 * elementBytes 8 runs a program that was emitted for float64: the gradient checks do.
 */
export function machineOf(kernels: PlainKernels, memory: Bytes, elementBytes: 4 | 8 = 4): Machine {
  let buffer: ArrayBufferLike | undefined;
  let views: Omit<PlainMemory, "run">;
  const decoded = new Map<number, { kernel: KernelName; record: Decoded<KernelName> }[]>();
  return {
    name: "plain",
    forget: () => decoded.clear(),
    execute(first, count) {
      if (buffer !== memory.buffer) {
        buffer = memory.buffer;
        views = viewsOf(buffer, elementBytes);
      }
      let records = decoded.get(first);
      if (records === undefined || records.length !== count) {
        records = decodeRecords(memory.buffer, first, count, elementBytes);
        decoded.set(first, records);
      }
      const plainMemory = { ...views, run: readRunHeader(memory.buffer) };
      for (const { kernel, record } of records) (kernels[kernel] as PlainKernel<KernelName>)(record, plainMemory);
      return count;
    },
  };
}

function viewsOf(buffer: ArrayBufferLike, elementBytes: 4 | 8): Omit<PlainMemory, "run"> {
  const floats = elementBytes === 8 ? new Float64Array(buffer) : new Float32Array(buffer);
  return { floats, bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}
