/** A model that lives in a worker: the calls of Model, every one with a promise. */

import type { Classification, ClassifyOptions } from "../image/classify.ts";
import { type ImageSource, isA, isPixels, loaded, pixelsOf } from "../image/pixels.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import type { ModelInput, PredictOptions } from "../inference.ts";
import type { ProfileRow } from "../inspect/profile.ts";
import type { SummaryOptions } from "../inspect/summary.ts";
import type { WeightArray } from "../modelLayer.ts";
import type { Named } from "../options.ts";
import type { Shape } from "../shape.ts";
import type { CompileOptions } from "../training/compile.ts";
import type { DataLike } from "../training/data.ts";
import type { Training } from "../training/progress.ts";
import type { BatchSource, EvaluateOptions, Figures, ModelFitOptions } from "../training/trainer.ts";
import type { TensorData, TensorLike } from "../weights.ts";
import type { Connection, WorkerSource } from "./connect.ts";
import { sentInParts } from "./parts.ts";
import type { About, LayerInfo, Method } from "./protocol.ts";
import { trainRemotely } from "./remoteFit.ts";

/** What waits for one video: see `classify`. */
interface VideoState {
  running: Promise<Classification[]> | undefined;
  waiting: Promise<Classification[]> | undefined;
}

let models = 0;

/** Models that nobody holds any more leave their worker. */
const forgotten = typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<() => void>((leave) => leave());

export class RemoteModel {
  readonly layers: readonly LayerInfo[];
  readonly seed: number;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  /** Shapes of one sample of each input and output, without the batch. */
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
  /** Where it runs: "option", "file" or "blob" say what the worker was started from; "page": no worker was to be had, and it runs on the page's thread. */
  readonly worker: WorkerSource;
  private trainedEpochs: number;
  private isDisposed = false;
  private posted: Promise<unknown> = Promise.resolve();
  private readonly videos = new WeakMap<object, VideoState>();

  private constructor(
    private readonly connection: Connection,
    private readonly id: number,
    about: About,
  ) {
    this.layers = about.layers;
    this.seed = about.seed;
    this.classNames = about.classNames;
    this.preprocessing = about.preprocessing;
    this.inputShapes = about.inputShapes;
    this.outputShapes = about.outputShapes;
    this.trainedEpochs = about.epoch;
    this.worker = connection.source;
    forgotten?.register(this, leaving(connection, id), this);
  }

  /** @internal Makes the model of a file's bytes in the worker at the other end. */
  static async create(connection: Connection, bytes: Uint8Array, where: string, options: object): Promise<RemoteModel> {
    const id = ++models;
    const sent = (await sentInParts([id, bytes, where, options], connection.wire)) as unknown[];
    return new RemoteModel(connection, id, await connection.wire.call<About>("create", sent));
  }

  /** Resolved: a remote model is there when it is loaded. */
  get ready(): Promise<void> {
    return Promise.resolve();
  }

  /** Epochs trained so far, as of the last `fit` that ended. */
  get epoch(): number {
    return this.trainedEpochs;
  }

  /**
   * As `Model.classify`; the picture is taken at once. Of a video, calls made while one is answered share one later answer, that of the frame shown
   * when it begins: older frames are dropped.
   */
  async classify(source: ImageSource, options: ClassifyOptions = {}): Promise<Classification[]> {
    return isA("HTMLVideoElement", source) ? this.classifyFrame(source, options) : this.classifyNow(source, options);
  }

  private async classifyNow(source: ImageSource, options: ClassifyOptions): Promise<Classification[]> {
    this.checkUsable();
    const { picture, transfer } = await sendable(source);
    return this.invoke("classify", [picture, options], transfer);
  }

  private classifyFrame(video: ImageSource, options: ClassifyOptions): Promise<Classification[]> {
    const state = this.videos.get(video) ?? { running: undefined, waiting: undefined };
    this.videos.set(video, state);
    const begin = () => {
      const running = this.classifyNow(video, options).finally(() => {
        if (state.running === running) state.running = undefined;
      });
      state.running = running;
      return running;
    };
    if (state.running === undefined) return begin();
    const next = () => {
      state.waiting = undefined;
      return begin();
    };
    state.waiting ??= state.running.then(next, next);
    return state.waiting;
  }

  /** As `Model.predict`. */
  predict(x: ModelInput, options?: PredictOptions): Promise<TensorData> {
    return this.invoke("predict", [x, options]);
  }

  predictAll(x: ModelInput, options?: PredictOptions): Promise<TensorData[]> {
    return this.invoke("predictAll", [x, options]);
  }

  /** Default: all layers. */
  activations(x: ModelInput, names?: readonly string[]): Promise<Record<string, TensorData>> {
    return this.invoke("activations", [x, names]);
  }

  inputGradient(x: ModelInput, classIndex: number): Promise<TensorData> {
    return this.invoke("inputGradient", [x, classIndex]);
  }

  /** Optimizers, losses and metrics of the library; those made elsewhere cannot be sent. */
  async compile(options: CompileOptions): Promise<void> {
    const { optimizer, loss, metrics, ...rest } = options;
    const specs = {
      ...(optimizer !== undefined && { optimizer: named(optimizer) }),
      loss: named(loss),
      ...(metrics && { metrics: metrics.map(named) }),
    };
    await this.invoke("compile", [{ ...specs, ...rest }]);
    this.trainedEpochs = 0;
  }

  /**
   * As `Model.fit`. Callbacks of the library run in the worker; others run here, and each of their events waits for an answer from the page (a loop
   * over the training does not). The arrays are copied before it begins.
   */
  fit(x: ModelInput | BatchSource, y?: DataLike | ModelFitOptions, options?: ModelFitOptions): Training {
    const { connection, id } = this;
    let watch: (() => void) | undefined;
    return connection.library.training(
      async (watchers) => {
        this.checkUsable();
        const { post, result, begin } = trainRemotely({ connection, id, watchers, save: (path) => this.save(path) }, [x, y, options]);
        watch = begin;
        // Whoever iterates does so before the next microtask.
        await null;
        await this.inOrder(post);
        const { history, epoch } = await result();
        this.trainedEpochs = epoch;
        return history;
      },
      () => watch?.(),
    );
  }

  trainOnBatch(x: ModelInput, y: DataLike, options?: { readonly sampleWeight?: DataLike }): Promise<Record<string, number>> {
    return this.invoke("trainOnBatch", [x, y, options]);
  }

  evaluate(x: ModelInput, y: DataLike, options?: EvaluateOptions): Promise<Figures> {
    return this.invoke("evaluate", [x, y, options]);
  }

  gradients(x: ModelInput, y: DataLike, options?: { readonly sampleWeight?: DataLike }): Promise<Record<string, TensorData>> {
    return this.invoke("gradients", [x, y, options]);
  }

  profile(x: ModelInput, options?: { readonly rounds?: number }): Promise<ProfileRow[]> {
    return this.invoke("profile", [x, options]);
  }

  summary(options?: SummaryOptions): Promise<string> {
    return this.invoke("summary", [options]);
  }

  countParams(): Promise<number> {
    return this.invoke("countParams", []);
  }

  getWeights(): Promise<WeightArray[]> {
    return this.invoke("getWeights", []);
  }

  setWeights(weights: readonly TensorLike[]): Promise<void> {
    return this.invoke("setWeights", [weights]);
  }

  toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.invoke("toBytes", []);
  }

  /** As `Model.save`; the worker writes, save for "downloads://". */
  async save(path: string): Promise<void> {
    // Only a page can offer a download.
    if (String(path).startsWith("downloads:")) return this.connection.library.writeFile(path, await this.toBytes());
    return this.invoke("save", [path]);
  }

  /** The model leaves the worker, and the last one ends it; calls under way reject. May be called twice. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    forgotten?.unregister(this);
    leaving(this.connection, this.id)();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private invoke<T>(method: Method, args: readonly unknown[], transfer: Transferable[] = []): Promise<T> {
    const { wire } = this.connection;
    return this.inOrder(async () => {
      const sent = await sentInParts(args, wire);
      return { answer: wire.call<T>("invoke", [this.id, method, sent], transfer) };
    }).then(({ answer }) => answer);
  }

  /** Calls reach the worker in the order they were made, however long their arrays take. */
  private async inOrder<T>(post: () => Promise<T>): Promise<T> {
    this.checkUsable();
    const before = this.posted;
    const posting = before.then(post);
    this.posted = posting.catch(() => {});
    return posting;
  }

  private checkUsable(): void {
    if (this.isDisposed) throw new Error("model: it was disposed; make or load a new one");
  }
}

function leaving({ wire, release }: Connection, id: number): () => void {
  return () => {
    wire.send("dispose", [id]);
    release();
  };
}

/** Without its methods: the worker makes the same again. What has no such name goes as it is, and is refused there or on the way. */
function named(spec: unknown): never {
  const { name, config } = (spec ?? {}) as Partial<Named>;
  return (typeof spec === "object" && name !== undefined && config !== undefined ? { name, config } : spec) as never;
}

/** The picture in a form that a worker can read, taken now. */
async function sendable(source: ImageSource): Promise<{ picture: ImageSource; transfer: Transferable[] }> {
  const where = "classify";
  if (isPixels(source)) {
    const { data, width, height } = await pixelsOf(source, where);
    return { picture: { data, width, height }, transfer: [] };
  }
  if (isA("Blob", source)) return { picture: source, transfer: [] };
  if (typeof createImageBitmap === "function" && typeof OffscreenCanvas === "function" && !isA("SVGImageElement", source)) {
    await loaded(source, where);
    const bitmap = await bitmapOf(source as ImageBitmapSource);
    if (bitmap !== undefined) return { picture: bitmap, transfer: [bitmap] };
  }
  const { data, width, height } = await pixelsOf(source, where);
  return { picture: { data, width, height }, transfer: [data.buffer as ArrayBuffer] };
}

/** Undefined where none can be made, or where it may not be sent: `pixelsOf` says why. */
async function bitmapOf(source: ImageBitmapSource): Promise<ImageBitmap | undefined> {
  try {
    const bitmap = await createImageBitmap(source);
    return structuredClone(bitmap, { transfer: [bitmap] });
  } catch {
    return undefined;
  }
}
