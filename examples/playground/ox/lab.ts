/** Three networks with the same seed and the same training: max pooling, mean pooling, and an MLP. All numbers come from the library. */
import { type LetterSet, letterSets } from "../../tour/letters.ts";
import { accuracyOn, letterMlp, letterNetwork, type Model } from "../../tour/oxNetworks.ts";
import { deadLayerOf } from "../../tour/oxTrials.ts";
import { permute } from "./permutation.ts";
import { type FilterValues, type Move, PIXELS, type Pooling } from "./state.ts";

export const KINDS = ["max", "mean", "mlp"] as const;
export type Kind = (typeof KINDS)[number];

export const DESIGN = { filters: 1, hidden: 4 } as const;

/** What one drawing becomes on its way through the network with `pooling`. */
export interface Look {
  /** [6, 6] as the network gets it: permuted, if that is switched on. */
  readonly input: Float32Array;
  /** [3, 3] */
  readonly filter: Float32Array;
  readonly bias: number;
  /** [4, 4] */
  readonly map: Float32Array;
  readonly relu: Float32Array;
  /** [2, 2] */
  readonly pool: Float32Array;
  readonly flat: Float32Array;
  readonly hidden: Float32Array;
  /** [4 inputs, 4 units] */
  readonly hiddenWeights: Float32Array;
  readonly hiddenBias: Float32Array;
  /** [4 units, 2 letters] */
  readonly outputWeights: Float32Array;
  readonly outputBias: Float32Array;
  /** Probabilities of O and X. */
  readonly output: Float32Array;
  /** dLoss/d filter and bias, [10], over the ten training images. */
  readonly gradient: FilterValues;
}

export interface Scores {
  readonly seen: number;
  readonly unseen: number;
}

export class Lab {
  readonly losses: Record<Kind, number[]> = { max: [], mean: [], mlp: [] };
  private readonly seen: LetterSet;
  private readonly unseen: LetterSet;

  private constructor(
    readonly models: Readonly<Record<Kind, Model>>,
    readonly isPermuted: boolean,
  ) {
    const { seen, unseen } = letterSets();
    this.seen = this.asSeen(seen);
    this.unseen = this.asSeen(unseen);
  }

  /** Networks with their first weights; the kernels are ready. */
  static async create(seed: number, isPermuted: boolean): Promise<Lab> {
    const models = {
      max: letterNetwork({ ...DESIGN, pooling: "max" }, seed),
      mean: letterNetwork({ ...DESIGN, pooling: "mean" }, seed),
      mlp: letterMlp(seed),
    };
    await Promise.all(KINDS.map((kind) => models[kind].ready));
    return new Lab(models, isPermuted);
  }

  /** One step of training on all ten images, in each network. */
  async train(): Promise<void> {
    for (const kind of KINDS) {
      const { loss } = await this.models[kind].trainOnBatch(this.seen.x, this.seen.y);
      this.losses[kind].push(loss!);
    }
  }

  /** Both convolutional networks get this filter. */
  setFilter(values: FilterValues): void {
    for (const pooling of ["max", "mean"] as const) {
      this.models[pooling].getLayer("filter").setWeights([Float32Array.from(values.slice(0, -1)), Float32Array.of(values.at(-1)!)]);
    }
  }

  filterOf(pooling: Pooling): FilterValues {
    return this.models[pooling]
      .getLayer("filter")
      .getWeights()
      .flatMap(({ data }) => Array.from(data));
  }

  async repeat(move: Move): Promise<void> {
    if ("filter" in move) this.setFilter(move.filter);
    else for (let step = 0; step < move.steps; step++) await this.train();
  }

  async look(pooling: Pooling, drawing: readonly number[]): Promise<Look> {
    const model = this.models[pooling];
    const input = this.input(drawing);
    const flatten = model.layers.find(({ type }) => type === "flatten")!.name;
    const values = await model.activations(input, ["filter", "relu", "pool", flatten, "hidden", "output"]);
    const [filter, bias] = model.getLayer("filter").getWeights();
    const [hiddenWeights, hiddenBias] = model.getLayer("hidden").getWeights();
    const [outputWeights, outputBias] = model.getLayer("output").getWeights();
    const gradients = await model.gradients(this.seen.x, this.seen.y);
    return {
      input,
      filter: filter!.data,
      bias: bias!.data[0]!,
      map: values.filter!.data,
      relu: values.relu!.data,
      pool: values.pool!.data,
      flat: values[flatten]!.data,
      hidden: values.hidden!.data,
      hiddenWeights: hiddenWeights!.data,
      hiddenBias: hiddenBias!.data,
      outputWeights: outputWeights!.data,
      outputBias: outputBias!.data,
      output: values.output!.data,
      gradient: [...gradients["filter/kernel"]!.data, ...gradients["filter/bias"]!.data],
    };
  }

  /** Probability of X for every drawing. */
  async probabilitiesOfX(kind: Kind, drawings: readonly (readonly number[])[]): Promise<number[]> {
    const x = new Float32Array(drawings.length * PIXELS);
    drawings.forEach((drawing, index) => {
      x.set(this.input(drawing), index * PIXELS);
    });
    const { data } = await this.models[kind].predict(x);
    return drawings.map((_, index) => data[2 * index + 1]!);
  }

  async scores(kind: Kind): Promise<Scores> {
    return { seen: await accuracyOn(this.models[kind], this.seen), unseen: await accuracyOn(this.models[kind], this.unseen) };
  }

  /** The layer whose ReLU answers 0 to all ten training images. */
  deadLayer(pooling: Pooling): Promise<"relu" | "hidden" | null> {
    return deadLayerOf(this.models[pooling], this.seen);
  }

  dispose(): void {
    for (const kind of KINDS) this.models[kind].dispose();
  }

  private input(drawing: readonly number[]): Float32Array {
    return Float32Array.from(this.isPermuted ? permute(drawing) : drawing);
  }

  private asSeen(set: LetterSet): LetterSet {
    if (!this.isPermuted) return set;
    const images = set.placements.map((_, index) => permute(Array.from(set.x.subarray(index * PIXELS, (index + 1) * PIXELS))));
    return { ...set, x: Float32Array.from(images.flat()) };
  }
}
