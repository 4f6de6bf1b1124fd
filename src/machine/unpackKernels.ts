/** Takes apart what scripts/packKernels.mjs made: the strict and the relaxed module, function beside function. */
export function unpackKernels(packed: Uint8Array, which: "strict" | "relaxed"): Uint8Array<ArrayBuffer> {
  const words = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const wanted = which === "strict" ? 1 : 2;
  const module = new Uint8Array(packed.length);
  let length = 0;
  for (let at = 0; at < packed.length; ) {
    const word = words.getUint32(at, true);
    const end = at + 4 + (word >>> 2);
    if (word & wanted) {
      module.set(packed.subarray(at + 4, end), length);
      length += end - at - 4;
    }
    at = end;
  }
  return module.slice(0, length);
}
