/**
 * Safetensors (https://github.com/huggingface/safetensors): 8 bytes of header length, a JSON header, the arrays' bytes.
 * A reader checks everything before it allocates. All numbers are little-endian, as WebAssembly and every platform it runs on.
 */
import { xxh32 } from "../xxh32.ts";
import { foreignFormat } from "./foreign.ts";
import { type CheckedTensor, checkedHeader, DTYPE_BYTES, FileFormatError, MAX_HEADER_BYTES } from "./safetensorsHeader.ts";
import { MAX_FILE_BYTES } from "./source.ts";

export { FileFormatError };

export type TensorArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** An array in row-major order: F32 is a Float32Array, F64 a Float64Array, I32 an Int32Array, U8 a Uint8Array. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: "F32" | "F64" | "I32" | "U8";
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

/** What the first bytes of a file say of the rest. */
export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, CheckedTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /** All of it, its length before it: the data follow. */
  readonly bytes: Uint8Array;
}

/**
 * Metadata key of the checksum: the XXH32 of the XXH32s of the header, taken with zeros for these eight digits, and of every tensor in the
 * order of the data. So the tensors may be read, and summed, wherever they are wanted.
 */
export const CHECKSUM_KEY = "convlet.xxh32";
const ZERO_DIGITS = "00000000";
const CHECKSUM_FIELD = `"${CHECKSUM_KEY}":"`;

const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array, U8: Uint8Array } as const;

/**
 * The file's bytes; equal contents give equal bytes, whatever order they come in: widest elements first (so all are aligned), then by name.
 * RangeError or TypeError where a tensor contradicts itself or a name comes twice.
 */
export function writeSafetensors(tensors: Iterable<NamedTensor>, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const given = [...tensors];
  given.forEach(checkTensor);
  const sorted = given.sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1));
  const entries = new Map<string, unknown>([["__metadata__", sortedMetadata(metadata)]]);
  let length = 0;
  for (const tensor of sorted) {
    if (entries.has(tensor.name)) throw new RangeError(`safetensors: the name "${tensor.name}" is taken`);
    entries.set(tensor.name, {
      dtype: tensor.dtype,
      shape: tensor.shape,
      data_offsets: [length, length + tensor.data.byteLength],
    });
    length += tensor.data.byteLength;
  }
  const header = paddedHeader(entries);
  const bytes = new Uint8Array(8 + header.length + length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 8);
  const start = bytes.subarray(0, 8 + header.length);
  const sums: number[] = [];
  let at = start.length;
  for (const { data } of sorted) {
    const own = bytes.subarray(at, at + data.byteLength);
    own.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    sums.push(xxh32(own));
    at += own.length;
  }
  start.set(new TextEncoder().encode(checksum(start, sums)), checksumAt(start));
  return bytes;
}

/**
 * Reads the header of a file of `length` bytes, of which `start` are the first: `headerEnd` says how many it must have.
 * FileFormatError where the header contradicts itself or the length.
 */
export function readHeader(start: Uint8Array, length: number, where: string): SafetensorsHeader {
  const bytes = start.subarray(0, headerEnd(start, length, where));
  const { tensors, metadata } = checkedHeader(bytes.subarray(8), length - bytes.length, where);
  const digits = metadata.get(CHECKSUM_KEY);
  if (digits !== undefined && (digits.length !== ZERO_DIGITS.length || checksumAt(bytes) < 0)) {
    throw new FileFormatError(`${where}: the checksum is not as this library writes it`);
  }
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata, bytes };
}

/** Where the header of a file of `length` bytes ends, told from its first bytes, 4096 of them if it is as long. */
export function headerEnd(start: Uint8Array, length: number, where: string): number {
  const words = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const headerLength = length < 8 ? 0 : words.getUint32(0, true) + words.getUint32(4, true) * 2 ** 32;
  const isPlausible = headerLength >= 2 && headerLength <= length - 8 && start[8] === 0x7b;
  if (isPlausible && headerLength <= MAX_HEADER_BYTES && length <= MAX_FILE_BYTES) return 8 + headerLength;
  const problem = (): string => {
    const kind = foreignFormat(start);
    if (kind !== undefined) return `this is ${kind}; needs a safetensors file`;
    if (length === 0) return "the file is empty";
    if (length < 10) return `the file is truncated: ${length} bytes, needs at least 10`;
    if (headerLength < 2) return `no safetensors file: its header is ${headerLength} bytes long`;
    if (start[8] !== 0x7b) return "no safetensors file: its header does not begin with {";
    if (!isPlausible) return `the file is truncated: its header alone takes ${8 + headerLength} bytes, there are ${length}`;
    if (headerLength > MAX_HEADER_BYTES) return `the header takes ${headerLength} bytes, more than ${MAX_HEADER_BYTES}`;
    return `the file takes ${length} bytes, more than ${MAX_FILE_BYTES}`;
  };
  throw new FileFormatError(`${where}: ${problem()}`);
}

/** FileFormatError when the file is not what its checksum was taken of. `sumOf` gives the XXH32 of a tensor's bytes. */
export function verifyChecksum({ bytes, tensors, metadata }: SafetensorsHeader, where: string, sumOf: (tensor: CheckedTensor) => number): void {
  const expected = metadata.get(CHECKSUM_KEY);
  if (expected === undefined) return;
  const header = new Uint8Array(bytes);
  header.set(new TextEncoder().encode(ZERO_DIGITS), checksumAt(bytes));
  const actual = checksum(header, [...tensors.values()].map(sumOf));
  if (actual !== expected) throw new FileFormatError(`${where}: the file is damaged: its checksum is ${actual}, should be ${expected}`);
}

/** Digits from the header with zeros for them, and the XXH32 of each tensor in the order of the data. */
function checksum(header: Uint8Array, sums: readonly number[]): string {
  const all = new DataView(new ArrayBuffer(4 * (1 + sums.length)));
  for (const [index, sum] of [xxh32(header), ...sums].entries()) all.setUint32(4 * index, sum, true);
  return xxh32(new Uint8Array(all.buffer)).toString(16).padStart(ZERO_DIGITS.length, "0");
}

/** The array whose bytes are `data`: a view of them where type and place allow, otherwise a copy. F16 and BF16 become float32, I64 float64. */
export function tensorArray(tensor: CheckedTensor, data: Uint8Array, where: string): TensorArray {
  return decoded(tensor, data.byteOffset % DTYPE_BYTES[tensor.dtype] === 0 ? data : new Uint8Array(data), where);
}

/** Where the checksum's digits stand; negative where they do not. A string value cannot look like this: its quotes are escaped. */
function checksumAt(bytes: Uint8Array): number {
  // A character for each byte, whatever it is.
  const at = new TextDecoder("latin1").decode(bytes).indexOf(CHECKSUM_FIELD, 8);
  return at < 0 ? at : at + CHECKSUM_FIELD.length;
}

function sortedMetadata(metadata: Readonly<Record<string, string>>): Map<string, string> {
  const sorted = new Map([[CHECKSUM_KEY, ZERO_DIGITS]]);
  for (const key of Object.keys(metadata).sort()) {
    if (key === CHECKSUM_KEY) continue;
    const text: unknown = metadata[key];
    if (typeof text !== "string") throw new TypeError(`safetensors: metadata "${key}" is ${typeof text}, needs a string`);
    sorted.set(key, text);
  }
  return sorted;
}

/** JSON with spaces behind it, so that the data begins at a multiple of 8. Written by hand: an object would reorder keys like "1". */
function paddedHeader(entries: ReadonlyMap<string, unknown>): Uint8Array {
  const json = (value: unknown): string => {
    if (!(value instanceof Map)) return JSON.stringify(value);
    return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${json(item)}`).join(",")}}`;
  };
  const text = new TextEncoder().encode(json(entries));
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  return header;
}

function checkTensor({ name, dtype, shape, data }: NamedTensor): void {
  if (!Object.hasOwn(ARRAYS, dtype))
    throw new RangeError(`safetensors: "${name}" has dtype ${dtype}, needs one of ${Object.keys(ARRAYS).join(", ")}`);
  if (!(data instanceof ARRAYS[dtype])) throw new TypeError(`safetensors: "${name}" has dtype ${dtype}, needs its data as ${ARRAYS[dtype].name}`);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || elements !== data.length) {
    throw new RangeError(`safetensors: "${name}" has shape [${shape.join(", ")}] but ${data.length} elements`);
  }
}

function decoded({ name, dtype }: CheckedTensor, { buffer, byteOffset, length }: Uint8Array, where: string): TensorArray {
  const count = length / DTYPE_BYTES[dtype];
  switch (dtype) {
    case "F16":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count), halfToFloat);
    case "BF16":
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer, byteOffset, count), (half) => half << 16).buffer);
    case "I64":
      return Float64Array.from(new BigInt64Array(buffer, byteOffset, count), (value) => {
        if (Number.isSafeInteger(Number(value))) return Number(value);
        throw new FileFormatError(`${where}: "${name}" holds ${value}, which a JavaScript number cannot`);
      });
    default:
      return new ARRAYS[dtype](buffer as ArrayBuffer, byteOffset, count);
  }
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
