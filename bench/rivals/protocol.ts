/** What the bench and its worker processes say to each other: a line of JSON each. */
import type { Contender } from "./engine.ts";

/** Begins a line of a worker's standard output that is an answer. */
export const ANSWER = "answer ";

/** `directory`: where PyTorch finds the data; the others make them from the name. */
export type Request =
  | { readonly do: "prepare"; readonly case: string; readonly contender: Contender; readonly directory: string }
  /** Times `calls` calls, with `settle` after one that is not timed. */
  | { readonly do: "sample"; readonly calls: number; readonly settle: boolean }
  /** Writes what the last call gave as float32 into a file. */
  | { readonly do: "output"; readonly file: string };

export interface Answer {
  /** Whether `output` gives logits, which must be asked for before a step. */
  readonly hasLogits?: boolean;
  readonly ms?: number;
  /** Of all threads of the process. */
  readonly cpuMs?: number;
  /** Of the last call, in training. */
  readonly loss?: number;
  /** Why the engine cannot run the case. */
  readonly unsupported?: string;
  readonly error?: string;
}
