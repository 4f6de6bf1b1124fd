/** How gradients change weights: names, defaults and formulas are Keras 3's; the arithmetic is in the update kernels. */
import { checkFlag, checkNumber, checkOptions, type Named, revived, shown } from "../options.ts";
import { integerPower, type Schedule, type ScheduleSpec, schedule } from "./schedules.ts";

export type OptimizerName = "sgd" | "rmsprop" | "adam" | "adamW";

export interface Optimizer {
  readonly name: OptimizerName;
  /** JSON with every option; `{ name, config }` in its place makes the same again. */
  readonly config: object;
  readonly learningRate: number | Schedule;
  /** One array of a parameter's size per name, starting as zeros. */
  readonly slots: readonly string[];
  readonly kernel: "sgdUpdate" | "rmspropUpdate" | "adamUpdate";
  /** The record's own numbers, beside those every update has. */
  readonly fields: Readonly<Record<string, number>>;
  /** Decoupled: weight −= weight · weightDecay · learningRate before the step. 0: none. */
  readonly weightDecay: number;
  readonly clipNorm?: number;
  readonly globalClipNorm?: number;
  readonly clipValue?: number;
  /** What Adam multiplies its step with at update `step` (from 1): both bias corrections in one. Others: the rate as it is. */
  correctedRate(learningRate: number, step: number): number;
}

/** Options of every optimizer. At most one of the three clips. */
export interface OptimizerOptions {
  /** Default 0.001; sgd: 0.01. */
  readonly learningRate?: number | ScheduleSpec;
  /** Default 0; adamW: 0.004. */
  readonly weightDecay?: number;
  /** Scales each parameter's gradient down to this norm. */
  readonly clipNorm?: number;
  /** Scales all gradients down together to this norm. */
  readonly globalClipNorm?: number;
  /** Cuts every gradient to ± this. */
  readonly clipValue?: number;
}

export interface SgdOptions extends OptimizerOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

export interface RmspropOptions extends OptimizerOptions {
  /** Default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 1e-7, under the root. */
  readonly epsilon?: number;
}

export interface AdamOptions extends OptimizerOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7, beside the root. */
  readonly epsilon?: number;
}

export type OptimizerSpec = OptimizerName | Named | Optimizer;

const COMMON = ["learningRate", "weightDecay", "clipNorm", "globalClipNorm", "clipValue"];
const asItIs = (learningRate: number) => learningRate;

/** velocity ← momentum · velocity − rate · g; weight += velocity. With nesterov: weight += momentum · velocity − rate · g. */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptions("sgd", options, [...COMMON, "momentum", "nesterov"]);
  const { momentum = 0, nesterov = false } = options;
  checkNumber("sgd", "momentum", momentum, { atLeast: 0, atMost: 1 });
  checkFlag("sgd", "nesterov", nesterov);
  return {
    ...common("sgd", options, { learningRate: 0.01, weightDecay: 0 }, { momentum, nesterov }),
    slots: momentum > 0 ? ["velocity"] : [],
    kernel: "sgdUpdate",
    fields: { momentum, nesterov: nesterov ? 1 : 0 },
    correctedRate: asItIs,
  };
}

/** square ← rho · square + (1 − rho) · g²; weight −= rate · g / √(square + epsilon), through velocity with momentum. Hinton 2012. */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", options, [...COMMON, "rho", "momentum", "epsilon"]);
  const { rho = 0.9, momentum = 0, epsilon = 1e-7 } = options;
  checkNumber("rmsprop", "rho", rho, { atLeast: 0, below: 1 });
  checkNumber("rmsprop", "momentum", momentum, { atLeast: 0, atMost: 1 });
  checkNumber("rmsprop", "epsilon", epsilon, { above: 0 });
  return {
    ...common("rmsprop", options, { learningRate: 0.001, weightDecay: 0 }, { rho, momentum, epsilon }),
    slots: momentum > 0 ? ["square", "velocity"] : ["square"],
    kernel: "rmspropUpdate",
    fields: { rho, momentum, epsilon },
    correctedRate: asItIs,
  };
}

/** first, second ← moving means of g and g²; weight −= corrected rate · first / (√second + epsilon). Kingma and Ba 2014. */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamFamily("adam", options, 0);
}

/** Adam with decoupled weight decay, 0.004 by default. Loshchilov and Hutter 2017. */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adamFamily("adamW", options, 0.004);
}

const factories: Record<OptimizerName, (options?: object) => Optimizer> = { sgd, rmsprop, adam, adamW };

/** An optimizer from its name, from what a file keeps of it, or as it is. */
export function optimizer(spec: OptimizerSpec): Optimizer {
  return revived("optimizer", factories, spec, "correctedRate");
}

/** The learning rate of the update that follows `finishedSteps` others. */
export function learningRateAt({ learningRate }: Optimizer, finishedSteps: number): number {
  if (typeof learningRate === "number") return learningRate;
  return checkNumber(learningRate.name, "learningRate", learningRate.at(finishedSteps), { atLeast: 0 });
}

function adamFamily(name: "adam" | "adamW", options: AdamOptions, weightDecay: number): Optimizer {
  checkOptions(name, options, [...COMMON, "beta1", "beta2", "epsilon"]);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  checkNumber(name, "beta1", beta1, { atLeast: 0, below: 1 });
  checkNumber(name, "beta2", beta2, { atLeast: 0, below: 1 });
  checkNumber(name, "epsilon", epsilon, { above: 0 });
  return {
    ...common(name, options, { learningRate: 0.001, weightDecay }, { beta1, beta2, epsilon }),
    slots: ["first", "second"],
    kernel: "adamUpdate",
    fields: { beta1, beta2, epsilon },
    // The kernel's betas are float32: corrections of the float64 ones put a loss curve off by 1.6e-6.
    correctedRate: (learningRate, step) =>
      (learningRate * Math.sqrt(1 - integerPower(Math.fround(beta2), step))) / (1 - integerPower(Math.fround(beta1), step)),
  };
}

type Common = Pick<Optimizer, "name" | "config" | "learningRate" | "weightDecay" | "clipNorm" | "globalClipNorm" | "clipValue">;

function common(
  name: OptimizerName,
  options: OptimizerOptions,
  defaults: { readonly learningRate: number; readonly weightDecay: number },
  own: object,
): Common {
  const learningRate = checkedRate(name, options.learningRate ?? defaults.learningRate);
  const weightDecay = checkNumber(name, "weightDecay", options.weightDecay ?? defaults.weightDecay, { atLeast: 0 });
  const clips = (["clipNorm", "globalClipNorm", "clipValue"] as const).filter((clip) => options[clip] !== undefined);
  if (clips.length > 1) throw new TypeError(`${name}: got ${clips.join(" and ")}, needs at most one of clipNorm, globalClipNorm, clipValue`);
  const clip = Object.fromEntries(clips.map((option) => [option, checkNumber(name, option, options[option], { above: 0 })]));
  const storedRate = typeof learningRate === "number" ? learningRate : { name: learningRate.name, config: learningRate.config };
  return { name, config: { learningRate: storedRate, weightDecay, ...clip, ...own }, learningRate, weightDecay, ...clip };
}

function checkedRate(name: string, rate: unknown): number | Schedule {
  if (typeof rate === "object" && rate !== null) return schedule(rate as ScheduleSpec);
  if (typeof rate === "number") return checkNumber(name, "learningRate", rate, { atLeast: 0 });
  throw new TypeError(`${name}: learningRate is ${shown(rate)}, needs a finite number ≥ 0 or a schedule`);
}
