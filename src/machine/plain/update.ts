/** Optimizer steps after the formulas of Keras 3. */
import type { RunHeader } from "../../../build/records.ts";
import type { Decoded } from "../records.ts";
import type { PlainKernel, PlainMemory } from "./memory.ts";

/** Gradient element i as an update sees it: scaled, then clipped. */
function gradientReader(record: Decoded<"sgdUpdate" | "rmspropUpdate" | "adamUpdate">, { floats, run }: PlainMemory): (i: number) => number {
  const { gradient, clipNorm, clipValue, normSquares } = record;
  const norm = clipNorm === 0 ? 0 : Math.sqrt(floats[normSquares]);
  const factor = norm <= clipNorm ? run.gradientScale : (run.gradientScale * clipNorm) / norm;
  return (i) => {
    const g = floats[gradient + i] * factor;
    return clipValue === 0 ? g : Math.max(-clipValue, Math.min(clipValue, g));
  };
}

/** Weight element i after decoupled decay. */
function decayed(weight: number, weightDecay: number, run: RunHeader): number {
  return weight - weight * weightDecay * run.learningRate;
}

/** velocity (null: none) ← momentum · velocity − rate · g; weight += velocity, or with nesterov momentum · velocity − rate · g. */
export const sgdUpdate: PlainKernel<"sgdUpdate"> = (record, memory) => {
  const { weight, count, weightDecay, velocity, momentum, nesterov } = record;
  const { floats, run } = memory;
  const gradient = gradientReader(record, memory);
  for (let i = 0; i < count; i++) {
    let step = -run.learningRate * gradient(i);
    if (velocity !== null) {
      const next = momentum * floats[velocity + i] + step;
      floats[velocity + i] = next;
      step = nesterov !== 0 ? momentum * next + step : next;
    }
    floats[weight + i] = decayed(floats[weight + i], weightDecay, run) + step;
  }
};

/** square ← rho · square + (1 − rho) · g²; step = rate · g / √(square + epsilon); velocity (null: none) ← momentum · velocity + step. */
export const rmspropUpdate: PlainKernel<"rmspropUpdate"> = (record, memory) => {
  const { weight, count, weightDecay, square, velocity, rho, momentum, epsilon } = record;
  const { floats, run } = memory;
  const gradient = gradientReader(record, memory);
  for (let i = 0; i < count; i++) {
    const g = gradient(i);
    const nextSquare = rho * floats[square + i] + (1 - rho) * g * g;
    floats[square + i] = nextSquare;
    let step = (run.learningRate * g) / Math.sqrt(nextSquare + epsilon);
    if (velocity !== null) {
      step += momentum * floats[velocity + i];
      floats[velocity + i] = step;
    }
    floats[weight + i] = decayed(floats[weight + i], weightDecay, run) - step;
  }
};

/** first += (g − first)(1 − beta1); second += (g² − second)(1 − beta2); weight −= correctedRate · first / (√second + epsilon). */
export const adamUpdate: PlainKernel<"adamUpdate"> = (record, memory) => {
  const { weight, count, weightDecay, first, second, beta1, beta2, epsilon } = record;
  const { floats, run } = memory;
  const gradient = gradientReader(record, memory);
  for (let i = 0; i < count; i++) {
    const g = gradient(i);
    const nextFirst = floats[first + i] + (g - floats[first + i]) * (1 - beta1);
    const nextSecond = floats[second + i] + (g * g - floats[second + i]) * (1 - beta2);
    floats[first + i] = nextFirst;
    floats[second + i] = nextSecond;
    floats[weight + i] = decayed(floats[weight + i], weightDecay, run) - (run.correctedRate * nextFirst) / (Math.sqrt(nextSecond) + epsilon);
  }
};
