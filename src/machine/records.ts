/** Records as words: the host writes them, the plain-JS machine reads them. Field order: build/records.ts. */
import {
  type FieldKind,
  Kernel,
  type KernelName,
  RECORD_FIELDS,
  RECORDS,
  type Records,
  RUN_HEADER,
  RUN_HEADER_FIELDS,
  type RunHeader,
  TENSOR_FIELDS,
  type Tensor,
} from "../../build/records.ts";

type Fields = readonly (readonly [string, FieldKind])[];

/** A record with every address resolved: tensors are addresses of descriptors, 0 = absent. */
export interface Instruction<K extends KernelName = KernelName> {
  readonly kernel: K;
  /** Floating-point operations per sample, estimated. */
  readonly cost: number;
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly fields: { readonly [F in keyof Records[K]]: number };
}

/** A record as plain JS sees it: tensors are descriptors, f32 arrays are element indexes, u8 arrays byte indexes; absent = null (typed as present: a kernel that allows absence says so and tests for null). */
export type Decoded<K extends KernelName> = {
  readonly [F in keyof Records[K]]: Records[K][F] extends "tensor" ? Tensor : number;
};

export const TENSOR_BYTES = TENSOR_FIELDS.length * 4;

export function recordBytes(kernel: KernelName): number {
  return (RECORD_FIELDS.length + RECORDS[kernel].length) * 4;
}

export function writeInstruction(buffer: ArrayBufferLike, at: number, instruction: Instruction): void {
  const { kernel, cost, scratch, scratchBytes, fields } = instruction;
  const bytes = recordBytes(kernel);
  writeFields(buffer, at, RECORD_FIELDS, { kernel: Kernel[kernel], bytes, cost, scratch, scratchBytes });
  writeFields(buffer, at + RECORD_FIELDS.length * 4, RECORDS[kernel], fields as Record<string, number>);
}

export function writeTensor(buffer: ArrayBufferLike, at: number, tensor: Tensor): void {
  writeFields(buffer, at, TENSOR_FIELDS, tensor as unknown as Record<string, number>);
}

/** Writes the given words of the run header. It runs before every section: views are kept per buffer. */
export function writeRunHeader(buffer: ArrayBufferLike, header: Partial<RunHeader>): void {
  let views = headerViews.get(buffer);
  if (views === undefined) {
    const { length } = RUN_HEADER_FIELDS;
    views = { i32: new Int32Array(buffer, RUN_HEADER, length), f32: new Float32Array(buffer, RUN_HEADER, length) };
    headerViews.set(buffer, views);
  }
  for (const name in header) {
    const { index, kind } = headerPlaces[name as keyof RunHeader];
    views[kind][index] = header[name as keyof RunHeader]!;
  }
}

const headerViews = new WeakMap<ArrayBufferLike, { readonly i32: Int32Array; readonly f32: Float32Array }>();

const headerPlaces = Object.fromEntries(RUN_HEADER_FIELDS.map(([name, kind], index) => [name, { index, kind }])) as Record<
  keyof RunHeader,
  { readonly index: number; readonly kind: "i32" | "f32" }
>;

/** Byte address of a word of the run header. */
export function headerAddress(name: keyof RunHeader): number {
  return RUN_HEADER + 4 * headerPlaces[name].index;
}

export function readRunHeader(buffer: ArrayBufferLike): RunHeader {
  return readFields(buffer, RUN_HEADER, RUN_HEADER_FIELDS, 4) as unknown as RunHeader;
}

/** Decodes `count` records from `first` on; elementBytes is 4 or 8, the size of what Floats addresses point to. */
export function decodeRecords(buffer: ArrayBufferLike, first: number, count: number, elementBytes: number) {
  const words = new DataView(buffer);
  const names = new Map(Object.entries(Kernel).map(([name, number]) => [number as number, name as KernelName]));
  const decoded: { kernel: KernelName; record: Decoded<KernelName> }[] = [];
  for (let at = first; decoded.length < count; at += words.getInt32(at + 4, true)) {
    const kernel = names.get(words.getInt32(at, true))!;
    const record = readFields(buffer, at + RECORD_FIELDS.length * 4, RECORDS[kernel], elementBytes) as Decoded<KernelName>;
    decoded.push({ kernel, record });
  }
  return decoded;
}

function writeFields(buffer: ArrayBufferLike, at: number, fields: Fields, values: Record<string, number>): void {
  const words = new DataView(buffer);
  fields.forEach(([name, kind], index) => {
    const value = values[name];
    if (value === undefined) throw new Error(`internal: field ${name} of a record is missing`);
    if (kind === "f32") words.setFloat32(at + 4 * index, value, true);
    else words.setInt32(at + 4 * index, value, true);
  });
}

function readFields(buffer: ArrayBufferLike, at: number, fields: Fields, elementBytes: number): Record<string, unknown> {
  const words = new DataView(buffer);
  const read = (kind: FieldKind, address: number) => {
    if (kind === "f32") return words.getFloat32(address, true);
    if (kind === "i32") return words.getInt32(address, true);
    const value = words.getUint32(address, true);
    if (value === 0) return null;
    if (kind === "floats") return value / elementBytes;
    return kind === "tensor" ? readFields(buffer, value, TENSOR_FIELDS, elementBytes) : value;
  };
  return Object.fromEntries(fields.map(([name, kind], index) => [name, read(kind, at + 4 * index)]));
}
