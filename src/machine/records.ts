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
  return readFields(buffer, RUN_HEADER, RUN_HEADER_FIELDS) as unknown as RunHeader;
}

/** Decodes `count` records from `first` on; elementBytes is 4 or 8, the size of what Floats addresses point to. */
export function decodeRecords(buffer: ArrayBufferLike, first: number, count: number, elementBytes: number) {
  const words = new DataView(buffer);
  const names = new Map(Object.entries(Kernel).map(([name, number]) => [number as number, name as KernelName]));
  const decoded: { kernel: KernelName; record: Decoded<KernelName> }[] = [];
  for (let at = first; decoded.length < count; at += words.getInt32(at + 4, true)) {
    const kernel = names.get(words.getInt32(at, true));
    if (kernel === undefined) throw new Error(`internal: no kernel number ${words.getInt32(at, true)} at address ${at}`);
    const record: Record<string, unknown> = readFields(buffer, at + RECORD_FIELDS.length * 4, RECORDS[kernel]);
    for (const [name, kind] of RECORDS[kernel]) record[name] = decodeField(buffer, kind, record[name] as number, elementBytes);
    decoded.push({ kernel, record: record as Decoded<KernelName> });
  }
  return decoded;
}

function decodeField(buffer: ArrayBufferLike, kind: FieldKind, value: number, elementBytes: number): unknown {
  if (kind === "i32" || kind === "f32") return value;
  if (value === 0) return null;
  if (kind === "bytes") return value;
  if (kind === "floats") return value / elementBytes;
  const tensor = readFields(buffer, value, TENSOR_FIELDS);
  return { ...tensor, base: (tensor.base as number) / elementBytes };
}

function writeFields(buffer: ArrayBufferLike, at: number, fields: Fields, values: Record<string, number>): void {
  const words = new DataView(buffer);
  fields.forEach(([name, kind], index) => {
    const value = values[name];
    if (value === undefined) throw new Error(`internal: field ${name} of a record is missing`);
    writeWord(words, at + index * 4, kind, value);
  });
}

function writeWord(words: DataView, at: number, kind: FieldKind, value: number): void {
  if (kind === "f32") words.setFloat32(at, value, true);
  else words.setInt32(at, value, true);
}

function readFields(buffer: ArrayBufferLike, at: number, fields: Fields): Record<string, number> {
  const words = new DataView(buffer);
  const values: Record<string, number> = {};
  fields.forEach(([name, kind], index) => {
    const address = at + index * 4;
    if (kind === "f32") values[name] = words.getFloat32(address, true);
    else values[name] = kind === "i32" ? words.getInt32(address, true) : words.getUint32(address, true);
  });
  return values;
}
