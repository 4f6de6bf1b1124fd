import { expect, test } from "vitest";
import { supportsRelaxed, wasmMachine } from "../src/machine/wasm.ts";
import { xxh32 } from "../src/xxh32.ts";

const text = (characters: string) => new TextEncoder().encode(characters);

// Known values of the reference implementation, seed 0.
test.each([
  ["nothing", text(""), 0x02cc5d05],
  ["a", text("a"), 0x550d7456],
  ["abc", text("abc"), 0x32d153ff],
  ["123456789", text("123456789"), 0x937bad67],
  ["a sentence", text("Nobody inspects the spammish repetition"), 0xe2293b2f],
])("of %s", (_name, bytes, checksum) => {
  expect(xxh32(bytes)).toBe(checksum);
});

test.each(["strict", "relaxed"] as const)("is the same from the %s kernels, for every length and place", async (numerics) => {
  if (numerics === "relaxed" && !supportsRelaxed()) return;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const machine = await wasmMachine(memory, numerics);
  const all = new Uint8Array(memory.buffer);
  for (let at = 4096; at < 8192; at++) all[at] = Math.imul(at, 0x9e3779b1) >>> 13;
  for (let length = 0; length < 150; length++) {
    for (const start of [4096, 4097, 4099, 4110]) {
      expect(machine.checksum!(start, length), `${length} bytes from ${start}`).toBe(xxh32(all.subarray(start, start + length)));
    }
  }
});
