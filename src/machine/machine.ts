/** A machine executes a range of records that stand in a memory. */
export interface Machine {
  readonly name: "strict" | "relaxed" | "plain";
  /**
   * Runs `count` records from byte address `first` on, on at most `threads` threads (default: all it has; the bits are the same).
   * Returns how many ran (fewer when the run header's abort word was set).
   */
  execute(first: number, count: number, threads?: number): number;
  /** Other records stand where it has read some: drops what it knows of them. */
  forget?(): void;
  /** XXH32 of the `length` bytes of its memory from `at` on. */
  checksum?(at: number, length: number): number;
  /** Resolves when a machine of several threads has all of them, again after some were lost. */
  ready?(): Promise<void>;
  /** Gives its threads back. */
  dispose?(): void;
}

/** The bytes a State lives in. `buffer` changes when the memory grows: views are made per call. */
export interface Bytes {
  readonly buffer: ArrayBufferLike;
}
