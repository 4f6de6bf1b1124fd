import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CASES, convData, NET_WEIGHTS, netData, parseCase } from "../../bench/cases.ts";
import { Ox, type OxWeights } from "../../bench/js/ox.ts";
import { alternate, environment, markdown, measure, type Row, relativeError, writeJson } from "../../bench/report.ts";

const quick = { minTimeMs: 5, minRuns: 3, warmUpMs: 1 };

describe("cases", () => {
  test("flop counts", () => {
    expect(CASES.map((name) => parseCase(name).flop)).toEqual([
      231211008, 231211008, 51380224, 5419008, 21676032, 29491200, 23984896, 1535033344, 4580179968, 300,
    ]);
  });

  test("data have the shapes the names say, and are the same every time", () => {
    const conv = parseCase("conv_6_8_3_2_1_9_2@4");
    if (conv.kind !== "conv") throw new Error("not a convolution");
    expect(conv.outSize).toBe(5);
    const { input, weight, bias } = convData(conv);
    expect([input.length, weight.length, bias.length]).toEqual([4 * 81 * 6, 9 * 3 * 8, 8]);
    expect(convData(conv)).toEqual({ input, weight, bias });
    const net = parseCase("mnist_cnn-train@5");
    if (net.kind !== "net") throw new Error("not a net");
    const data = netData(net);
    expect([data.images.length, data.labels.length]).toEqual([5 * 784, 5]);
    expect(data.labels.every((label) => label < 10)).toBe(true);
    expect(Object.values(data.weights).reduce((sum, array) => sum + array.length, 0)).toBe(1199882);
    expect(Object.keys(data.weights)).toEqual(NET_WEIGHTS.mnist_cnn.flatMap(([layer]) => [`${layer}Weight`, `${layer}Bias`]));
  });

  test.each(["conv_3_4", "conv_3_4_3_1_1_8_2", "conv_1_1_9_1_0_3_1", "conv_1_1_1_1_0_3_1@0", "conv_1_1_1_1_0_3_1-train", "lenet@1", "MNIST"])(
    "%s is not a case",
    (name) => {
      expect(() => parseCase(name)).toThrow(`benchmark case "${name}"`);
    },
  );

  test("the O/X net gives probabilities of the nests", () => {
    const net = parseCase("ox@1");
    if (net.kind !== "net") throw new Error("not a net");
    const { images, weights: w } = netData(net);
    const conv = Array.from({ length: 16 }, (_, index) => {
      let sum = w.convBias[0];
      for (let cell = 0; cell < 9; cell++) sum += images[((index >> 2) + Math.floor(cell / 3)) * 6 + (index & 3) + (cell % 3)] * w.convWeight[cell];
      return Math.max(0, sum);
    });
    const pooled = [0, 2, 8, 10].map((at) => Math.max(conv[at], conv[at + 1], conv[at + 4], conv[at + 5]));
    const hidden = Math.max(
      0,
      pooled.reduce((sum, value, index) => sum + value * w.dense1Weight[index], w.dense1Bias[0]),
    );
    const powers = [0, 1].map((index) => Math.exp(hidden * w.dense2Weight[index] + w.dense2Bias[index]));
    const expected = powers.map((power) => power / (powers[0] + powers[1]));
    expect(relativeError(new Ox(w as unknown as OxWeights).predict(images), expected)).toBeLessThan(1e-6);
  });
});

describe("report", () => {
  test("measures plain and async functions", async () => {
    let calls = 0;
    const plain = await measure(() => calls++, quick);
    expect(plain.runs).toBeGreaterThanOrEqual(3);
    expect(plain.minMs).toBeGreaterThan(0);
    expect(plain.minMs).toBeLessThanOrEqual(plain.medianMs);
    expect(calls).toBeGreaterThan(1000);
    const slow = await measure(() => new Promise((resolve) => setTimeout(resolve, 3)), quick);
    expect(slow.minMs).toBeGreaterThan(1.5);
  });

  test("alternates, starting with another candidate each round, every other one backward", async () => {
    const order: string[] = [];
    const candidates = ["a", "b", "c"].map((name) => ({
      name,
      run: () => {
        order.push(name);
        return new Promise((resolve) => setTimeout(resolve, 2));
      },
    }));
    const results = await alternate(candidates, { minTimeMs: 0, minRuns: 3, warmUpMs: 0 });
    expect([...results.keys()]).toEqual(["a", "b", "c"]);
    expect([...results.values()].map(({ runs }) => runs)).toEqual([3, 3, 3]);
    expect(order.slice(-9).join("")).toBe("abcbaccab");
    expect((await alternate([])).size).toBe(0);
  });

  test("relative error", () => {
    expect(relativeError([1, 2], [1, 4])).toBe(0.5);
    expect(relativeError([Number.NaN], [Number.NaN])).toBe(0);
    expect(relativeError([1], [Number.NaN])).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });

  test("tables and JSON", async () => {
    const row: Row = {
      suite: "conv",
      case: "conv_64_64_3_1_1_56_1",
      engine: "js",
      numerics: "float64",
      threads: 1,
      runtime: "Node 20",
      medianMs: 31.456,
      minMs: 0.00123456,
      rate: 7304.1,
      unit: "MFLOP/s",
      checked: true,
    };
    const env = await environment();
    expect(env.cores).toBeGreaterThan(0);
    const text = markdown(env, [row, { ...row, suite: "net", checked: false }]);
    expect(text).toContain("## conv\n\n| case | engine |");
    expect(text).toContain("| conv_64_64_3_1_1_56_1 | js | float64 | 1 | 31.5 | 0.00123 | 7304 MFLOP/s | yes |");
    expect(text.match(/^## /gm)).toHaveLength(2);
    const folder = await mkdtemp(join(tmpdir(), "convlet-"));
    try {
      await writeJson(join(folder, "rows.json"), { environment: env, rows: [row] });
      expect(JSON.parse(await readFile(join(folder, "rows.json"), "utf8"))).toEqual({ environment: env, rows: [row] });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
