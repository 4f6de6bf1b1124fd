/** Where assembly/unpack.ts looks for what it is given. */
const PACKED = 4096;

const PAGE = 65_536;

/** No module is longer than so many times what it was packed into. */
const GROWTH = 2;

/**
 * One of the two modules that scripts/packKernels.mjs made one text of, from the inflated bytes: the length of the program assembly/unpack.ts
 * (2 bytes, little-endian), that program, and what it puts together.
 */
export function unpackKernels(packed: Uint8Array, which: "strict" | "relaxed"): Uint8Array<ArrayBuffer> {
  const start = 2 + packed[0] + 256 * packed[1];
  const streams = packed.subarray(start);
  // Some hundred bytes: no page is kept waiting.
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(packed.slice(2, start)));
  const memory = exports.memory as WebAssembly.Memory;
  memory.grow(Math.ceil(((1 + GROWTH) * packed.length) / PAGE));
  new Uint8Array(memory.buffer).set(streams, PACKED);
  const end = (exports.unpack as (length: number, bit: number) => number)(streams.length, which === "strict" ? 1 : 2);
  return new Uint8Array(memory.buffer.slice(PACKED + streams.length, end));
}
