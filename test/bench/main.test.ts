/** What surrounds the measurements; the measurements themselves are `npm run bench`. */
import { describe, expect, test } from "vitest";
import { Bench, type BenchCase, type Contender, largestError, type Peaks } from "../../bench/harness.ts";
import { batchNormalizationInputGrad, batchNormalizationOutput } from "../../bench/js/batchNormalization.ts";
import { parseOptions } from "../../bench/options.ts";
import { alternate } from "../../bench/report.ts";
import { convolutions, limits } from "../../bench/selection.ts";
import { expectClose, F32_SUM, seededRandom } from "../support/kernels.ts";

describe("options", () => {
  test("are read, with defaults", () => {
    expect(parseOptions([])).toEqual({
      suites: ["kernels", "inference", "training", "threads", "growth"],
      short: false,
      profile: false,
      floors: false,
      readme: false,
      html: "build/bench.html",
    });
    expect(
      parseOptions(["--suite", "training", "--short", "--floors", "--json", "a.json", "--markdown", "a.md", "--html", "a.html", "--case", "ox@1"]),
    ).toEqual({
      ...{ suites: ["training"], short: true, profile: false, floors: true, readme: false },
      ...{ json: "a.json", markdown: "a.md", html: "a.html", case: "ox@1" },
    });
  });

  test.each([
    [["--suit"], "Unknown option '--suit'"],
    [["--suite", "speed"], "--suite speed: it is one of kernels, inference, training, threads, growth"],
    [["--json"], "Option '--json <value>' argument missing"],
    [["--json", "--short"], "Option '--json' argument is ambiguous"],
  ])("%j is refused", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });

  test("several suites have commas between them", () => {
    expect(parseOptions(["--suite", "inference,training"]).suites).toEqual(["inference", "training"]);
    expect(() => parseOptions(["--suite", "inference,speed"])).toThrow("--suite inference,speed: it is one of");
  });

  test("a model of one's own is measured instead", () => {
    expect(parseOptions(["--model", "a.safetensors"])).toMatchObject({ suites: ["model"], model: "a.safetensors" });
    expect(() => parseOptions(["--model", "a", "--suite", "growth"])).toThrow("--model goes with neither --suite nor --case");
  });

  test("a convolution that the table does not hold may be asked for", () => {
    expect(convolutions(parseOptions([]))).not.toContain("conv_8_8_3_1_1_9_1");
    expect(convolutions(parseOptions(["--case", "conv_8_8_3_1_1_9_1"]))).toContain("conv_8_8_3_1_1_9_1");
  });
});

/** Takes about a millisecond. */
function busy(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

const SHORT = parseOptions(["--short"]);
const PEAKS: Peaks = {
  best: (numerics) => (numerics === "strict" ? 10 : undefined),
  remeasure: async (beside) => (await alternate([beside], limits(SHORT))).get(beside.name)!,
};
const baseline: Contender = { engine: "bench-js", numerics: "float64", run: busy, result: () => ({ output: [1, 2] }) };
const right: Contender = { engine: "convlet", numerics: "strict", run: busy, result: () => ({ output: [1, 2] }) };
const unit = { suite: "kernels", name: "case", work: 2e6, unit: "GFLOP/s", tolerance: 1e-6 } as const;

async function timed(benchCase: Partial<BenchCase>): Promise<Bench> {
  const bench = new Bench(SHORT, PEAKS);
  await bench.time({ ...unit, contenders: [right, baseline], ...benchCase });
  return bench;
}

describe("rows", () => {
  test("have the shape that the JSON promises", async () => {
    const bench = await timed({ contenders: [{ ...right, arithmetic: 1e6 }, baseline] });
    const rows = bench.finish();
    expect(bench.problems).toEqual([]);
    expect(rows.map(({ engine, numerics, checked }) => [engine, numerics, checked])).toEqual([
      ["convlet", "strict", true],
      ["bench-js", "float64", true],
    ]);
    const [{ medianMs, minMs, rate, fraction, ...rest }] = rows;
    const named = { arithmetic: 1e6, suite: "kernels", case: "case", engine: "convlet", numerics: "strict", unit: "GFLOP/s", checked: true };
    expect(rest).toEqual({ ...named, threads: 1, runtime: `Node ${process.versions.node}` });
    expect(medianMs).toBeGreaterThanOrEqual(minMs);
    expect(rate).toBeCloseTo(2 / medianMs, 10);
    expect(fraction).toBeCloseTo(1 / minMs / 10, 10);
  });

  test("an engine with other numbers is marked and named", async () => {
    const wrong = { ...right, numerics: "relaxed", result: () => ({ output: [1, 2.1] }) } as const;
    const { rows, problems } = await timed({ contenders: [right, wrong, baseline] });
    expect(rows.map(({ checked }) => checked)).toEqual([true, false, true]);
    expect(problems).toEqual(["case convlet relaxed: output differs from bench-js float64 by 5.0e-2, allowed 0.000001"]);
    expect(largestError({}, { output: [1] })).toEqual(["output", Number.POSITIVE_INFINITY]);
  });

  test("faster than the machine is an error, of arithmetic and of streams", async () => {
    const arithmetic = await timed({ contenders: [{ ...right, arithmetic: 1e9 }, baseline] });
    arithmetic.finish();
    expect(arithmetic.problems).toEqual([expect.stringMatching(/^case convlet strict: \d+\.\d\d of the reference/)]);
    const slowStream = () => {
      busy();
      busy();
    };
    const stream = await timed({ streams: [slowStream] });
    expect(stream.rows.map(({ engine }) => engine)).toEqual(["reference", "convlet", "bench-js"]);
    expect(stream.problems).toHaveLength(1);
    const fastest = await timed({ streams: [slowStream, () => {}] });
    expect(fastest.problems).toEqual([]);
    expect(fastest.rows[0].minMs).toBeLessThan(fastest.rows[1].minMs);
  });

  test("of a row above the loops, what it reaches beside them counts", async () => {
    const beside: Peaks = { ...PEAKS, remeasure: async () => ({ medianMs: 1, minMs: 1, runs: 1 }) };
    const bench = new Bench(SHORT, beside);
    await bench.time({ ...unit, contenders: [{ ...right, run: () => {}, arithmetic: 5e6 }, baseline] });
    expect(bench.finish()[0].fraction).toBeCloseTo(0.5, 10);
    expect(bench.problems).toEqual([]);
  });

  test("what is left out is said to be", () => {
    const bench = new Bench(SHORT, PEAKS);
    expect(bench.wants("kernels", "a", { inShort: true })).toBe(true);
    expect(bench.wants("kernels", "b", { inShort: false })).toBe(false);
    expect(bench.affordsPlain("c", 1)).toBe(true);
    expect(bench.affordsPlain("d", 3e11)).toBe(false);
    expect(bench.notRun).toEqual(["b: --short", "d: a call takes about 1000.0 s, --short"]);
  });

  test("a slow candidate has one sample", async () => {
    const slow = { name: "slow", run: () => new Promise((resolve) => setTimeout(resolve, 30)) };
    const measured = await alternate([slow, { name: "fast", run: busy }], { ...limits(SHORT), maxTimeMs: 20 });
    expect(measured.get("slow")!.runs).toBe(1);
    expect(measured.get("slow")!.minMs).toBeGreaterThan(25);
    expect(measured.get("fast")!.runs).toBeGreaterThanOrEqual(1);
  });
});

test("the baseline's batch normalization: output and central differences", () => {
  const [rows, channels, epsilon] = [7, 3, 1e-3];
  const random = seededRandom(3);
  const fill = (count: number) => Float32Array.from({ length: count }, () => random());
  const [input, outputGrad, gamma, beta] = [fill(rows * channels), fill(rows * channels), fill(channels), fill(channels)];
  const naive = (x: ArrayLike<number>) =>
    Array.from({ length: rows * channels }, (_, index) => {
      const channel = index % channels;
      const column = Array.from({ length: rows }, (_, row) => x[row * channels + channel]);
      const mean = column.reduce((sum, value) => sum + value, 0) / rows;
      const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows;
      return ((x[index] - mean) / Math.sqrt(variance + epsilon)) * gamma[channel] + beta[channel];
    });
  const statistics = { mean: new Float32Array(channels), inverse: new Float32Array(channels) };
  const arrays = { input, output: new Float32Array(rows * channels), ...statistics };
  batchNormalizationOutput(arrays, { gamma, beta, epsilon }, rows);
  expectClose(arrays.output, naive(input), F32_SUM);
  const inputGrad = new Float32Array(rows * channels);
  batchNormalizationInputGrad({ input, outputGrad, inputGrad, ...statistics }, gamma, rows);
  const loss = (x: ArrayLike<number>) => naive(x).reduce((sum, value, index) => sum + value * outputGrad[index], 0);
  const numeric = Array.from(input, (_, index) => {
    const shifted = (step: number) => loss(Float64Array.from(input, (value, each) => value + (each === index ? step : 0)));
    return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
  });
  expectClose(inputGrad, numeric, F32_SUM);
});
