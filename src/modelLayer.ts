import type { Parameter } from "./graph.ts";
import type { ModelInput } from "./inference.ts";
import { type Shape, sizeOf } from "./shape.ts";
import type { Session } from "./training/session.ts";
import { setWeights, type TensorData, type TensorLike } from "./weights.ts";

/** A weight by name, `layer/kernel`. */
export interface WeightArray {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** A layer of a model: its name, shape and weights. */
export class ModelLayer {
  readonly name: string;
  /** The factory's name: "conv2d". */
  readonly type: string;
  /** Of one sample. */
  readonly outputShape: Shape;
  /** @internal */
  readonly parameters: readonly Parameter[];

  /** `inputOf` gives what reaches the layer when the model is given x. */
  constructor(
    { name, type, outputShape }: Pick<ModelLayer, "name" | "type" | "outputShape">,
    private readonly session: Session,
    private readonly inputOf: (x: ModelInput) => Promise<TensorData>,
  ) {
    this.name = name;
    this.type = type;
    this.outputShape = outputShape;
    this.parameters = session.graph.parameters.filter(({ layer }) => layer === name);
  }

  /** Whether training changes its weights (and a batch normalization uses the batch's statistics). Takes effect at the next step. */
  get trainable(): boolean {
    return !this.session.options.frozen.has(this.name);
  }

  set trainable(trainable: boolean) {
    this.session.options.frozen[trainable ? "delete" : "add"](this.name);
  }

  /** Number of weights, statistics included. */
  countParams(): number {
    return this.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Copies of the weights: kernel, bias; or gamma, beta, movingMean, movingVariance. */
  getWeights(): WeightArray[] {
    const { engine } = this.session;
    engine.checkUsable();
    return this.parameters.map((parameter) => {
      const { name, shape } = parameter;
      return { name, data: Float32Array.from(engine.state.view(parameter, "value")), shape };
    });
  }

  /** Sets all weights in the order of `getWeights`. RangeError, with nothing changed, when number or shapes differ. */
  setWeights(weights: readonly TensorLike[]): void {
    const { engine } = this.session;
    engine.checkUsable();
    setWeights(`${this.type} "${this.name}"`, engine, this.parameters, weights);
  }

  /** Of a normalization layer: sets mean and variance per channel to those of the data that reaches it when the model is given `x`. */
  async adapt(x: unknown): Promise<void> {
    if (this.type !== "normalization") throw new TypeError(`${this.type} "${this.name}": only a normalization layer can adapt`);
    const { data, shape } = await this.inputOf(x as ModelInput);
    const channels = shape.at(-1)!;
    const rows = data.length / channels;
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    for (let index = 0; index < data.length; index++) mean[index % channels] += data[index] / rows;
    for (let index = 0; index < data.length; index++) variance[index % channels] += (data[index] - mean[index % channels]) ** 2 / rows;
    // Keras divides by max(√variance, 1e-7): a constant channel becomes 0, not NaN.
    this.setWeights([Float32Array.from(mean), Float32Array.from(variance, (value) => Math.max(value, 1e-14))]);
  }
}
