import { expect, test } from "vitest";
import { crc32c } from "../../src/formats/crc32c.ts";

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
test.each([
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 × 255", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["0 … 31", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ["nothing", new Uint8Array(0), 0],
])("of %s", (_name, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
  expect(crc32c(bytes.subarray(0, 5), bytes.subarray(5))).toBe(checksum);
});
