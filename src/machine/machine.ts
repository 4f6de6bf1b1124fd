/** A machine executes a range of records that stand in a memory. */
export interface Machine {
  readonly name: "strict" | "relaxed" | "plain";
  /** Runs `count` records from byte address `first` on. Returns how many ran (fewer when the run header's abort word was set). */
  execute(first: number, count: number): number;
}

/** The bytes a State lives in. `buffer` changes when the memory grows: views are made per call. */
export interface Bytes {
  readonly buffer: ArrayBufferLike;
}
