import { describe, expect, test } from "vitest";
import { CASES } from "../../bench/cases.ts";
import { type Evidence, FLOORS, floorsMarkdown, judge, missed, type RivalFigure } from "../../bench/floors.ts";
import { PLANS } from "../../bench/growthPlans.ts";
import type { Row } from "../../bench/report.ts";

const nothing: Evidence = { rows: [], growth: [], rivals: [], coldStarts: [] };

const rival = (own: Partial<RivalFigure>): RivalFigure => ({
  ...{ case: "conv_64_64_3_1_1_56_1", engine: "tfjs-wasm", numerics: "float32", threads: 1, kind: "wasm", minMs: 6 },
  ...own,
});

const row = (own: Partial<Row>): Row => ({
  ...{ suite: "kernels", case: "gemm_256/packing", engine: "convlet", numerics: "strict", threads: 1, runtime: "Node 24" },
  ...{ medianMs: 2, minMs: 1, rate: 50, unit: "GFLOP/s", checked: true },
  ...own,
});

const lineOf = (evidence: Partial<Evidence>, work: string, numerics: string) => {
  const judged = judge({ ...nothing, ...evidence }).find(({ floor }) => floor.work.includes(work) && floor.numerics === numerics);
  return [judged?.reached, judged?.passes, judged?.reachedGoal, judged?.meetsGoal];
};

describe("floors", () => {
  test("every floor has its row, and a run that measured nothing holds none of them", () => {
    expect(FLOORS).toHaveLength(37);
    expect(judge(nothing).every(({ passes, meetsGoal }) => passes === undefined && meetsGoal === undefined)).toBe(true);
    expect(floorsMarkdown(judge(nothing))).toContain("| not in this run: npm run bench:rivals |");
    for (const name of CASES)
      expect(
        FLOORS.some(({ work }) => work.includes(name)),
        name,
      ).toBe(true);
  });

  test("are ratios of the fastest rival's minimum over ours, on one thread", () => {
    const own = rival({ engine: "convlet", kind: "convlet", numerics: "relaxed", minMs: 2 });
    const others = [rival({}), rival({ engine: "onnxruntime-web", minMs: 5.9 }), rival({ engine: "onnxruntime-web", threads: 2, minMs: 1 })];
    const native = rival({ engine: "onnxruntime-node", kind: "native", minMs: 1.9 });
    expect(lineOf({ rivals: [own, ...others, native] }, "conv_64_64_3_1_1_56_1", "relaxed")).toEqual([2.95, false, 0.95, false]);
    expect(lineOf({ rivals: [{ ...own, minMs: 1.9 }, ...others, native] }, "conv_64_64_3_1_1_56_1", "relaxed")[1]).toBe(true);
    expect(lineOf({ rivals: [own] }, "conv_64_64_3_1_1_56_1", "relaxed")[1]).toBeUndefined();
  });

  test("of several cases the worst counts, and all must be there", () => {
    const both = [row({ fraction: 0.97 }), row({ case: "gemm_512/packing", fraction: 0.84 })];
    expect(lineOf({ rows: both }, "gemm", "strict")).toEqual([0.84, false, 0.84, false]);
    expect(lineOf({ rows: both.slice(0, 1) }, "gemm", "strict")[1]).toBeUndefined();
  });

  test("where less is better, less passes", () => {
    const ox = rival({ case: "ox@1", engine: "convlet", kind: "convlet", numerics: "relaxed", minMs: 0.0015 });
    expect(lineOf({ rivals: [ox] }, "ox@1", "relaxed")).toEqual([1.5, true, 1.5, false]);
    expect(lineOf({ coldStarts: [{ engine: "convlet", medianMs: 31 }] }, "first prediction", "default").slice(0, 2)).toEqual([31, false]);
    expect(lineOf({ arenaBytes: 24e6 }, "arena", "")).toEqual([24, true, 24, true]);
    expect(missed(judge({ ...nothing, arenaBytes: 32e6 }))).toEqual(["floor missed: arena of training, batch 64: 32.0, needs 31 MB"]);
  });

  test("growth counts pairs, where the whole suite was run", () => {
    const curve = { work: "", axis: "", pattern: "?", numerics: "strict" as const, sizes: [1, 2], minMs: [2, 1] };
    expect(lineOf({ growth: Array(PLANS.length).fill(curve) }, "growth", "both").slice(0, 2)).toEqual([PLANS.length, false]);
    expect(lineOf({ growth: Array(PLANS.length).fill({ ...curve, minMs: [1, 2] }) }, "growth", "both").slice(0, 2)).toEqual([0, true]);
    expect(lineOf({ growth: [curve] }, "growth", "both")[1]).toBeUndefined();
  });
});
