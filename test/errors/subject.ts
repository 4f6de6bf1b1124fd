/** The model that every bad input is tried on, and what a bad input is. */

import * as convlet from "../../src/index.ts";
import {
  type Callback,
  type DataLike,
  FileFormatError,
  type Model,
  type ModelFitOptions,
  type ModelOptions,
  type Shape,
  type SymbolicTensor,
  type TrainingBatch,
} from "../../src/index.ts";

export type { Callback, DataLike, Model, ModelFitOptions, Shape, SymbolicTensor, TrainingBatch };
export { convlet, FileFormatError };

/** Six images of three classes. */
export const x = { data: Float32Array.from({ length: 6 * 16 }, (_, index) => Math.fround(Math.sin(index))), shape: [6, 4, 4, 1] };
export const y = [0, 1, 2, 0, 1, 2];

export type Kind = ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor | typeof FileFormatError;

/** What is done, and the error it must end in; of long texts (lists of known names) a regular expression of the beginning. */
export type BadInput = readonly [name: string, attempt: (model: Model) => unknown, kind: Kind, text: string | RegExp];

/** Everything that training carries from step to step: dropout, running statistics, optimizer slots. */
export function subject(options: ModelOptions = {}): Model {
  const model = untrained(options);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

export function untrained(options: ModelOptions = {}): Model {
  const { batchNormalization, conv2d, dense, dropout, flatten, sequential } = convlet;
  return sequential(
    [
      conv2d({ name: "conv", inputShape: [4, 4, 1], filters: 2, kernelSize: 3 }),
      batchNormalization(),
      dropout({ rate: 0.25 }),
      flatten(),
      dense({ name: "head", units: 3, activation: "softmax" }),
    ],
    { seed: 5, ...options },
  );
}

/** Options as a plain-JavaScript caller may pass them: any kind of value under any name. */
export function loose(value: unknown): never {
  return value as never;
}

export function train(model: Model, options: object, data: unknown = x, labels: unknown = y): Promise<unknown> {
  return model.fit(loose(data), loose(labels), loose({ verbose: 0, ...options }));
}

/** Bytes the model's memory has; none after dispose. */
export function memoryOf(model: Model): number {
  return (model as unknown as { engine: { state: { memory?: WebAssembly.Memory } } }).engine.state.memory?.buffer.byteLength ?? 0;
}

/** A typed array as its sender keeps it after a transfer. */
export function transferred(length: number): Float32Array {
  const array = new Float32Array(length);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}
