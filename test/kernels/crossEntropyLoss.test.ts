import { describe, expect, test } from "vitest";
import { CrossEntropy } from "../../build/records.ts";
import { EXACT, expectClose, F32_FUNCTION, type MachineName, machineNames, seededRandom } from "../support/kernels.ts";
import { gradientTolerance, type LossCase, lossTolerance, runLoss } from "./lossCase.ts";

type Kind = keyof typeof CrossEntropy;
const kinds = Object.keys(CrossEntropy) as Kind[];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const isSparse = (kind: Kind) => kind === "sparse" || kind === "sparseLogits";
const isLogits = (kind: Kind) => kind.endsWith("Logits");

type Case = LossCase<"crossEntropyLoss">;

const run = (machine: MachineName, given: Case) => runLoss(machine, "crossEntropyLoss", given, { kind: CrossEntropy[given.kind] });

/** Class probabilities of a pixel and, for each, whether Keras' clipping leaves it alone. */
function probabilities(kind: Kind, pixel: number[]): number[] {
  const max = Math.max(...pixel);
  const shares = isLogits(kind) ? pixel.map((x) => Math.exp(x - max)) : pixel;
  const sum = shares.reduce((a, b) => a + b, 0);
  const q = shares.map((x) => x / sum);
  return isLogits(kind) ? q : q.map((x) => Math.min(Math.max(x, Math.fround(1e-7)), Math.fround(1 - 1e-7)));
}

/** losses[sample] by the definition, in float64. */
function lossesOf({ kind, shape: [batch, height, width, channels], prediction, target, sampleWeight }: Case): number[] {
  return Array.from({ length: batch }, (_, sample) => {
    let total = 0;
    for (let i = 0; i < height * width; i++) {
      const pixel = sample * height * width + i;
      const p = probabilities(
        kind,
        Array.from({ length: channels }, (_, c) => prediction[pixel * channels + c]),
      );
      for (let c = 0; c < channels; c++) {
        const t = isSparse(kind) ? Number(target[pixel] === c) : target[pixel * channels + c];
        if (t !== 0) total -= t * Math.log(p[c]);
      }
    }
    return ((sampleWeight?.[sample] ?? 1) * total) / (height * width);
  });
}

function randomCase(kind: Kind, channels: number, seed: number): Case {
  const random = seededRandom(seed);
  const shape: Case["shape"] = [3, 2, 3, channels];
  const pixels = 18;
  const prediction = Array.from({ length: pixels * channels }, () => (isLogits(kind) ? Math.fround(5 * random()) : Math.fround(1.05 + random())));
  const target = isSparse(kind)
    ? Array.from({ length: pixels }, () => Math.floor((0.5 + random() / 2) * channels))
    : Array.from({ length: pixels * channels }, () => Math.abs(random()));
  return { kind, shape, prediction, target, sampleWeight: [0.5, 1.5, 2] };
}

describe.each(machineNames)("cross-entropy on %s", (machine) => {
  test.each(kinds)("%s: losses of 1 to 17 channels are the formula's; layout, batch and gradient change no bit", async (kind) => {
    for (let channels = 1; channels <= 17; channels++) {
      const given = randomCase(kind, channels, channels);
      const { losses, grad } = await run(machine, given);
      expectClose(losses, lossesOf(given), lossTolerance(machine), `${channels} channels`);
      const sliced = await run(machine, { ...given, layout: { slice: { of: channels + 3, at: 2 }, haloValue: nan } });
      expectClose(sliced.losses, losses, EXACT, "slice");
      expectClose(sliced.grad!, grad!, EXACT, "slice gradient");
      const short = await run(machine, { ...given, batch: 2, withGrad: false, layout: { halo: [1, 2, 0, 1], haloValue: nan } });
      expectClose(short.losses, [losses[0], losses[1], nan], EXACT, "short batch");
    }
  });

  test.each(kinds)("%s: gradients are those of float64 differences", async (kind) => {
    for (const channels of [1, 2, 3, 5, 8]) {
      const given = randomCase(kind, channels, 100 + channels);
      const { grad } = await run(machine, { ...given, lossScale: 0.25 });
      const step = 1e-6;
      const expected = Array.from(given.prediction, (_, i) => {
        const total = (by: number) =>
          lossesOf({ ...given, prediction: Array.from(given.prediction, (x, j) => (i === j ? x + by : x)) }).reduce((a, b) => a + b, 0);
        return (0.25 * (total(step) - total(-step))) / (2 * step);
      });
      const tolerance = gradientTolerance(machine);
      // One class: the gradient is 0, and what is left is rounding.
      const scale = channels === 1 ? [1] : [];
      expectClose([...grad!, ...scale], [...expected, ...scale], tolerance, `${channels} channels`);
    }
  });

  test("without weights every sample counts 1, and lossScale leaves the losses alone", async () => {
    const given = { ...randomCase("sparseLogits", 5, 3), sampleWeight: undefined, lossScale: 7 };
    const { losses } = await run(machine, given);
    expectClose(losses, lossesOf(given), lossTolerance(machine));
  });

  test("huge and infinite logits", async () => {
    const given: Case = { kind: "sparseLogits", shape: [3, 1, 1, 3], prediction: [1000, 0, -1000, 1000, 0, -1000, 2, -inf, 2], target: [0, 2, 0] };
    for (const kind of ["sparseLogits", "categoricalLogits"] as const) {
      const target = kind === "sparseLogits" ? given.target : [1, 0, 0, 0, 0, 1, 1, 0, 0];
      const { losses, grad } = await run(machine, { ...given, kind, target });
      expectClose(losses, [0, 2000, Math.log(2)], lossTolerance(machine));
      expectClose(grad!, [0, 0, 0, 1, 0, -1, -0.5, 0, 0.5], lossTolerance(machine));
    }
  });

  test("a probability of 0 costs -log 1e-7 and has no gradient, a certain one costs -log(1 - 1e-7)", async () => {
    const low = -Math.log(Math.fround(1e-7));
    const high = -Math.log(Math.fround(1 - 1e-7));
    for (const kind of ["sparse", "categorical"] as const) {
      const target = kind === "sparse" ? [0, 1] : [1, 0, 0, 1];
      const { losses, grad } = await run(machine, { kind, shape: [2, 1, 1, 2], prediction: [0, 1, 0, 1], target });
      expect(Math.abs(losses[0] / low - 1)).toBeLessThan(lossTolerance(machine));
      expect(Math.abs(losses[1] / high - 1)).toBeLessThan(lossTolerance(machine));
      expect([...grad!].map(Math.abs)).toEqual([0, 0, 0, 0]);
    }
  });

  test.each(kinds)("%s: NaN reaches its sample's loss and gradient, and no other's", async (kind) => {
    const given = randomCase(kind, 6, 8);
    for (let at = 0; at < 6; at++) {
      const prediction = Array.from(given.prediction);
      prediction[36 + at] = nan;
      const { losses, grad } = await run(machine, { ...given, prediction });
      expect([...losses].map(Number.isNaN)).toEqual([false, true, false]);
      expect([...grad!].map(Number.isNaN)).toEqual(prediction.map((_, i) => i >= 36 && i < 42));
    }
  });

  test.each([-1, 3, 1.5, nan, 1e20])("a class number of %f makes the loss NaN", async (label) => {
    for (const kind of ["sparse", "sparseLogits"] as const) {
      const { losses } = await run(machine, { kind, shape: [2, 1, 1, 3], prediction: [1, 2, 3, 1, 2, 3], target: [label, 2] });
      expect([...losses].map(Number.isNaN)).toEqual([true, false]);
    }
  });
});

test.each(kinds)("%s: strict and plain agree", async (kind) => {
  const given = randomCase(kind, 10, 77);
  const [strict, plain] = [await run("strict", given), await run("plain", given)];
  expectClose(strict.losses, plain.losses, F32_FUNCTION);
  expectClose(strict.grad!, plain.grad!, F32_FUNCTION);
});
