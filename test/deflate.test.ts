/** scripts/deflate.mjs, by which kernels are packed, against zlib: what it makes is read back, and is smaller. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
// @ts-expect-error: a script without types; they stand below.
import * as script from "../scripts/deflate.mjs";

const { deflate } = script as { deflate(parts: readonly (readonly number[])[]): Buffer };

/** Numbers below `most`, the same every time. */
function numbers(count: number, most: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = Math.imul(state, 48271) >>> 0;
    return (state >>> 8) % most;
  });
}

const text = [...new TextEncoder().encode("the quick brown fox jumps over the lazy dog; ".repeat(3))];

describe("deflate", () => {
  test.each<[string, readonly (readonly number[])[]]>([
    ["nothing", [[]]],
    ["one byte", [[7]]],
    ["one byte many times, further than the longest match", [new Array(1000).fill(9)]],
    ["every byte", [Array.from({ length: 256 }, (_, byte) => byte)]],
    ["bytes without order", [numbers(5000, 256)]],
    ["a match from farther than the window", [[...numbers(300, 256), ...new Array(33_000).fill(0), ...numbers(300, 256)]]],
    ["parts that match each other", [text, numbers(400, 16), [], text]],
    ["what changes in its middle", [[...numbers(4000, 4), ...numbers(4000, 250)]]],
  ])("of %s is read back by zlib", (_, parts) => {
    const whole = Buffer.from(parts.flat());
    expect(inflateRawSync(deflate(parts)).equals(whole)).toBe(true);
  });

  test("is smaller than zlib's best", () => {
    const bytes = numbers(20_000, 6).flatMap((number) => (number === 0 ? text.slice(10, 30) : [number]));
    expect(deflate([bytes]).length).toBeLessThan(0.98 * deflateRawSync(Uint8Array.from(bytes), { level: 9 }).length);
  });
});
