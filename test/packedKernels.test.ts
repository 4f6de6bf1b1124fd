/** What the library carries of its kernels is what the build compiled. */
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { packed as inference } from "../build/inferenceKernels.ts";
import { packed as all } from "../build/kernels.ts";
import { unpackingMemory, unpackKernels } from "../src/machine/unpackKernels.ts";

describe("packed kernels", () => {
  for (const [prefix, text] of Object.entries({ "": all, "inference-": inference })) {
    test.each(["strict", "relaxed"] as const)(`become build/${prefix}%s.wasm, byte for byte`, (numerics) => {
      const module = unpackKernels(inflateRawSync(Buffer.from(text, "base64")), numerics, unpackingMemory());
      expect(Buffer.from(module).equals(readFileSync(`build/${prefix}${numerics}.wasm`))).toBe(true);
    });
  }
});
