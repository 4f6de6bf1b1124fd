/** Adam as Keras 3 writes it: epsilon outside the bias correction (keras/src/optimizers/adam.py). */

export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export const ADAM_DEFAULTS: AdamOptions = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

export interface AdamArrays {
  readonly weight: Float32Array;
  readonly grad: Float32Array;
  /** Running mean of the gradient. */
  readonly first: Float32Array;
  /** Running mean of its square. */
  readonly second: Float32Array;
}

/** Step counts from 1. */
export function adam({ weight, grad, first, second }: AdamArrays, options: AdamOptions, step: number): void {
  const { learningRate, beta1, beta2, epsilon } = options;
  const rate = (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
  const keep1 = 1 - beta1;
  const keep2 = 1 - beta2;
  for (let index = 0; index < weight.length; index++) {
    const slope = grad[index];
    const mean = first[index] + (slope - first[index]) * keep1;
    const square = second[index] + (slope * slope - second[index]) * keep2;
    first[index] = mean;
    second[index] = square;
    weight[index] -= (rate * mean) / (Math.sqrt(square) + epsilon);
  }
}
