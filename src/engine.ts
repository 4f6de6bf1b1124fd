/** Joins State, programs and machines: lays programs out in the memory, keeps them, runs their sections. */
import { FIRST_FREE, type RunHeader, type Tensor } from "../build/records.ts";
import { compileProgram, type ProgramSpec } from "./compiler/index.ts";
import type { Graph } from "./graph.ts";
import type { KernelSources } from "./machine/kernelModules.ts";
import type { Machine } from "./machine/machine.ts";
import { machineOf } from "./machine/plain/machine.ts";
import { writeRunHeader } from "./machine/records.ts";
import { sayOnce } from "./machine/sayOnce.ts";
import { offered, startMachine } from "./machine/startMachine.ts";
import { ALIGNMENT, align, State } from "./machine/state.ts";
import { usableThreads } from "./machine/threadCount.ts";
import { instantiateKernels, type Numerics, wasmMachine } from "./machine/wasm.ts";
import type { Section } from "./ops/op.ts";
import { type Bases, emit, type Program, type RecordRange, sectionWork, tableBytes, unpacked } from "./program.ts";
import { xxh32 } from "./xxh32.ts";

export interface EngineOptions {
  /** "auto": WebAssembly, or plain JavaScript where the engine or the page's policy refuses it (said once). */
  readonly machine: "auto" | "wasm" | "plain";
  /** 8: float64 on the plain-JS machine, for gradient checks. */
  readonly elementBytes: 4 | 8;
  /** Threads that run the WebAssembly kernels. Default 1. */
  readonly threads?: number;
  /** Kernels of the user's. Default: the library's own. */
  readonly wasm?: KernelSources;
  /** Of the machine that `ready` stands for. Default "strict". */
  readonly numerics?: Numerics;
}

/** A section with addresses, and what it costs per sample. */
interface PlacedSection extends RecordRange {
  readonly work: number;
}

/** A program with addresses. */
export interface Placed {
  readonly program: Program;
  /** For the first run with weights that are new: see `unpacked`. */
  readonly first: Program;
  bases: Bases;
  /** Which of the two stands in the memory, and where its sections begin. */
  emitted: Program | undefined;
  sections: Map<Section, PlacedSection>;
  /** State version that its weights were last packed for; 0: none. */
  preparedFor: number;
  /** State version that section `prepare` still holds for, since the program itself made it; 0: none. */
  keptFor: number;
}

export type Spec = Omit<ProgramSpec, "elementBytes" | "threads" | "stateOffset">;

/** Programs kept at once; the one not used for longest goes. */
const KEPT_PROGRAMS = 8;

/** Below this many operations (about 20 µs) the caller runs a range alone: a worker that is asleep takes 30 µs to wake up, one awake 1 µs. */
const LEAST_SHARED_WORK = 1_000_000;

/** What writes to the State runs on the calling thread alone: a worker that is lost then takes no half-written weights with it. */
const ALONE: ReadonlySet<Section> = new Set(["statistics", "update"]);

export class Engine {
  readonly state: State;
  /** Grows whenever programs move or go: what was looked up of them before is void. */
  generation = 0;
  private readonly threads: number;
  private programs = new Map<string, Placed>();
  /** Compiled before they were asked for. */
  private readonly ahead = new Map<string, Program>();
  private readonly machines = new Map<Machine["name"], Machine>();
  private readonly loads = new Map<Numerics, Promise<void>>();
  private disposed = false;

  constructor(
    readonly graph: Graph,
    readonly options: EngineOptions,
  ) {
    const { threads = 1, machine, elementBytes } = options;
    this.threads = machine === "plain" || elementBytes === 8 ? 1 : usableThreads(threads);
    this.state = new State(graph, elementBytes, this.threads > 1 ? "shared" : "unshared");
    this.begin(options.numerics ?? "strict");
  }

  /** Resolves when the machines that were begun or needed are there: kernels compiled and all threads there, again after one was lost. */
  get ready(): Promise<void> {
    return Promise.all(this.loads.values()).then(() => this.threadsReady());
  }

  /** Loads the machine of these numerics where it is not there yet. Resolves when it can run. */
  async need(numerics: Numerics): Promise<void> {
    if (this.disposed) return;
    await this.begin(numerics);
    await this.threadsReady();
  }

  private async threadsReady(): Promise<void> {
    for (const machine of this.machines.values()) await machine.ready?.();
  }

  /** Begins to load a machine that will be needed. */
  begin(numerics: Numerics): Promise<void> {
    const wanted = offered(numerics, this.options.wasm);
    let load = this.loads.get(wanted);
    if (load === undefined) {
      load = this.load(wanted);
      this.loads.set(wanted, load);
      // Whoever awaits it gets the error; nobody awaiting it must not end the process.
      load.catch(() => {});
    }
    return load;
  }

  private async load(numerics: Numerics): Promise<void> {
    const { machine, elementBytes } = this.options;
    const asked = elementBytes === 8 ? "plain" : machine;
    const started = await startMachine(
      asked,
      () => this.wasmMachine(numerics),
      () => this.plainMachine(),
    );
    if (!this.machines.has(started.name)) this.machines.set(started.name, started);
    if (this.disposed) this.dispose();
  }

  private async wasmMachine(numerics: Numerics): Promise<Machine> {
    const { memory } = this.state;
    const { wasm: sources } = this.options;
    if (this.threads === 1) return wasmMachine(memory, numerics, sources);
    const { threadedMachine } = await import("./machine/threads.ts");
    const kernels = await instantiateKernels(memory, numerics, sources);
    return threadedMachine(kernels, memory, { numerics, threads: this.threads, say: sayOnce });
  }

  private async plainMachine(): Promise<Machine> {
    const { plainKernels } = await import("./machine/plain/index.ts");
    return machineOf(plainKernels, this.state.memory, this.options.elementBytes);
  }

  /** The machine that runs a request for these numerics. */
  machine(numerics: Numerics): Machine {
    const machine = this.machines.get(offered(numerics, this.options.wasm)) ?? this.machines.get("plain");
    if (machine === undefined) throw new Error("model: the kernels are still being compiled; await model.ready first");
    return machine;
  }

  /** XXH32, by the kernels where the bytes are in the state's memory. */
  checksum(bytes: Uint8Array): number {
    if (bytes.buffer !== this.state.memory.buffer) return xxh32(bytes);
    for (const { checksum } of this.machines.values()) if (checksum !== undefined) return checksum(bytes.byteOffset, bytes.length);
    return xxh32(bytes);
  }

  /** Compiles without allocating: for the plan view. */
  compile(spec: Spec): Program {
    const { elementBytes } = this.options;
    return compileProgram(this.graph, { ...spec, elementBytes, threads: this.threads, stateOffset: (array) => this.state.layout.offset(array) });
  }

  /** Compiles what `program` will be asked for, while the memory must stay as it is. */
  compileAhead(key: string, spec: Spec): void {
    this.ahead.set(key, this.compile(spec));
  }

  /** The program of a key, built when it is new. Throws a RangeError before anything changes when it does not fit. */
  program(key: string, spec: () => Spec): Placed {
    this.checkUsable();
    let placed = this.programs.get(key);
    if (placed === undefined) {
      const program = this.ahead.get(key) ?? this.compile(spec());
      const kept = [...this.programs].slice(-(KEPT_PROGRAMS - 1));
      const bases = { state: 0, prepared: 0, arena: 0, table: 0 };
      const added: Placed = { program, first: unpacked(program), bases, emitted: undefined, sections: new Map(), preparedFor: 0, keptFor: 0 };
      this.layOut(new Map([...kept, [key, added]]));
      this.ahead.delete(key);
      placed = added;
    }
    this.programs.delete(key);
    this.programs.set(key, placed);
    return placed;
  }

  /** After the optimizer changed, what was compiled for the old slots is void. */
  useSlots(slots: readonly string[]): void {
    this.state.useSlots(slots);
    this.generation++;
    this.ahead.clear();
    this.programs.clear();
  }

  /** Gives every program its place: prepared arrays, tables, then one arena for all. */
  private layOut(programs: Map<string, Placed>): void {
    const all = [...programs.values()];
    let end = align(this.state.end);
    const bases = all.map(({ program }) => {
      const prepared = end;
      const table = align(prepared + program.preparedBytes);
      end = align(table + tableBytes(program));
      return { state: FIRST_FREE, prepared, table };
    });
    this.state.reserve(end + Math.max(...all.map(({ program }) => program.arenaBytes)) + ALIGNMENT);
    this.generation++;
    this.programs = programs;
    for (const [index, placed] of all.entries())
      Object.assign(placed, { bases: { ...bases[index], arena: end }, emitted: undefined, preparedFor: 0 });
  }

  /** Writes a program's table to its place. */
  emit(placed: Placed, program: Program): void {
    if (placed.emitted === program) return;
    this.generation++;
    for (const machine of this.machines.values()) machine.forget?.();
    const ranges = [...emit(program, placed.bases, this.state.memory.buffer)];
    placed.sections = new Map(ranges.map(([section, range]) => [section, { ...range, work: sectionWork(program, section) }]));
    placed.emitted = program;
  }

  private prepare(placed: Placed, program: Program, machine: Machine): void {
    const isKept = placed.keptFor === this.state.version && placed.emitted === program;
    this.emit(placed, program);
    if (!isKept) this.execute(machine, placed.sections.get("prepare"), program.preparedBytes);
    this.execute(machine, placed.sections.get("repack"), program.preparedBytes);
    placed.preparedFor = this.state.version;
  }

  /** Runs sections in order; weights that changed since are packed by themselves, and all of them when none has. */
  run(placed: Placed, sections: readonly Section[], run: { header: Partial<RunHeader>; numerics: Numerics }): void {
    this.checkUsable();
    const machine = this.machine(run.numerics);
    writeRunHeader(this.state.memory.buffer, { abort: 0, ...run.header });
    if (placed.preparedFor !== this.state.version) this.prepare(placed, placed.first, machine);
    else if (placed.emitted !== placed.program) this.prepare(placed, placed.program, machine);
    for (const section of sections) {
      const range = placed.sections.get(section);
      const work = ALONE.has(section) || range === undefined ? 0 : range.work * (run.header.batch ?? 1);
      this.execute(machine, range, work);
    }
    if (sections.includes("update") || sections.includes("statistics")) placed.keptFor = ++this.state.version;
  }

  /** How many threads may share so much work; undefined: all. */
  threadsFor(work: number): number | undefined {
    return work < LEAST_SHARED_WORK ? 1 : undefined;
  }

  private execute(machine: Machine, range: RecordRange | undefined, work: number): void {
    if (range === undefined) return;
    const ran = machine.execute(range.first, range.count, this.threadsFor(work));
    if (ran < range.count) throw new Error("model: the run was aborted");
  }

  /** A program's array of floats, as a view: use it at once. */
  floats(placed: Placed, { offset, count }: { offset: number; count: number }): Float32Array | Float64Array {
    return this.floatView(placed.bases.arena + offset, count);
  }

  /** A host-facing tensor of `batch` samples. Contiguous ones are a view, others are copied. */
  tensor(placed: Placed, number: number, batch: number): Float32Array | Float64Array {
    const tensor = placed.program.tensors[number];
    const { height, width, channels, imageStride } = tensor;
    const size = height * width * channels;
    if (imageStride === size) return this.floatView(placed.bases.arena + tensor.base, batch * size);
    return this.gather(placed.bases.arena + tensor.base, tensor, batch);
  }

  private gather(address: number, { height, width, channels, pixelStride, rowStride, imageStride }: Tensor, batch: number) {
    const source = this.floatView(address, batch * imageStride);
    const gathered = new this.state.FloatArray(batch * height * width * channels);
    let next = 0;
    for (let image = 0; image < batch; image++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let channel = 0; channel < channels; channel++)
            gathered[next++] = source[image * imageStride + y * rowStride + x * pixelStride + channel];
    return gathered;
  }

  private floatView(address: number, count: number): Float32Array | Float64Array {
    const { buffer } = this.state.memory;
    const available = Math.min(count, Math.floor((buffer.byteLength - address) / this.options.elementBytes));
    return new this.state.FloatArray(buffer, address, available);
  }

  checkUsable(): void {
    if (this.disposed) throw new Error("model: it was disposed; make or load a new one");
  }

  dispose(): void {
    this.disposed = true;
    this.generation++;
    this.ahead.clear();
    this.programs.clear();
    for (const machine of this.machines.values()) machine.dispose?.();
    this.machines.clear();
    this.state.dispose();
  }
}
