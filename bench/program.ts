/** A model's program taken apart: sections and single records run and timed, with the model's own compiler and machines. */
import { Algorithm, type RunHeader } from "../build/records.ts";
import type { Engine, Placed, Spec } from "../src/engine.ts";
import type { Model } from "../src/index.ts";
import { writeRunHeader } from "../src/machine/records.ts";
import type { Numerics } from "../src/machine/wasm.ts";
import type { Section } from "../src/ops/op.ts";
import type { PlacedStep } from "../src/program.ts";
import type { Compiled, Session } from "../src/training/session.ts";

/** What `Model` keeps to itself. */
export interface Internals {
  readonly engine: Engine;
  readonly session: Session;
  readonly compiled: Compiled;
}

export function internals(model: Model): Internals {
  return model as unknown as Internals;
}

/** Resolves when the machines of training and of predictions are both there: the model itself loads each when it needs it first. */
export async function machinesReady(model: Model): Promise<void> {
  const { engine } = internals(model);
  await Promise.all([engine.need("strict"), engine.need("relaxed")]);
}

export interface RecordAt {
  readonly step: PlacedStep;
  /** Byte address. */
  readonly first: number;
}

export class ProgramUnderTest {
  readonly records: readonly RecordAt[];

  constructor(
    private readonly engine: Engine,
    readonly placed: Placed,
    readonly batch: number,
  ) {
    engine.emit(placed, placed.program);
    const words = new DataView(engine.state.memory.buffer);
    let at = 0;
    let section: Section | undefined;
    this.records = placed.program.steps.map((step) => {
      if (step.section !== section) at = placed.sections.get(step.section)!.first;
      section = step.section;
      const first = at;
      at += words.getInt32(at + 4, true);
      return { step, first };
    });
  }

  /** With everything prepared and the run header filled. `key` must be new. */
  static async of(model: Model, batch: number, spec: Omit<Spec, "capacity" | "isTrainable">): Promise<ProgramUnderTest> {
    await machinesReady(model);
    const { engine } = internals(model);
    const placed = engine.program(JSON.stringify([batch, spec.mode, spec.backward]), () => ({ capacity: batch, isTrainable: () => true, ...spec }));
    const program = new ProgramUnderTest(engine, placed, batch);
    program.setHeader({});
    program.run("strict", ["prepare", "repack"]);
    return program;
  }

  setHeader(header: Partial<RunHeader>): void {
    const defaults = { seed: 0, step: 0, accumulate: 0, lossScale: 1 / this.batch, gradientScale: 1, regularizationScale: 1, abort: 0 };
    writeRunHeader(this.engine.state.memory.buffer, { batch: this.batch, ...defaults, ...header });
  }

  run(numerics: Numerics, sections: readonly Section[]): void {
    const machine = this.engine.machine(numerics);
    for (const section of sections) {
      const range = this.placed.sections.get(section);
      if (range !== undefined) machine.execute(range.first, range.count);
    }
  }

  /** Runs all records of these kernels once, in order. */
  runKernels(kernels: readonly string[]): void {
    const machine = this.engine.machine("strict");
    for (const { step, first } of this.records) if (kernels.includes(step.kernel)) machine.execute(first, 1);
  }

  /** A function that runs the one record of a kernel. */
  record(numerics: Numerics, kernel: string): () => void {
    const machine = this.engine.machine(numerics);
    const { first } = this.find(kernel);
    return () => machine.execute(first, 1);
  }

  /** Floating-point operations that the records of these sections, or of this kernel, make for a batch. */
  arithmetic(what: { sections: readonly Section[] } | { kernel: string }): number {
    const isMeant = ({ step }: RecordAt) => ("sections" in what ? what.sections.includes(step.section) : step.kernel === what.kernel);
    return this.batch * this.records.filter(isMeant).reduce((sum, { step }) => sum + this.arithmeticOf(step), 0);
  }

  /** Of one sample. Winograd's F(4x4, 3x3) makes 36 products where the direct sum makes 144; its transforms are left out. */
  private arithmeticOf({ cost, fields }: PlacedStep): number {
    if (fields.algorithm !== Algorithm.winograd) return cost;
    const tensor = (name: string) => {
      const field = fields[name];
      return typeof field === "object" && field !== null && "tensor" in field ? this.placed.program.tensors[field.tensor] : undefined;
    };
    const [source, result] = [tensor("input") ?? tensor("inputGrad"), tensor("output") ?? tensor("outputGrad")];
    const tiled = tensor("inputGrad") ?? result;
    if (source === undefined || result === undefined || tiled === undefined) throw new Error("internal: a convolution without tensors");
    return 2 * 36 * Math.ceil(tiled.height / 4) * Math.ceil(tiled.width / 4) * source.channels * result.channels;
  }

  /** The view of an input, an output or a gradient of an input. */
  port(name: "inputs" | "outputs" | "inputGradients"): Float32Array {
    return this.engine.tensor(this.placed, this.placed.program.ports[name][0], this.batch) as Float32Array;
  }

  /** Where the host writes the gradient of the output. */
  get seed(): Float32Array {
    return this.engine.tensor(this.placed, this.placed.program.ports.seed!, this.batch) as Float32Array;
  }

  /** The view of a record's tensor without halo. */
  field(kernel: string, name: string): Float32Array {
    const field = this.find(kernel).step.fields[name] as { tensor: number };
    return this.engine.tensor(this.placed, field.tensor, this.batch) as Float32Array;
  }

  private find(kernel: string): RecordAt {
    const found = this.records.filter(({ step }) => step.kernel === kernel);
    if (found.length !== 1) throw new Error(`internal: the program has ${found.length} records of ${kernel}`);
    return found[0];
  }
}
