/** Types of the public face that tests name. */
export type { Layer, Model, SymbolicTensor } from "../../src/index.ts";
export type { LossSpec } from "../../src/training/losses.ts";
