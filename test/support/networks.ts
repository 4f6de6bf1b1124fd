/** Machines, data and small networks that the tests of the public face share. */

import type { Model, ModelOptions, SymbolicTensor } from "../../src/index.ts";
import * as convlet from "../../src/index.ts";
import { supportsRelaxed } from "../../src/machine/wasm.ts";
import { seededRandom } from "./kernels.ts";

export type MachineChoice = "strict" | "relaxed" | "plain";

const CHOICES: Record<MachineChoice, ModelOptions> = {
  strict: { machine: "wasm", numerics: "strict" },
  relaxed: { machine: "wasm", numerics: "relaxed" },
  plain: { machine: "plain" },
};

/** The machines this engine can run. */
export const machines: MachineChoice[] = supportsRelaxed() ? ["strict", "relaxed", "plain"] : ["strict", "plain"];

/** Model options that choose a machine. */
export function on(machine: MachineChoice, options: ModelOptions = {}): ModelOptions {
  return { ...CHOICES[machine], ...options };
}

/** `count` numbers in (-1, 1). */
export function numbers(count: number, seed = 1): Float32Array {
  return Float32Array.from({ length: count }, seededRandom(seed));
}

/** Class numbers below `classes`. */
export function labels(count: number, classes: number, seed = 2): Uint8Array {
  return Uint8Array.from(numbers(count, seed), (value) => Math.min(classes - 1, Math.floor(((value + 1) / 2) * classes)));
}

export function oneHot(classNumbers: ArrayLike<number>, classes: number): Float32Array {
  const rows = new Float32Array(classNumbers.length * classes);
  for (let row = 0; row < classNumbers.length; row++) rows[row * classes + classNumbers[row]] = 1;
  return rows;
}

/** Images [count, 8, 8, 2] of three classes: which of the quarters is bright, under noise. */
export function quarters(count: number, seed = 3): { x: Float32Array; y: Uint8Array } {
  const x = numbers(count * 128, seed);
  const y = labels(count, 3, seed + 1);
  for (let sample = 0; sample < count; sample++) {
    const top = y[sample] === 2 ? 4 : 0;
    const left = y[sample] === 1 ? 4 : 0;
    for (let cell = 0; cell < 16; cell++) x[sample * 128 + ((top + (cell >> 2)) * 8 + left + (cell & 3)) * 2] += 1.5;
  }
  return { x, y };
}

/** Points [count, 2] in the four quadrants; 1 where the signs differ. */
export function xor(count: number, seed = 5): { x: Float32Array; y: Float32Array } {
  const x = numbers(count * 2, seed).map((value) => value + 0.3 * Math.sign(value));
  return { x, y: Float32Array.from({ length: count }, (_, row) => (x[row * 2] * x[row * 2 + 1] < 0 ? 1 : 0)) };
}

/** One of everything that has state of its own: batch norm, dropout, conv, dense; for `quarters`. */
export function everything(options: ModelOptions = {}): Model {
  return convlet.sequential(
    [
      convlet.input({ shape: [8, 8, 2] }),
      convlet.conv2d({ filters: 4, kernelSize: 3, padding: "same", useBias: false }),
      convlet.batchNormalization({ momentum: 0.8 }),
      convlet.relu(),
      convlet.maxPooling2d(),
      convlet.dropout({ rate: 0.25 }),
      convlet.flatten(),
      convlet.dense({ units: 3, activation: "softmax" }),
    ],
    { seed: 4, ...options },
  );
}

/** The same, ready to train. */
export function compiled(optimizer: convlet.Optimizer | "sgd" | "adam", options: ModelOptions = {}): Model {
  const net = everything(options);
  net.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return net;
}

/** Dense layers alone, for samples of 4 values and 3 classes: what a sample does, it does by itself. With a penalty. */
export function independent(): Model {
  const layers = [
    convlet.dense({ units: 6, activation: "tanh", kernelRegularizer: convlet.l2(0.01) }),
    convlet.dense({ units: 3, activation: "softmax" }),
  ];
  return convlet.sequential([convlet.input({ shape: [4] }), ...layers], { seed: 2, ...on("strict") });
}

/** Gradients of parts added up against those of the whole, each summed in its own order, after a few updates. */
export const F32_SUMS = 1e-5;

/** Flat copy of all weights. */
export function allWeights(model: Model): Float32Array {
  const arrays = model.getWeights().map(({ data }) => data);
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** The bits, so that NaN equals NaN and -0 differs from 0. */
export function bits(values: Float32Array): number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
}

/** A chain of layers behind a value. */
export function chain(value: SymbolicTensor, ...layers: convlet.Layer[]): SymbolicTensor {
  return layers.reduce((each, layer) => layer.apply(each), value);
}
