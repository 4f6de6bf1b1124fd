/** Learning rates that change with the step. Formulas are Keras 3's; the step counts finished updates from 0. */
import { cos, exp, log } from "../math.ts";
import { checkFlag, checkNumber, checkOptions, type Named, revived, shown } from "../options.ts";

export interface Schedule {
  readonly name: string;
  /** JSON; `{ name, config }` in its place makes the same again. */
  readonly config: object;
  /** The learning rate of the update that follows `step` others: the same bits on every engine. */
  at(step: number): number;
}

export type ScheduleSpec = Named | Schedule;

export interface ExponentialDecay {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly decayRate: number;
  /** Default false: the rate falls at every step; true: at every decaySteps-th. */
  readonly staircase?: boolean;
}

/** initialLearningRate · decayRate^(step / decaySteps). */
export function exponentialDecay(options: ExponentialDecay): Schedule {
  const where = "exponentialDecay";
  checkOptions(where, options, ["initialLearningRate", "decaySteps", "decayRate", "staircase"]);
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  checkNumber(where, "initialLearningRate", initialLearningRate, { atLeast: 0 });
  checkNumber(where, "decaySteps", decaySteps, { above: 0 });
  checkNumber(where, "decayRate", decayRate, { above: 0 });
  checkFlag(where, "staircase", staircase);
  return {
    name: where,
    config: { initialLearningRate, decaySteps, decayRate, staircase },
    at(step) {
      const periods = step / decaySteps;
      return initialLearningRate * (staircase ? integerPower(decayRate, Math.floor(periods)) : exp(periods * log(decayRate)));
    },
  };
}

export interface CosineDecay {
  /** Where the warm-up starts, or without one the decay. */
  readonly initialLearningRate: number;
  /** Length of the decay, warm-up not counted. */
  readonly decaySteps: number;
  /** The lowest rate as a part of the highest. Default 0. */
  readonly alpha?: number;
  /** Where the warm-up ends and the decay starts. Default: no warm-up. */
  readonly warmupTarget?: number;
  /** Length of the warm-up. Default 0. */
  readonly warmupSteps?: number;
}

/** A straight line to warmupTarget, then half a cosine wave down to alpha times it. Loshchilov and Hutter 2016. */
export function cosineDecay(options: CosineDecay): Schedule {
  const where = "cosineDecay";
  checkOptions(where, options, ["initialLearningRate", "decaySteps", "alpha", "warmupTarget", "warmupSteps"]);
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  checkNumber(where, "initialLearningRate", initialLearningRate, { atLeast: 0 });
  checkNumber(where, "decaySteps", decaySteps, { above: 0 });
  checkNumber(where, "alpha", alpha, { atLeast: 0 });
  checkNumber(where, "warmupSteps", warmupSteps, { atLeast: 0 });
  if (warmupTarget !== undefined) checkNumber(where, "warmupTarget", warmupTarget, { atLeast: 0 });
  else if (warmupSteps > 0) throw new TypeError(`${where}: warmupSteps is ${warmupSteps} without a warmupTarget, needs both or neither`);
  const highest = warmupTarget ?? initialLearningRate;
  return {
    name: where,
    config: { initialLearningRate, decaySteps, alpha, warmupSteps, ...(warmupTarget === undefined ? {} : { warmupTarget }) },
    at(step) {
      if (step < warmupSteps) return (highest - initialLearningRate) * (step / warmupSteps) + initialLearningRate;
      const finished = Math.min(step - warmupSteps, decaySteps) / decaySteps;
      return highest * ((1 - alpha) * 0.5 * (1 + cos(Math.PI * finished)) + alpha);
    },
  };
}

export interface StepDecay {
  readonly initial: number;
  /** Steps between two cuts. */
  readonly every: number;
  /** What each cut multiplies the rate with. */
  readonly factor: number;
}

/** initial · factor^⌊step / every⌋. */
export function stepDecay(options: StepDecay): Schedule {
  const where = "stepDecay";
  checkOptions(where, options, ["initial", "every", "factor"]);
  const { initial, every, factor } = options;
  checkNumber(where, "initial", initial, { atLeast: 0 });
  checkNumber(where, "every", every, { whole: true, atLeast: 1 });
  checkNumber(where, "factor", factor, { above: 0 });
  return { name: where, config: { initial, every, factor }, at: (step) => initial * integerPower(factor, Math.floor(step / every)) };
}

export interface PiecewiseConstant {
  /** Rising steps. */
  readonly boundaries: readonly number[];
  /** One rate more than there are boundaries. */
  readonly values: readonly number[];
}

/** values[0] up to and with step boundaries[0], then values[1] up to and with boundaries[1], and so on. */
export function piecewiseConstant(options: PiecewiseConstant): Schedule {
  const where = "piecewiseConstant";
  checkOptions(where, options, ["boundaries", "values"]);
  const boundaries = checkedList(where, "boundaries", options.boundaries);
  const values = checkedList(where, "values", options.values);
  if (values.length !== boundaries.length + 1) {
    throw new RangeError(`${where}: ${values.length} values for ${boundaries.length} boundaries, needs ${boundaries.length + 1}`);
  }
  boundaries.forEach((boundary, index) => {
    if (index > 0) checkNumber(where, `boundaries[${index}]`, boundary, { above: boundaries[index - 1]! });
  });
  return {
    name: where,
    config: { boundaries, values },
    at(step) {
      const next = boundaries.findIndex((boundary) => step <= boundary);
      return values[next < 0 ? boundaries.length : next]!;
    },
  };
}

const factories = { exponentialDecay, cosineDecay, stepDecay, piecewiseConstant };

/** A schedule from what a file keeps of it, or as it is. */
export function schedule(spec: ScheduleSpec): Schedule {
  return revived<Schedule>("schedule", factories, spec, "at");
}

/** Whether a rate is a schedule that name and config do not make again. */
export function isOwnSchedule(rate: number | Schedule): rate is Schedule {
  return typeof rate === "object" && !Object.hasOwn(factories, rate.name);
}

/** base to the power of a whole number ≥ 0 by repeated squaring: multiplications only, so the same bits on every engine. */
export function integerPower(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}

function checkedList(where: string, option: string, values: unknown): readonly number[] {
  if (!Array.isArray(values)) throw new TypeError(`${where}: ${option} is ${shown(values)}, needs an array of numbers`);
  return values.map((value, index) => checkNumber(where, `${option}[${index}]`, value, { atLeast: 0 }));
}
