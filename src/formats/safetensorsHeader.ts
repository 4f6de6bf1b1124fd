/** The header of a safetensors file, checked: what comes out may be believed. */
import { Field } from "../field.ts";

/** Any file that is not what it should be. The message begins with the file's name and says what is wrong. */
export class FileFormatError extends Error {
  override get name(): string {
    return "FileFormatError";
  }
}

export type Dtype = keyof typeof DTYPE_BYTES;
export const DTYPE_BYTES = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 } as const;

/** The data of a tensor are bytes begin … end − 1 of the data section. */
export interface CheckedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What the reference implementation allows. */
export const MAX_HEADER_BYTES = 100_000_000;
const MAX_TENSORS = 65_536;

/** Of the header's text what it says, tensors in the order of their data; `dataLength` bytes of data are behind it. */
export function checkedHeader(text: Uint8Array, dataLength: number, where: string): { tensors: CheckedTensor[]; metadata: Map<string, string> } {
  const fail = (problem: string): never => {
    throw new FileFormatError(`${where}: ${problem}`);
  };
  const header = parsedJson(decoded(text), "the header", fail) as object;
  const entries = Object.entries(header);
  if (entries.length > MAX_TENSORS) fail(`the header names ${entries.length} tensors, more than ${MAX_TENSORS}`);
  const tensors: CheckedTensor[] = [];
  let metadata = new Map<string, string>();
  for (const [name, value] of entries) {
    if (name === "__metadata__") metadata = checkedMetadata(new Field(value, name, fail));
    else tensors.push(checkedTensor(name, new Field(value, `tensor ${JSON.stringify(name)}`, fail)));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(tensors, dataLength, fail);
  return { tensors, metadata };
}

type Fail = (problem: string) => never;

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // No JSON either.
    return "";
  }
}

/** What a JSON text stands for. Fails where it is none, and where an object names a key twice. */
export function parsedJson(text: string, what: string, fail: Fail): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    fail(`${what} is no JSON`);
  }
  const twice = isAsWritten(text, value) ? undefined : repeatedKey(text);
  if (twice !== undefined) fail(`${what} names ${twice} twice`);
  return value;
}

/** Whether the value makes this very text, as in every file of ours: then nothing was lost. */
function isAsWritten(text: string, value: unknown): boolean {
  try {
    return JSON.stringify(value) === text.trimEnd();
  } catch {
    // It nests deeper than the stack.
    return false;
  }
}

/** The first key that comes twice in one object of a valid JSON text: JSON.parse keeps the last without a word. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  let quote: number | undefined;
  for (const { 0: token, index } of text.matchAll(/[{}]|"\s*:?|\\./g)) {
    if (quote !== undefined) {
      if (token[0] !== '"') continue;
      const key = text.slice(quote, index + 1);
      quote = undefined;
      if (!token.endsWith(":")) continue;
      const name = JSON.parse(key) as string;
      const keys = open.at(-1)!;
      if (keys.has(name)) return key;
      keys.add(name);
    } else if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else quote = index;
  }
  return undefined;
}

function checkedMetadata(entry: Field): Map<string, string> {
  return new Map(entry.names().map((name) => [name, entry.get(name).text()]));
}

function checkedTensor(name: string, entry: Field): CheckedTensor {
  const dtype = entry.get("dtype").choice(Object.keys(DTYPE_BYTES) as Dtype[]);
  const sizes = (field: string, ...counts: [most: number, least: number]) =>
    entry
      .get(field)
      .list(...counts)
      .map((size) => size.whole(0, Number.MAX_SAFE_INTEGER));
  const shape = sizes("shape", Infinity, 0);
  const [begin, end] = sizes("data_offsets", 2, 2);
  const length = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype] as number);
  if (length !== end - begin) entry.fail(`of shape [${shape.join(", ")}] takes ${length} bytes, its data_offsets give it ${end - begin}`);
  return { name, dtype, shape, begin, end };
}

/** The tensors, in order, must fill the data section: no hole, no overlap, nothing behind. */
function checkLayout(tensors: readonly CheckedTensor[], dataLength: number, fail: Fail): void {
  let end = 0;
  for (const tensor of tensors) {
    const label = JSON.stringify(tensor.name);
    if (tensor.begin > end) fail(`there is a hole of ${tensor.begin - end} bytes before tensor ${label}`);
    if (tensor.begin < end) fail(`tensor ${label} overlaps the one before it`);
    end = tensor.end;
  }
  if (end > dataLength) fail(`the file is truncated: its data take ${end} bytes, there are ${dataLength}`);
  if (end < dataLength) fail(`there are ${dataLength - end} bytes behind the last tensor`);
}
