import { describe, expect, test } from "vitest";
import { type Curve, growthMarkdown, nameAt, offences, suspects } from "../../bench/growth.ts";

const curve: Curve = {
  ...{ work: "dense", axis: "outputs", pattern: "dense_128_?@1", numerics: "strict" },
  sizes: [7, 8, 9, 16],
  minMs: [1.16, 1, 1.14, 0.99],
};

describe("growth", () => {
  test("a smaller size may take 1.15 times as long as a larger one, and no more", () => {
    expect(offences(curve).map(({ small, large }) => [small, large])).toEqual([
      [7, 8],
      [7, 16],
      [9, 16],
    ]);
    expect(offences({ ...curve, minMs: [1.15, 1, 1, 1] })).toEqual([]);
    expect(offences({ ...curve, minMs: [1, 2, 3, 4] })).toEqual([]);
  });

  test("whoever takes part in a pair is measured again", () => {
    expect(suspects(curve)).toEqual([7, 8, 9, 16]);
    expect(suspects({ ...curve, minMs: [1.2, 1, 1.3, 1.2] })).toEqual([7, 8]);
  });

  test("the table names every pair, and says so when there is none", () => {
    expect(nameAt({ pattern: "conv_?_?_3_1_1_14_?" }, 7)).toBe("conv_7_7_3_1_1_14_7");
    const text = growthMarkdown([curve]);
    expect(text).toContain("in 3 pairs");
    expect(text).toContain("| dense_128_7@1 | strict | 1.16 | dense_128_8@1 | 1.00 | 1.16x |");
    expect(text).toContain("| dense | outputs | dense_128_?@1 | strict | 4 | 3 | 1.17x |");
    expect(growthMarkdown([{ ...curve, minMs: [1, 1, 1, 1] }])).toContain("No smaller size takes more than 1.15x");
  });
});
