import type { Digits } from "./digitsData.ts";
import type { Drawings } from "./digitsDrawings.ts";
import type { Kind, LayerLine } from "./digitsNetworks.ts";
import type { Answers } from "./digitsReasons.ts";
import type { Choice, Plan, Training } from "./digitsTraining.ts";

export interface DigitsPlan extends Plan {
  readonly train: number;
  readonly test: number;
  /** Test digits that are shifted in all directions. */
  readonly shifts: number;
}

/** Everything measured of one model. */
export interface Measured {
  readonly kind: Kind;
  readonly parameters: number;
  readonly layers: readonly LayerLine[];
  readonly choice: Choice;
  readonly training: Omit<Training, "model">;
  readonly answers: Answers;
  readonly shiftAccuracy: readonly number[];
  readonly permutedAccuracy: number;
}

export interface DigitsResult {
  readonly plan: DigitsPlan;
  readonly cnn: Measured;
  readonly mlp: Measured;
  readonly drawings: Drawings;
}

export interface Sets {
  readonly train: Digits;
  readonly test: Digits;
}

export type Trained = Training & { choice: Choice; parameters: number; layers: LayerLine[] };
