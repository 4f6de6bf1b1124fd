import type { KernelName, RunHeader } from "../../../build/records.ts";
import type { Decoded } from "../records.ts";

/** What a plain kernel works on. Element indexes go into `floats`, byte indexes into `bytes`. */
export interface PlainMemory {
  readonly floats: Float32Array | Float64Array;
  readonly bytes: Uint8Array;
  /** 32-bit view of the same bytes: what argmax cells of 4 bytes are read through. */
  readonly words: Int32Array;
  readonly run: RunHeader;
}

/** The obvious loops for one record: the oracle of the tests, the fallback, the baseline of the benchmark. */
export type PlainKernel<K extends KernelName> = (record: Decoded<K>, memory: PlainMemory) => void;
