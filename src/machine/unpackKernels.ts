/** Where assembly/unpack.ts looks for what it is given. */
const PACKED = 4096;

/** As large as what is packed and one module. */
const PAGES = 8;

/** A memory to unpack in. */
export function unpackingMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: PAGES });
}

/**
 * One of the two modules that scripts/packKernels.mjs made one text for, from the inflated bytes: the length of the program assembly/unpack.ts
 * (2 bytes, little-endian), that program, and what it puts together.
 */
export function unpackKernels(packed: Uint8Array, which: "strict" | "relaxed", memory: WebAssembly.Memory): Uint8Array<ArrayBuffer> {
  const start = 2 + packed[0] + 256 * packed[1];
  const streams = packed.subarray(start);
  // Some hundred bytes: no page is kept waiting.
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(packed.slice(2, start)), { env: { memory } });
  new Uint8Array(memory.buffer).set(streams, PACKED);
  const end = (exports.unpack as (length: number, isFused: number) => number)(streams.length, which === "relaxed" ? 1 : 0);
  return new Uint8Array(memory.buffer.slice(PACKED + streams.length, end));
}
