/** What every engine provides, and which are measured. */
import type { Workload } from "./workload.ts";

export interface Prepared {
  /**
   * What is measured. Inference: the input array in, an output array out, in the engine's own layout. Training: a step on the next batch
   * (sample order as it is), giving its mean loss before the update.
   */
  run(): Result | Promise<Result>;
  /** A result of inference in the table's layout. */
  toTable?(result: ArrayLike<number>): Float32Array;
  /** In training, of engines whose steps are not those of the reference: logits of the first batch, before a step. */
  logits?(): Float32Array;
}

export type Result = number | ArrayLike<number>;

/** The one function of an engine's file. Throws Unsupported. */
export type Prepare = (workload: Workload, contender: Contender) => Prepared | Promise<Prepared>;

/** The engine cannot run the case. */
export class Unsupported extends Error {}

export type EngineName = "convlet" | "tfjs-wasm" | "tfjs-cpu" | "onnxruntime-web" | "onnxruntime-node" | "convnetjs" | "jax-js" | "pytorch";

export interface Contender {
  readonly engine: EngineName;
  readonly numerics: "strict" | "relaxed" | "float32" | "float64" | "native";
  readonly threads: number;
  readonly kind: "convlet" | "wasm" | "js" | "native";
}

/** In the order of the tables. What WASM rivals do about fused multiply-add is theirs: "float32". */
export const CONTENDERS: readonly Contender[] = [
  { engine: "convlet", numerics: "strict", threads: 1, kind: "convlet" },
  { engine: "convlet", numerics: "relaxed", threads: 1, kind: "convlet" },
  { engine: "onnxruntime-web", numerics: "float32", threads: 1, kind: "wasm" },
  { engine: "onnxruntime-web", numerics: "float32", threads: 2, kind: "wasm" },
  { engine: "tfjs-wasm", numerics: "float32", threads: 1, kind: "wasm" },
  { engine: "jax-js", numerics: "float32", threads: 1, kind: "wasm" },
  { engine: "tfjs-cpu", numerics: "float32", threads: 1, kind: "js" },
  { engine: "convnetjs", numerics: "float64", threads: 1, kind: "js" },
  { engine: "onnxruntime-node", numerics: "native", threads: 1, kind: "native" },
  { engine: "pytorch", numerics: "native", threads: 1, kind: "native" },
];

export function titleOf({ engine, numerics, threads }: Contender): string {
  const isPlain = numerics === "float32" || numerics === "native" || numerics === "float64";
  return `${engine}${isPlain ? "" : ` ${numerics}`}${threads > 1 ? `, ${threads} threads` : ""}`;
}

/** Engines that make the same Adam steps as the reference: their second loss tells that gradients and update are right. */
export function hasAdam({ engine }: Contender): boolean {
  return engine !== "convnetjs";
}
