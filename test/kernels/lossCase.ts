import type { CrossEntropy, ElementLoss } from "../../build/records.ts";
import { F32_FUNCTION, type MachineName, type TensorOptions, TestMemory } from "../support/kernels.ts";

/** Math and double precision against src/math.ts. */
const F64 = 5e-15;
/** Central differences with step 1e-6 in float64, over a loss of size 1. */
const FINITE_DIFFERENCE = 1e-8;

export const lossTolerance = (machine: MachineName) => (machine === "plain64" ? F64 : F32_FUNCTION);
export const gradientTolerance = (machine: MachineName) => (machine === "plain64" ? FINITE_DIFFERENCE : F32_FUNCTION);

type Kinds = { crossEntropyLoss: keyof typeof CrossEntropy; elementwiseLoss: keyof typeof ElementLoss };

/** A call of one of the two loss kernels: they differ in kinds and targets. */
export interface LossCase<K extends keyof Kinds> {
  readonly kind: Kinds[K];
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly prediction: ArrayLike<number>;
  readonly target: readonly number[];
  readonly sampleWeight?: readonly number[];
  readonly lossScale?: number;
  readonly batch?: number;
  readonly layout?: TensorOptions;
  readonly withGrad?: boolean;
}

/** `own`: the record's fields that the other kernel's has not, or has other numbers for. */
export async function runLoss<K extends keyof Kinds>(machine: MachineName, kernel: K, given: LossCase<K>, own: { kind: number; delta?: number }) {
  const { shape, layout = {}, withGrad = true } = given;
  const memory = new TestMemory(machine);
  const prediction = memory.tensor([...shape], { ...layout, values: given.prediction });
  const predictionGrad = withGrad ? memory.tensor([...shape], { ...layout, values: "nan" }) : null;
  const target = memory.array(given.target.length, given.target);
  const sampleWeight = given.sampleWeight ? memory.array(shape[0], given.sampleWeight) : null;
  const losses = memory.array(shape[0], "nan");
  const header = { batch: given.batch ?? shape[0], lossScale: given.lossScale ?? 1 };
  await memory.run(kernel, { prediction, predictionGrad, target, sampleWeight, losses, ...own } as never, header);
  return { losses: memory.read(losses), grad: predictionGrad === null ? null : memory.read(predictionGrad) };
}
