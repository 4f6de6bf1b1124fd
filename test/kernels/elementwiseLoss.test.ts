import { describe, expect, test } from "vitest";
import { ElementLoss } from "../../build/records.ts";
import { EXACT, expectClose, F32_FUNCTION, type MachineName, machineNames, seededRandom } from "../support/kernels.ts";
import { gradientTolerance, type LossCase, lossTolerance, runLoss } from "./lossCase.ts";

type Kind = keyof typeof ElementLoss;
const kinds = Object.keys(ElementLoss) as Kind[];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const DELTA = Math.fround(0.7);
const LOW = Math.fround(1e-7);
const HIGH = Math.fround(1 - 1e-7);
const clip = (p: number) => Math.min(Math.max(p, LOW), HIGH);

/** Keras 3's formulas for one element. */
const value: Record<Kind, (p: number, t: number) => number> = {
  meanSquaredError: (p, t) => (p - t) ** 2,
  meanAbsoluteError: (p, t) => Math.abs(p - t),
  huber: (p, t) => (Math.abs(p - t) <= DELTA ? 0.5 * (p - t) ** 2 : DELTA * Math.abs(p - t) - 0.5 * DELTA ** 2),
  binaryCrossEntropy: (p, t) => -(t * Math.log(clip(p)) + (1 - t) * Math.log(1 - clip(p))),
  binaryCrossEntropyLogits: (x, t) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))),
};

type Case = LossCase<"elementwiseLoss">;

const run = (machine: MachineName, given: Case) => runLoss(machine, "elementwiseLoss", given, { kind: ElementLoss[given.kind], delta: DELTA });

function lossesOf({ kind, shape: [batch, height, width, channels], prediction, target, sampleWeight }: Case): number[] {
  const count = height * width * channels;
  return Array.from({ length: batch }, (_, sample) => {
    let total = 0;
    for (let i = sample * count; i < (sample + 1) * count; i++) total += value[kind](prediction[i], target[i]);
    return ((sampleWeight?.[sample] ?? 1) * total) / count;
  });
}

function randomCase(kind: Kind, channels: number, seed: number): Case {
  const random = seededRandom(seed);
  const count = 18 * channels;
  const probability = () => Math.fround(0.5 + 0.49 * random());
  const prediction = Array.from({ length: count }, kind === "binaryCrossEntropy" ? probability : () => Math.fround(3 * random()));
  const target = Array.from({ length: count }, kind.startsWith("binary") ? probability : random);
  return { kind, shape: [3, 2, 3, channels], prediction, target, sampleWeight: [0.5, 1.5, 2] };
}

describe.each(machineNames)("element-wise losses on %s", (machine) => {
  test.each(kinds)("%s: losses of 1 to 17 channels are the formula's; batch and gradient change no bit", async (kind) => {
    for (let channels = 1; channels <= 17; channels++) {
      const given = randomCase(kind, channels, channels);
      const { losses, grad } = await run(machine, given);
      expectClose(losses, lossesOf(given), lossTolerance(machine), `${channels} channels`);
      const sliced = await run(machine, { ...given, layout: { slice: { of: channels + 3, at: 2 }, haloValue: nan } });
      // A slice is summed pixel by pixel, a row in one go.
      expectClose(sliced.losses, losses, lossTolerance(machine), "slice");
      expectClose(sliced.grad!, grad!, EXACT, "slice gradient");
      const short = await run(machine, { ...given, batch: 2, withGrad: false, layout: { halo: [1, 2, 0, 1], haloValue: nan } });
      expectClose(short.losses, [losses[0], losses[1], nan], EXACT, "short batch");
    }
  });

  test.each(kinds)("%s: gradients are those of float64 differences", async (kind) => {
    const step = 1e-6;
    const given = randomCase(kind, 7, 21);
    const { grad } = await run(machine, { ...given, lossScale: 0.25 });
    const expected = Array.from(given.prediction, (p, i) => {
      const slope = (value[kind](p + step, given.target[i]) - value[kind](p - step, given.target[i])) / (2 * step);
      return (0.25 * given.sampleWeight![Math.floor(i / 42)] * slope) / 42;
    });
    expectClose(grad!, expected, gradientTolerance(machine));
  });

  const one = async (kind: Kind, prediction: number, target: number) => {
    const { losses, grad } = await run(machine, { kind, shape: [1, 1, 1, 1], prediction: [prediction], target: [target] });
    return [losses[0], grad![0]];
  };

  test("kinks and far ends", async () => {
    expect(await one("meanAbsoluteError", 2, 2)).toEqual([0, 0]);
    expect(await one("meanAbsoluteError", -inf, 2)).toEqual([inf, -1]);
    expect(await one("meanSquaredError", 3, 1)).toEqual([4, 4]);
    expect((await one("huber", -inf, 0))[0]).toBe(inf);
    expect((await one("huber", -1e30, 0))[1]).toBe(-DELTA);
    expect((await one("binaryCrossEntropyLogits", 200, 1)).every((x) => Math.abs(x) < 1e-80)).toBe(true);
    expect((await one("binaryCrossEntropyLogits", -200, 1))[0]).toBe(200);
    expect(await one("binaryCrossEntropyLogits", 1e38, 0)).toEqual([Math.fround(1e38), 1].map((x) => (machine === "plain64" && x > 1 ? 1e38 : x)));
  });

  test("clipped probabilities cost -log 1e-7 at most and have no gradient", async () => {
    for (const [p, t] of [
      [0, 1],
      [1, 0],
      [-3, 1],
      [2, 0],
      [0, 0],
      [1, 1],
    ]) {
      const [loss, grad] = await one("binaryCrossEntropy", p, t);
      const expected = value.binaryCrossEntropy(p, t);
      // Near certainty 1 − p is rounded: an absolute error of 6e-8.
      expect(Math.abs(loss - expected)).toBeLessThan(machine === "plain64" ? 1e-14 : F32_FUNCTION * Math.max(expected, 0.03));
      expect(grad).toBe(0);
    }
  });

  test.each(kinds)("%s: NaN reaches its sample's loss and its own gradient", async (kind) => {
    const given = randomCase(kind, 3, 8);
    const prediction = Array.from(given.prediction);
    prediction[19] = nan;
    const { losses, grad } = await run(machine, { ...given, prediction });
    expect([...losses].map(Number.isNaN)).toEqual([false, true, false]);
    expect([...grad!].findIndex(Number.isNaN)).toBe(19);
    expect([...grad!].filter(Number.isNaN).length).toBe(1);
  });
});

test.each(kinds)("%s: strict and plain agree", async (kind) => {
  const given = { ...randomCase(kind, 10, 77), sampleWeight: undefined };
  const [strict, plain] = [await run("strict", given), await run("plain", given)];
  expectClose(strict.losses, plain.losses, F32_FUNCTION);
  expectClose(strict.grad!, plain.grad!, F32_FUNCTION);
});
