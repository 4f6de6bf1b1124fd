/** Public names of convlet/run; no code. */

export { FileFormatError } from "./formats/safetensors.ts";
export type { Classification, ClassifyOptions } from "./image/classify.ts";
export type { ImageSource, Pixels } from "./image/pixels.ts";
export type { Preprocessing } from "./image/preprocessing.ts";
export type { KernelSource, KernelSources } from "./machine/kernelModules.ts";
export { load, RunModel, type RunOptions, type RunPredictOptions, type RunResult } from "./runModel.ts";
export type { Shape } from "./shape.ts";
export type { DataLike } from "./training/data.ts";
