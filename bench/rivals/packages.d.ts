/** The little of other packages that the bench calls: types are checked without their being installed. */

declare module "onnxruntime-common-bench" {
  export class Tensor {
    constructor(type: "float32", data: Float32Array, dims: readonly number[]);
    readonly data: Float32Array;
  }
  export interface Session {
    run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
    readonly inputNames: readonly string[];
    readonly outputNames: readonly string[];
  }
  export interface SessionOptions {
    readonly executionProviders?: readonly string[];
    readonly intraOpNumThreads?: number;
    readonly interOpNumThreads?: number;
  }
  export const InferenceSession: { create(model: Uint8Array, options: SessionOptions): Promise<Session> };
}

declare module "onnxruntime-web" {
  export * from "onnxruntime-common-bench";
  export const env: { wasm: { numThreads: number } };
}

declare module "onnxruntime-node" {
  export * from "onnxruntime-common-bench";
}

declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    dataSync(): Float32Array;
    dispose(): void;
  }
  export type Variable = Tensor;
  interface Fused {
    readonly bias: Tensor;
    readonly activation: "relu" | "linear";
  }
  interface FusedConv extends Fused {
    readonly x: Tensor;
    readonly filter: Tensor;
    readonly strides: number;
    readonly pad: number;
    readonly dimRoundingMode: "floor";
  }
  const tf: {
    setBackend(name: string): Promise<boolean>;
    ready(): Promise<void>;
    tidy<T>(body: () => T): T;
    tensor(data: Float32Array, shape: readonly number[]): Tensor;
    tensor1d(data: Uint8Array, type: "int32"): Tensor;
    variable(initial: Tensor): Variable;
    oneHot(indexes: Tensor, depth: number): Tensor;
    reshape(x: Tensor, shape: readonly number[]): Tensor;
    softmax(logits: Tensor): Tensor;
    mean(x: Tensor, axes: readonly number[]): Tensor;
    maxPool(x: Tensor, window: number, strides: number, pad: number, dimRoundingMode: "floor"): Tensor;
    add(a: Tensor, b: Tensor): Tensor;
    relu(x: Tensor): Tensor;
    readonly fused: {
      conv2d(options: FusedConv): Tensor;
      depthwiseConv2d(options: FusedConv): Tensor;
      matMul(options: Fused & { readonly a: Tensor; readonly b: Tensor }): Tensor;
    };
    readonly losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor };
    readonly train: {
      adam(
        learningRate: number,
        beta1: number,
        beta2: number,
        epsilon: number,
      ): {
        minimize(loss: () => Tensor, returnCost: true, variables: readonly Variable[]): Tensor | null;
      };
    };
  };
  export default tf;
}

declare module "@tensorflow/tfjs-backend-wasm";
declare module "@tensorflow/tfjs-backend-cpu";

declare module "convnetjs" {
  export interface Volume {
    readonly w: Float64Array;
  }
  interface NetLayer {
    readonly filters?: readonly Volume[];
    readonly biases?: Volume;
    readonly out_act: Volume;
  }
  const convnetjs: {
    readonly Vol: new (width: number, height: number, depth: number, value: number) => Volume;
    readonly Net: new () => {
      readonly layers: readonly NetLayer[];
      makeLayers(definitions: readonly Record<string, unknown>[]): void;
      forward(input: Volume): Volume;
    };
    readonly Trainer: new (net: object, options: Record<string, unknown>) => { train(input: Volume, label: number): { readonly cost_loss: number } };
  };
  export default convnetjs;
}

declare module "@jax-js/jax" {
  export interface Array {
    /** The same array, owned once more. */
    readonly ref: Array;
    add(other: Array | number): Array;
    sub(other: Array | number): Array;
    mul(other: Array | number): Array;
    div(other: Array | number): Array;
    reshape(shape: readonly number[]): Array;
    data(): Promise<ArrayLike<number> & { readonly [index: number]: number }>;
    dispose(): void;
  }
  type Pads = readonly (readonly [number, number])[];
  type Nested = Array | readonly Nested[];
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): string;
  export function blockUntilReady(arrays: Nested): Promise<unknown>;
  export function jit<F>(body: F): F;
  export function valueAndGrad<A extends unknown[]>(body: (first: Array[], ...rest: A) => Array): (first: Array[], ...rest: A) => [Array, Array[]];
  export const tree: { ref<T extends Nested>(arrays: T): T extends readonly Array[] ? Array[] : T };
  export const numpy: {
    array(data: Float32Array | Int32Array | number): Array;
    transpose(x: Array): Array;
    max(x: Array): Array;
    sum(x: Array): Array;
    square(x: Array): Array;
    sqrt(x: Array): Array;
    zerosLike(x: Array): Array;
    matmul(a: Array, b: Array): Array;
    mean(x: Array, axes: readonly number[]): Array;
    pad(x: Array, widths: readonly (readonly [number, number])[]): Array;
  };
  export const nn: {
    relu(x: Array): Array;
    softmax(x: Array, axis: number): Array;
    logSoftmax(x: Array, axis: number): Array;
    oneHot(indexes: Array, classes: number): Array;
  };
  export const lax: {
    convGeneralDilated(x: Array, weight: Array, strides: readonly number[], padding: Pads, options: { featureGroupCount: number }): Array;
    reduceWindow(x: Array, computation: (x: Array) => Array, window: readonly number[], strides: readonly number[]): Array;
  };
}
