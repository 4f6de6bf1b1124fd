import type { Parameter } from "./graph.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** A weight by name, `layer/kernel`. */
export interface WeightArray {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: Shape;
}

interface LayerAccess {
  readonly name: string;
  readonly type: string;
  readonly outputShape: Shape;
  readonly parameters: readonly Parameter[];
  read(parameter: Parameter): Float32Array;
  write(weights: readonly ({ readonly data: Float32Array; readonly shape: Shape } | Float32Array)[]): void;
  getTrainable(): boolean;
  setTrainable(trainable: boolean): void;
  inputOf(x: never): Promise<{ readonly data: Float32Array; readonly shape: Shape }>;
}

/** A layer of a model: its name, shape and weights. */
export class ModelLayer {
  readonly name: string;
  /** The factory's name: "conv2d". */
  readonly type: string;
  /** Of one sample. */
  readonly outputShape: Shape;
  readonly parameters: readonly Parameter[];

  constructor(private readonly access: LayerAccess) {
    this.name = access.name;
    this.type = access.type;
    this.outputShape = access.outputShape;
    this.parameters = access.parameters;
  }

  /** Whether training changes its weights (and a batch normalization uses the batch's statistics). Takes effect at the next step. */
  get trainable(): boolean {
    return this.access.getTrainable();
  }

  set trainable(trainable: boolean) {
    this.access.setTrainable(trainable);
  }

  /** Number of weights, statistics included. */
  countParams(): number {
    return this.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Copies of the weights: kernel, bias; or gamma, beta, movingMean, movingVariance. */
  getWeights(): WeightArray[] {
    return this.parameters.map((parameter) => ({ name: parameter.name, data: this.access.read(parameter), shape: parameter.shape }));
  }

  /** Sets all weights in the order of `getWeights`. RangeError, with nothing changed, when number or shapes differ. */
  setWeights(weights: readonly ({ readonly data: Float32Array; readonly shape: Shape } | Float32Array)[]): void {
    this.access.write(weights);
  }

  /** Of a normalization layer: sets mean and variance per channel to those of the data that reaches it when the model is given `x`. */
  async adapt(x: unknown): Promise<void> {
    if (this.type !== "normalization") throw new TypeError(`${this.type} "${this.name}": only a normalization layer can adapt`);
    const { data, shape } = await this.access.inputOf(x as never);
    const channels = shape[shape.length - 1];
    const rows = data.length / channels;
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    for (let index = 0; index < data.length; index++) mean[index % channels] += data[index] / rows;
    for (let index = 0; index < data.length; index++) variance[index % channels] += (data[index] - mean[index % channels]) ** 2 / rows;
    // Keras divides by max(√variance, 1e-7): a constant channel becomes 0, not NaN.
    this.setWeights([Float32Array.from(mean), Float32Array.from(variance, (value) => Math.max(value, 1e-14))]);
  }
}
