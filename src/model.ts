/** The public class: joins graph, state, programs and machines. */
import { Engine } from "./engine.ts";
import type { ModelFile } from "./formats/modelFile.ts";
import { modelBytes, restoreArrays } from "./formats/modelState.ts";
import { FileFormatError } from "./formats/safetensors.ts";
import { writeFile } from "./formats/target.ts";
import type { Graph } from "./graph.ts";
import type { Classification, ClassifyOptions, ImageModel } from "./image/classify.ts";
import type { ImageSource } from "./image/pixels.ts";
import { checkClassify, type Preprocessing } from "./image/preprocessing.ts";
import { Inference, type ModelInput, type PredictOptions } from "./inference.ts";
import { type ProfileRow, profile } from "./inspect/profile.ts";
import { type SummaryOptions, summarize } from "./inspect/summary.ts";
import type { BuiltArchitecture } from "./layers/architecture.ts";
import { threadCount } from "./machine/threadCount.ts";
import { ModelLayer, type WeightArray } from "./modelLayer.ts";
import { checkModelOptions, type ModelOptions } from "./modelOptions.ts";
import { checkNumber, checkOptions, shown } from "./options.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { type CompileOptions, compiledFor } from "./training/compile.ts";
import type { DataLike } from "./training/data.ts";
import { type Training, training } from "./training/progress.ts";
import { type Compiled, Session } from "./training/session.ts";
import { type BatchSource, type EvaluateOptions, type Figures, type ModelFitOptions, Trainer } from "./training/trainer.ts";
import { drawWeights, setWeights, type TensorData, type TensorLike } from "./weights.ts";

export class Model {
  /** Layers in the order they run. */
  readonly layers: readonly ModelLayer[];
  readonly seed: number;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  private readonly engine: Engine;
  private readonly session: Session;
  private readonly inference: Inference;
  private readonly frozen = new Set<string>();
  private compiled: Compiled | undefined;
  private trainer: Trainer | undefined;

  /** Weights are "drawn" from the seed, or left as zeros for who writes them next. */
  constructor(
    private readonly built: BuiltArchitecture,
    private readonly options: ModelOptions = {},
    weights: "drawn" | "zeros" = "drawn",
  ) {
    checkModelOptions(options, { input: this.inputShapes[0], output: this.outputShapes[0] });
    const { seed = 0, classNames, preprocessing, machine = "auto", elementBytes = 4, numerics = "auto", wasm } = options;
    this.seed = seed;
    this.classNames = classNames;
    this.preprocessing = preprocessing;
    for (const [name, layer] of built.architecture.layers) if (layer.options.trainable === false) this.frozen.add(name);
    const predicts = numerics === "strict" ? "strict" : "relaxed";
    this.engine = new Engine(this.graph, { machine, elementBytes, threads: threadCount(options.threads), wasm, numerics: predicts });
    this.session = new Session(this.engine, { seed, numerics: numerics === "relaxed" ? "relaxed" : "strict", frozen: this.frozen });
    this.inference = new Inference(this.session, predicts);
    this.layers = [...built.architecture.layers].map(([name, { type }]) => {
      const { shape: outputShape } = this.built.outputOf.get(name)!;
      return new ModelLayer({ name, type, outputShape }, this.session, (x) => this.layerInput(name, x));
    });
    if (weights === "drawn") drawWeights(this.engine, seed);
  }

  /** @internal How it was asked to run. */
  get runtime(): Pick<ModelOptions, "machine" | "numerics" | "threads" | "wasm"> {
    const { machine, numerics, threads, wasm } = this.options;
    return { machine, numerics, threads, wasm };
  }

  /** Resolves when the kernels are compiled and all threads there; the async methods wait for it by themselves. */
  get ready(): Promise<void> {
    return this.engine.ready;
  }

  /** @internal */
  get graph(): Graph {
    return this.built.graph;
  }

  /** Shapes of one sample of each input and output, without the batch. */
  get inputShapes(): readonly Shape[] {
    return this.graph.inputs.map(({ shape }) => shape);
  }

  get outputShapes(): readonly Shape[] {
    return this.graph.outputs.map(({ shape }) => shape);
  }

  /** The layer of this name. RangeError when there is none. */
  getLayer(name: string): ModelLayer {
    this.checkUsable();
    const layer = this.layers.find((each) => each.name === name);
    if (layer === undefined)
      throw new RangeError(`model: no layer is named ${shown(name)}; layers: ${this.layers.map((each) => each.name).join(", ")}`);
    return layer;
  }

  /** Number of weights, statistics included. */
  countParams(): number {
    this.checkUsable();
    return this.graph.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Copies of all weights, layer by layer, named `layer/kernel`. */
  getWeights(): WeightArray[] {
    return this.layers.flatMap((layer) => layer.getWeights());
  }

  /** Sets all weights, in the order of `getWeights`. RangeError, with nothing changed, when number or shapes differ. */
  setWeights(weights: readonly TensorLike[]): void {
    this.checkUsable();
    const parameters = this.layers.flatMap((layer) => layer.parameters);
    setWeights("model", this.engine, parameters, weights);
  }

  /** Chooses how `fit` trains. The optimizer starts anew. */
  compile(options: CompileOptions): void {
    this.choose(options);
    this.engine.begin(this.session.options.numerics);
  }

  private choose(options: CompileOptions): void {
    this.checkUsable();
    this.trainer?.checkIdle("compile");
    const compiled = compiledFor(this.graph, options);
    this.engine.useSlots(compiled.optimizer.slots);
    this.compiled = compiled;
    Object.assign(this.session.counters, { epoch: 0, step: 0, run: 0 });
    this.session.learningRateOverride = undefined;
    const { session, inference } = this;
    this.trainer = new Trainer(session, compiled, {
      batches: (x, where) => inference.batches(x, where),
      getWeights: () => this.getWeights(),
      setWeights: (weights) => this.setWeights(weights),
      save: (path) => this.save(path),
    });
  }

  /**
   * Trains on x, y, or on an (async) iterable of batches `{ x, y, sampleWeight? }`. Epoch and step are part of the model:
   * 3 epochs and then 2 give the bits of 5. Gives figures per epoch when it is awaited, step by step when it is iterated over.
   */
  fit(x: ModelInput | BatchSource, y?: DataLike | ModelFitOptions, options?: ModelFitOptions): Training {
    return training(async (watchers) => {
      const trainer = this.compiledTrainer("fit");
      return trainer.exclusively("fit", async () => (await this.trained("fit")).fit(x, y, options, watchers));
    });
  }

  /** Epochs trained so far, those before the file was saved included: the `initialEpoch` of a training that goes on. */
  get epoch(): number {
    return this.session.counters.epoch;
  }

  /** One update on one batch. Returns its loss and metrics. */
  async trainOnBatch(x: ModelInput, y: DataLike, options: { readonly sampleWeight?: DataLike } = {}): Promise<Record<string, number>> {
    return (await this.trained("trainOnBatch")).trainOnBatch(x, y, options);
  }

  /** Loss and metrics in inference mode, on strict numerics. */
  async evaluate(x: ModelInput, y: DataLike, options: EvaluateOptions = {}): Promise<Figures> {
    return (await this.trained("evaluate")).evaluate(x, y, options);
  }

  /** Gradients of the mean loss, penalties included, by parameter name, in training mode. Nothing is updated. */
  async gradients(x: ModelInput, y: DataLike, options: { readonly sampleWeight?: DataLike } = {}): Promise<Record<string, TensorData>> {
    const trainer = await this.trained("gradients");
    const gradients = trainer.gradients(x, y, options);
    return Object.fromEntries([...gradients].map(([{ name, shape }, data]) => [name, { data: data as Float32Array, shape }]));
  }

  /** The output for every sample. RangeError when the model has several: `predictAll` gives them all. */
  async predict(x: ModelInput, options: PredictOptions = {}): Promise<TensorData> {
    await this.ready;
    return this.predictSync(x, options);
  }

  /** The same at once. Throws until `ready` has resolved. */
  predictSync(x: ModelInput, options: PredictOptions = {}): TensorData {
    this.checkUsable();
    const { length } = this.graph.outputs;
    if (length > 1) throw new RangeError(`predict: the model has ${length} outputs; predictAll gives them all`);
    return this.inference.predict(x, options);
  }

  /** `predict` for models of several outputs, in the order they were given. */
  async predictAll(x: ModelInput, options: PredictOptions = {}): Promise<TensorData[]> {
    await this.ready;
    this.checkUsable();
    return this.inference.run("predictAll", this.graph.outputs, x, options);
  }

  /**
   * Labels and probabilities of a picture, the best first: a canvas, image, video, ImageBitmap, File or Blob in a page; `{ data, width, height }`
   * with RGBA bytes anywhere. It becomes the model's input as `preprocessing` says. TypeError or RangeError for no picture, one without pixels and
   * models of other inputs; Error for one that cannot be decoded or may not be read.
   */
  async classify(source: ImageSource, options: ClassifyOptions = {}): Promise<Classification[]> {
    this.checkUsable();
    const model = this.imageModel();
    const top = checkClassify(options, model);
    const { imageInput, ranked } = await import("./image/classify.ts");
    const input = await imageInput(source, model);
    return ranked((await this.predict(input)).data, top, model);
  }

  /** @internal What `classify` and an exported program know of the model. */
  imageModel(): ImageModel {
    const { classNames, preprocessing } = this;
    const gives = this.compiled?.loss.config.fromLogits ? "logits" : "probabilities";
    return { inputShape: this.inputShapes[0], outputShape: this.outputShapes[0], classNames, preprocessing, gives };
  }

  /** What the named layers give in inference mode (default: all layers). A shared layer: its last call. */
  async activations(x: ModelInput, names: readonly string[] = this.layers.map(({ name }) => name)): Promise<Record<string, TensorData>> {
    await this.ready;
    if (!Array.isArray(names)) throw new TypeError(`activations: names is ${shown(names)}, needs an array of layer names`);
    const values = names.map((name) => this.built.outputOf.get(this.getLayer(name).name)!);
    this.checkUsable();
    const results = this.inference.run("activations", values, x);
    return Object.fromEntries(names.map((name, index) => [name, results[index]]));
  }

  /**
   * Gradient of a class's score with respect to the input, [samples, …input shape], in inference mode: what a saliency map shows.
   * The score is the output, or where the model ends in softmax or sigmoid what goes into it (Simonyan et al. 2013).
   */
  async inputGradient(x: ModelInput, classIndex: number): Promise<TensorData> {
    await this.engine.need("strict");
    this.checkUsable();
    const [{ shape: output }] = this.graph.outputs;
    const classes = output.at(-1)!;
    checkNumber("inputGradient", "classIndex", classIndex, { whole: true, atLeast: 0, below: classes });
    const inputs = this.inference.batches(x, "inputGradient");
    const data = this.session.inputGradient(inputs, classIndex, classes);
    return { data, shape: [inputs[0].count, ...this.graph.inputs[0].shape] };
  }

  /** A table of layers, shapes, parameters and cost; with `plan` the chosen algorithm and memory of every op, before any is allocated. */
  summary(options: SummaryOptions = {}): string {
    this.checkUsable();
    const { layers, session, compiled } = this;
    return summarize({ layers, session, compiled }, options);
  }

  /**
   * Time, rate and memory traffic of every instruction of a prediction of `x` (all its samples in one run), as medians over `rounds`
   * (default 20). Arithmetic that an algorithm saves counts as done: GFLOP/s may stand above the machine's.
   */
  async profile(x: ModelInput, options: { readonly rounds?: number } = {}): Promise<ProfileRow[]> {
    await this.ready;
    this.checkUsable();
    checkOptions("profile", options, ["rounds"]);
    const rounds = checkNumber("profile", "rounds", options.rounds ?? 20, { whole: true, atLeast: 1 });
    const inputs = this.inference.batches(x, "profile");
    return profile(this.session, inputs, { numerics: this.inference.numerics, rounds });
  }

  /** Bytes of the model's file: architecture, weights and training state, from which `load` continues to the bit. */
  toBytes(): Uint8Array<ArrayBuffer> {
    this.checkUsable();
    const { built, session, seed, classNames, preprocessing, compiled } = this;
    return modelBytes({ architecture: built.architecture, session, seed, classNames, preprocessing, compiled });
  }

  /**
   * Writes the file atomically: a reader, a crash or a tab that is closed finds the old one or the new one. In Node `path` is a file. In a page or
   * worker it is "opfs://name" or "indexeddb://name", which `load` reads again, or in a page "downloads://name", which gives it to the user.
   */
  async save(path: string): Promise<void> {
    await writeFile(path, this.toBytes());
  }

  /** @internal Takes over what a file holds, in a model that was just made from its architecture. After an error the model is of no use. */
  async restore(file: ModelFile): Promise<void> {
    this.checkUsable();
    const { json, source } = file;
    try {
      if (json.compiled !== undefined) this.choose(json.compiled as CompileOptions);
    } catch (cause) {
      throw new FileFormatError(`${source.where}: ${(cause as Error).message}`, { cause });
    }
    const restoring = restoreArrays(file, this.engine, this.compiled);
    try {
      // The first prediction's program, while the file is read.
      this.session.compileInferenceAhead(this.graph.outputs, 1);
    } catch {
      // A model may be loaded for its weights alone: `predict` says what its programs lack.
    }
    await restoring;
    const { epoch, step, run } = json.counters;
    Object.assign(this.session.counters, { epoch, step, run });
    this.session.learningRateOverride = json.learningRate;
    this.freeze(json.frozen);
  }

  /** A model of its own with the same layers and weights, not yet compiled. */
  clone(): Model {
    this.checkUsable();
    const copy = new Model(this.built, this.options, "zeros");
    copy.setWeights(this.getWeights());
    copy.freeze(this.frozen);
    return copy;
  }

  /** Gives memory and kernels back. Every later call throws. May be called twice. */
  dispose(): void {
    this.inference.dispose();
    this.engine.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** These layers and no others. */
  private freeze(names: Iterable<string>): void {
    this.frozen.clear();
    for (const name of names) this.frozen.add(name);
  }

  /** What reaches a layer: what `adapt` counts. */
  private async layerInput(name: string, x: ModelInput): Promise<TensorData> {
    await this.ready;
    const node = this.graph.nodes.find((each) => each.name === name)!;
    this.checkUsable();
    return this.inference.run("adapt", [node.inputs[0]], x)[0];
  }

  private compiledTrainer(where: string): Trainer {
    this.checkUsable();
    if (this.trainer === undefined) throw new Error(`${where}: the model is not compiled; call model.compile({ optimizer, loss }) first`);
    return this.trainer;
  }

  private async trained(where: string): Promise<Trainer> {
    const trainer = this.compiledTrainer(where);
    await this.engine.need(this.session.options.numerics);
    this.checkUsable();
    return trainer;
  }

  private checkUsable(): void {
    this.engine.checkUsable();
  }
}
