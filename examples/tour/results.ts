import type { DigitsResult, Measured } from "./digitsResult.ts";
import type { OxResult } from "./ox.ts";

export interface TourRun {
  readonly short: boolean;
  readonly seed: number;
  readonly node: string;
  /** Wall clock of the whole tour. */
  readonly seconds: number;
}

/** Every figure shown, ready for JSON.stringify: plain numbers and arrays, ratios from 0 to 1. */
export function tourJson(run: TourRun, ox: OxResult, digits: DigitsResult): unknown {
  const { plan, cnn, mlp, drawings } = digits;
  return plain({
    run,
    ox: {
      max: ox.max,
      mean: ox.mean,
      mlp: ox.mlp,
      seeds: ox.seeds,
      networks: ox.rows,
      walks: ox.walks,
      unlucky: ox.autopsy,
      overlap: ox.overlap,
    },
    digits: {
      plan,
      cnn: measuredJson(cnn),
      mlp: measuredJson(mlp),
      worstMistakes: drawings.mistakes.map(({ image: _image, ...mistake }) => mistake),
    },
  });
}

function measuredJson({ kind: _kind, parameters, training, answers, shiftAccuracy, permutedAccuracy, choice, layers }: Measured) {
  const { seconds, imagesPerSecond, loss, accuracy } = training;
  return {
    parameters,
    seconds,
    imagesPerSecond,
    testAccuracy: answers.accuracy,
    shiftAccuracy,
    permutedAccuracy,
    learningRate: choice.chosen.learningRate,
    learningRates: choice.trials,
    training: { loss, accuracy },
    confusion: answers.confusion,
    layers,
  };
}

/** Typed arrays become arrays: JSON.stringify would write them as objects. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}
