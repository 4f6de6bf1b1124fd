/** A safetensors file read from its source: the header first, then every array straight to its place. */
import { xxh32 } from "../xxh32.ts";
import { CHECKSUM_KEY, headerEnd, readHeader, type SafetensorsHeader, verifyChecksum } from "./safetensors.ts";
import type { CheckedTensor } from "./safetensorsHeader.ts";
import type { Source } from "./source.ts";

/** As much as a header takes as a rule: read at once. Bytes. */
const FIRST_READ = 16384;

/** FileFormatError where the header contradicts itself or the file's length. */
export async function readStart(source: Source): Promise<SafetensorsHeader> {
  const { where, length } = source;
  let start = new Uint8Array(Math.min(length, FIRST_READ));
  await source.read(0, [start]);
  const end = headerEnd(start, length, where);
  if (end > start.length) {
    start = new Uint8Array(end);
    await source.read(0, [start]);
  }
  return readHeader(start, length, where);
}

/** What `interpret` makes of a header. One that was damaged may still be read and make no sense: then that is what is wrong. */
export async function interpreted<T>(header: SafetensorsHeader, source: Source, interpret: () => T): Promise<T> {
  try {
    return interpret();
  } catch (reason) {
    // Of a file of another program, which may be large, nothing says what it should be.
    if (!header.metadata.has(CHECKSUM_KEY)) throw reason;
    const data = new Uint8Array(source.length - header.bytes.length);
    await source.read(header.bytes.length, [data]);
    verifyChecksum(header, source.where, (tensor) => xxh32(data.subarray(tensor.begin, tensor.end)));
    throw reason;
  }
}

interface Target {
  /** Where the bytes of an array are wanted; undefined: in an array of their own. */
  placeOf(tensor: CheckedTensor): Uint8Array | undefined;
  /** Gives an XXH32 of bytes, once there is something that computes it. */
  readonly sum: Promise<(bytes: Uint8Array) => number>;
}

/** The bytes of every array, read and summed. FileFormatError, with all of them read, when the file is not what its checksum was taken of. */
export async function readArrays(header: SafetensorsHeader, source: Source, { placeOf, sum }: Target): Promise<Map<CheckedTensor, Uint8Array>> {
  const data = new Map<CheckedTensor, Uint8Array>();
  for (const tensor of header.tensors.values()) data.set(tensor, placeOf(tensor) ?? new Uint8Array(tensor.end - tensor.begin));
  const reading = source.read(header.bytes.length, [...data.values()]);
  // Whoever closes the source then finds nobody reading it, after an error too.
  const [sumOf] = await Promise.all([sum, reading]).finally(() => Promise.allSettled([reading]));
  verifyChecksum(header, source.where, (tensor) => sumOf(data.get(tensor)!));
  return data;
}
