/** A program is data: records whose addresses are offsets into regions, a table of tensors, and where sections begin. */
import { Algorithm, type KernelName, type Tensor } from "../build/records.ts";
import { type Instruction, recordBytes, TENSOR_BYTES, writeInstruction, writeTensor } from "./machine/records.ts";
import type { Section } from "./ops/op.ts";

export type Region = "state" | "prepared" | "arena";

/** A number, an address as offset into a region, the descriptor of a tensor, or absent. */
export type PlacedField = number | { readonly region: Region; readonly offset: number } | { readonly tensor: number } | null;

export interface PlacedStep {
  readonly kernel: KernelName;
  readonly section: Section;
  /** Layer name, for errors, plan and profile. */
  readonly name: string;
  readonly cost: number;
  readonly scratchBytes: number;
  /** Offset into the arena. */
  readonly scratch: number;
  readonly fields: Readonly<Record<string, PlacedField>>;
}

/** Base addresses of the regions and of the program's own table. */
export type Bases = Readonly<Record<Region | "table", number>>;

/** What a run file holds: a program that predicts, and nothing else. */
export interface InferenceProgram {
  /** Most samples one run can take. */
  readonly capacity: number;
  readonly steps: readonly PlacedStep[];
  /** Descriptors; `base` is an offset into the arena. */
  readonly tensors: readonly Tensor[];
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  /** What the host writes before a run and reads after it. */
  readonly ports: Pick<Ports, "inputs" | "outputs">;
}

export interface Program extends InferenceProgram {
  /** 4, or 8 for gradient checks on the plain-JS machine. */
  readonly elementBytes: 4 | 8;
  readonly ports: Ports;
}

/** Tensor numbers, and arrays as offsets into the arena. */
export interface Ports {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly inputGradients: readonly number[];
  /** The gradient of the output, where the host seeds the backward section. */
  readonly seed: number | null;
  readonly target: ArrayPort | null;
  readonly sampleWeight: ArrayPort | null;
  readonly losses: ArrayPort | null;
  readonly penalties: readonly ArrayPort[];
}

export interface ArrayPort {
  readonly offset: number;
  readonly count: number;
}

/** A range of records, ready for `Machine.execute`. */
export interface RecordRange {
  readonly first: number;
  readonly count: number;
}

/** Reading or writing a float takes as long as so many operations. */
const FLOAT_WORK = 4;

export function tableBytes(program: InferenceProgram): number {
  return program.tensors.length * TENSOR_BYTES + program.steps.reduce((sum, step) => sum + recordBytes(step.kernel), 0);
}

/** Writes the table at `bases.table`. Pure in its bases: emitting again elsewhere gives a program that does the same. */
export function emit(program: InferenceProgram, bases: Bases, buffer: ArrayBufferLike): Map<Section, RecordRange> {
  program.tensors.forEach((tensor, index) => {
    writeTensor(buffer, bases.table + index * TENSOR_BYTES, { ...tensor, base: bases.arena + tensor.base });
  });
  const sections = new Map<Section, RecordRange>();
  let at = bases.table + program.tensors.length * TENSOR_BYTES;
  for (const step of program.steps) {
    writeInstruction(buffer, at, instruction(step, bases));
    const { first, count } = sections.get(step.section) ?? { first: at, count: 0 };
    sections.set(step.section, { first, count: count + 1 });
    at += recordBytes(step.kernel);
  }
  return sections;
}

/**
 * The program for the first run with new weights. To pack weights takes as long as thirty products of a single row (4.7 MB: 3.5 ms, most of it to
 * touch new memory), so these read the weights where they lie. The results are the same bits.
 */
export function unpacked<P extends InferenceProgram>(program: P): P {
  if (program.capacity > 1) return program;
  const steps = program.steps.map((step) => (isRowProduct(step, program.tensors) ? withoutPanels(step) : step));
  const panels = new Set(steps.filter(({ kernel }) => kernel !== "packWeights").map(({ fields }) => offsetOf(fields.panels)));
  const kept = steps.filter(({ kernel, fields }) => kernel !== "packWeights" || panels.has(offsetOf(fields.panels)));
  return kept.length === steps.length ? program : { ...program, steps: kept };
}

function isRowProduct({ kernel, fields }: PlacedStep, tensors: readonly Tensor[]): boolean {
  if (kernel !== "conv2dOutput" || fields.algorithm !== Algorithm.matmul || fields.groups !== 1) return false;
  const { height, width } = tensors[(fields.output as { tensor: number }).tensor];
  return height * width === 1;
}

function withoutPanels(step: PlacedStep): PlacedStep {
  return { ...step, fields: { ...step.fields, panels: null, algorithm: Algorithm.unpacked } };
}

function offsetOf(field: PlacedField | undefined): number | undefined {
  return typeof field === "object" && field !== null && "offset" in field ? field.offset : undefined;
}

function instruction(step: PlacedStep, bases: Bases): Instruction {
  const fields = Object.fromEntries(Object.entries(step.fields).map(([name, field]) => [name, address(field, bases)]));
  const scratch = step.scratchBytes > 0 ? bases.arena + step.scratch : 0;
  return { ...step, scratch, fields } as Instruction;
}

function address(field: PlacedField, bases: Bases): number {
  if (field === null) return 0;
  if (typeof field === "number") return field;
  return "tensor" in field ? bases.table + field.tensor * TENSOR_BYTES : bases[field.region] + field.offset;
}

/** What a section costs per sample, in floating-point operations: whether several threads are worth while. */
export function sectionWork({ steps, tensors }: Program, section: Section): number {
  let work = 0;
  for (const step of steps) if (step.section === section) work += step.cost + FLOAT_WORK * floatsOf(step, tensors);
  return work;
}

/** Activations per sample that a step reads and writes. */
export function floatsOf({ fields }: PlacedStep, tensors: readonly Tensor[]): number {
  let floats = 0;
  for (const field of Object.values(fields)) {
    if (typeof field !== "object" || field === null || !("tensor" in field)) continue;
    const { height, width, channels } = tensors[field.tensor];
    floats += height * width * channels;
  }
  return floats;
}
