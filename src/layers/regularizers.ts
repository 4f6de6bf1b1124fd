import { checkNumber, checkOptions } from "../options.ts";

/** Added to the loss: l1 · Σ|w| + l2 · Σw². */
export interface Regularizer {
  readonly l1: number;
  readonly l2: number;
}

export type RegularizerSpec = Partial<Regularizer> | undefined;

/** Penalty l1 · Σ|w|. Default 0.01, Keras's. */
export const l1 = (factor = 0.01): Regularizer => regularizer({ l1: factor });
/** Penalty l2 · Σw². Default 0.01, Keras's. */
export const l2 = (factor = 0.01): Regularizer => regularizer({ l2: factor });
/** Both penalties, 0.01 each unless given. */
export function l1l2(options: Partial<Regularizer> = {}): Regularizer {
  checkOptions("l1l2", options, ["l1", "l2"]);
  const { l1 = 0.01, l2 = 0.01 } = options;
  return regularizer({ l1, l2 });
}

export function regularizer(spec: RegularizerSpec): Regularizer {
  if (spec === undefined) return { l1: 0, l2: 0 };
  checkOptions("regularizer", spec, ["l1", "l2"]);
  return {
    l1: checkNumber("regularizer", "l1", spec.l1 ?? 0, { atLeast: 0 }),
    l2: checkNumber("regularizer", "l2", spec.l2 ?? 0, { atLeast: 0 }),
  };
}
