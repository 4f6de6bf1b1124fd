/** CRC-32C (Castagnoli, RFC 3720 appendix B.4) of all chunks in order; finds every change of up to 32 neighbouring bits. */
export function crc32c(...chunks: readonly Uint8Array[]): number {
  const table = castagnoliTable();
  let remainder = -1;
  for (const bytes of chunks) {
    for (let at = 0; at < bytes.length; at++) remainder = table[(remainder ^ bytes[at]!) & 255]! ^ (remainder >>> 8);
  }
  return ~remainder >>> 0;
}

function castagnoliTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
    table[byte] = remainder;
  }
  return table;
}
