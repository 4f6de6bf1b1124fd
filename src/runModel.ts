/** Runs exported programs: what `convlet/run` is. */
import type { Tensor } from "../build/records.ts";
import { FIRST_FREE } from "../build/records.ts";
import { interpreted, readArrays, readStart } from "./formats/arrays.ts";
import { checkDownloadOptions, type DownloadOptions } from "./formats/download.ts";
import { openSource } from "./formats/openSource.ts";
import { type ProgramFile, readProgramFile } from "./formats/programFile.ts";
import type { SafetensorsHeader } from "./formats/safetensors.ts";
import type { CheckedTensor } from "./formats/safetensorsHeader.ts";
import type { ModelSource, Source } from "./formats/source.ts";
import type { Classification, ClassifyOptions, ImageModel } from "./image/classify.ts";
import type { ImageSource } from "./image/pixels.ts";
import { checkClassify, type Preprocessing } from "./image/preprocessing.ts";
import { compileInference, inferenceMachine, plainInferenceMachine } from "./machine/inference.ts";
import type { KernelSources } from "./machine/kernelModules.ts";
import type { Machine } from "./machine/machine.ts";
import { headerAddress } from "./machine/records.ts";
import { offered, startMachine } from "./machine/startMachine.ts";
import { ALIGNMENT, align, newMemory, reserve } from "./machine/state.ts";
import { checkChoice, checkNumber, checkOptions } from "./options.ts";
import { emit, type InferenceProgram, type RecordRange, tableBytes, unpacked } from "./program.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { asBatches, type DataLike } from "./training/data.ts";
import { xxh32 } from "./xxh32.ts";

export interface RunOptions extends DownloadOptions {
  /** "auto" (default): WebAssembly, or plain JavaScript where it is refused. */
  readonly machine?: "auto" | "wasm" | "plain";
  /** "auto" (default): fused multiply-add where the engine has it, as `model.predict` does. "strict": the same bits on every engine. */
  readonly numerics?: "auto" | "strict" | "relaxed";
  /** Kernels by address, bytes or compiled module, instead of those inside the library: `dist/inference-strict.wasm`, `-relaxed.wasm`. */
  readonly wasm?: KernelSources;
}

export interface RunPredictOptions {
  /** Samples per run. Default: as many as the file was made for, 32 as a rule; never more. */
  readonly batchSize?: number;
}

const BATCH = headerAddress("batch") / 4;

/** Values with their shape, [samples, …]. */
export interface RunResult {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** A program with its addresses; section `prepare` has run. */
interface Prepared {
  /** Of the file, or `unpacked` of it. */
  readonly program: InferenceProgram;
  readonly arena: number;
  readonly forward: RecordRange;
}

/** A model from a run file: it predicts, and nothing else. */
export class RunModel {
  /** Resolves when the kernels are compiled. `load` has waited for it. */
  readonly ready: Promise<void>;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  /** Shapes of one sample of each input and output, without the batch. */
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
  private readonly prepared = new Map<InferenceProgram, Prepared>();
  private memory: WebAssembly.Memory | undefined;
  private machine: Machine | undefined;

  constructor(
    private readonly file: ProgramFile,
    private readonly options: RunOptions,
  ) {
    this.classNames = file.classNames;
    this.preprocessing = file.preprocessing;
    this.inputShapes = file.inputs.map(({ shape }) => shape);
    this.outputShapes = file.outputs.map(({ shape }) => shape);
    const memory = newMemory(FIRST_FREE + file.stateBytes + ALIGNMENT);
    this.memory = memory;
    this.ready = this.start(memory);
    // Whoever awaits `ready` gets the error; nobody awaiting it must not end the process.
    this.ready.catch(() => {});
  }

  private async start(memory: WebAssembly.Memory): Promise<void> {
    const { machine = "auto", numerics, wasm } = this.options;
    this.machine = await startMachine(
      machine,
      () => inferenceMachine(memory, offered(numerics, wasm), wasm),
      () => plainInferenceMachine(memory),
    );
  }

  /** @internal Reads the weights to their places. `load` has done it. FileFormatError for a file that is not what its checksum was taken of. */
  async fill(header: SafetensorsHeader, source: Source): Promise<void> {
    const { buffer } = this.memory!;
    const placeOf = (tensor: CheckedTensor) => new Uint8Array(buffer, FIRST_FREE + this.file.offsets.get(tensor)!, tensor.end - tensor.begin);
    const sum = this.ready.then(() => {
      const checksum = this.machine?.checksum;
      return checksum === undefined ? xxh32 : (bytes: Uint8Array) => checksum(bytes.byteOffset, bytes.length);
    });
    await readArrays(header, source, { placeOf, sum });
  }

  /** The output for every sample. RangeError when the model has several: `predictAll` gives them all. */
  async predict(x: DataLike | readonly DataLike[], options: RunPredictOptions = {}): Promise<RunResult> {
    await this.ready;
    return this.predictSync(x, options);
  }

  /** The same at once. Throws until `ready` has resolved. */
  predictSync(x: DataLike | readonly DataLike[], options: RunPredictOptions = {}): RunResult {
    const { length } = this.outputShapes;
    if (length > 1) throw new RangeError(`predict: the model has ${length} outputs; predictAll gives them all`);
    return this.infer("predict", x, options)[0];
  }

  /** `predict` for models of several outputs, in the order they were given. */
  async predictAll(x: DataLike | readonly DataLike[], options: RunPredictOptions = {}): Promise<RunResult[]> {
    await this.ready;
    return this.infer("predictAll", x, options);
  }

  /** The best classes of a picture, the best first. Resizing, colours and labels are those of the file. */
  async classify(source: ImageSource, options: ClassifyOptions = {}): Promise<Classification[]> {
    const { classNames, preprocessing } = this;
    const [inputShape] = this.inputShapes;
    const model: ImageModel = { inputShape, outputShape: this.outputShapes[0], classNames, preprocessing, gives: this.file.gives };
    const top = checkClassify(options, model);
    const { imageInput, ranked } = await import("./image/classify.ts");
    const input = await imageInput(source, model);
    return ranked((await this.predict(input)).data, top, model);
  }

  /** Gives memory and kernels back. Every later call throws. May be called twice. */
  dispose(): void {
    this.memory = undefined;
    this.machine = undefined;
    this.prepared.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private infer(where: string, x: DataLike | readonly DataLike[], options: RunPredictOptions): RunResult[] {
    const memory = this.memory;
    if (memory === undefined) throw new Error("model: it was disposed; load it again");
    const { machine } = this;
    if (machine === undefined) throw new Error("model: the kernels are still being compiled; await model.ready first");
    checkOptions(where, options, ["batchSize"]);
    const inputs = asBatches(x, this.file.inputs, where);
    const { count } = inputs[0];
    const { programs } = this.file;
    const program = programs[count === 1 ? 0 : programs.length - 1];
    const asked = checkNumber(where, "batchSize", options.batchSize ?? program.capacity, { whole: true, atLeast: 1 });
    const batchSize = Math.min(asked, program.capacity);
    const { arena, forward } = this.prepare(memory, machine, program);
    const results = this.outputShapes.map((shape) => new Float32Array(count * sizeOf(shape)));
    for (let start = 0; start < count; start += batchSize) {
      const size = Math.min(batchSize, count - start);
      for (const [index, number] of program.ports.inputs.entries()) {
        // One sample behind the other: programFile.ts has seen to it.
        const { base, imageStride } = program.tensors[number];
        const samples = inputs[index].data.subarray(start * imageStride, (start + size) * imageStride);
        new Float32Array(memory.buffer, arena + base, samples.length).set(samples);
      }
      // All of the run header that inference reads.
      new Int32Array(memory.buffer)[BATCH] = size;
      machine.execute(forward.first, forward.count);
      for (const [index, number] of program.ports.outputs.entries()) {
        readTensor(memory.buffer, arena, program.tensors[number], results[index], { start, size });
      }
    }
    return results.map((data, index) => ({ data, shape: [count, ...this.outputShapes[index]] }));
  }

  /**
   * Behind the weights stand packed weights and table of every program, then one arena for all, as large as those need that were used.
   * The first run reads some weights unpacked: see `unpacked`.
   */
  private prepare(memory: WebAssembly.Memory, machine: Machine, program: InferenceProgram): Prepared {
    const known = this.prepared.get(program);
    const wanted = known === undefined ? unpacked(program) : program;
    if (known?.program === wanted) return known;
    const { programs, stateBytes } = this.file;
    let end = align(FIRST_FREE + stateBytes + ALIGNMENT);
    let own = { prepared: 0, table: 0 };
    for (const each of programs) {
      const prepared = end;
      const table = align(prepared + each.preparedBytes + ALIGNMENT);
      end = align(table + tableBytes(each));
      if (each === program) own = { prepared, table };
    }
    const bases = { state: FIRST_FREE, arena: end, ...own };
    reserve(memory, bases.arena + program.arenaBytes + ALIGNMENT);
    const sections = emit(wanted, bases, memory.buffer);
    machine.forget?.();
    const prepare = sections.get("prepare");
    if (prepare !== undefined) machine.execute(prepare.first, prepare.count);
    const prepared = { program: wanted, arena: bases.arena, forward: sections.get("forward") ?? { first: 0, count: 0 } };
    this.prepared.set(program, prepared);
    return prepared;
  }
}

/** Copies `size` samples of a tensor to where sample `start` of `into` begins. */
function readTensor(
  buffer: ArrayBufferLike,
  arena: number,
  tensor: Tensor,
  into: Float32Array,
  { start, size }: { start: number; size: number },
): void {
  const { base, height, width, channels, pixelStride, rowStride, imageStride } = tensor;
  const rowSize = width * channels;
  for (let image = 0; image < size; image++) {
    for (let y = 0; y < height; y++) {
      const to = ((start + image) * height + y) * rowSize;
      const from = arena + base + 4 * (image * imageStride + y * rowStride);
      if (pixelStride === channels) into.set(new Float32Array(buffer, from, rowSize), to);
      else for (let x = 0; x < width; x++) into.set(new Float32Array(buffer, from + 4 * x * pixelStride, channels), to + x * channels);
    }
  }
}

/** Checks what `load` of convlet/run is given. */
function checkRunOptions(options: RunOptions): void {
  checkOptions("load", options, ["machine", "numerics", "wasm", "onProgress", "signal", "maxBytes"]);
  checkDownloadOptions("load", options);
  checkChoice("load", "machine", options.machine ?? "auto", ["auto", "wasm", "plain"]);
  checkChoice("load", "numerics", options.numerics ?? "auto", ["auto", "strict", "relaxed"]);
  if (options.wasm !== undefined) checkOptions("load: wasm", options.wasm, ["strict", "relaxed"]);
}

/**
 * A model from its run file: a URL (through the HTTP cache), a path (Node), or the bytes. FileFormatError, naming file and field, when the
 * file is not sound; no memory is taken before that is known.
 */
export async function load(source: ModelSource, options: RunOptions = {}): Promise<RunModel> {
  checkRunOptions(options);
  const opening = openSource(source, options);
  // While the file is on its way. Whoever needs them is told if they are not to be had.
  if (options.machine !== "plain" && options.wasm === undefined) compileInference(offered(options.numerics)).catch(() => {});
  const opened = await opening;
  try {
    const header = await readStart(opened);
    const model = new RunModel(await interpreted(header, opened, () => readProgramFile(header, opened.where)), options);
    try {
      await model.fill(header, opened);
    } catch (reason) {
      model.dispose();
      throw reason;
    }
    return model;
  } finally {
    opened.close();
  }
}
