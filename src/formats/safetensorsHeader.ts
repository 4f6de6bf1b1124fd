/** The header of a safetensors file, checked: what comes out may be believed. */

/** Any file that is not what it should be. The message begins with the file's name and says what is wrong. */
export class FileFormatError extends Error {
  override readonly name = "FileFormatError";
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
const MAX_HEADER_BYTES = 100_000_000;
const MAX_TENSORS = 65_536;

/** The header's text; `dataLength` bytes of data are behind it. */
export function checkedHeader(text: Uint8Array, dataLength: number, where: string): { tensors: CheckedTensor[]; metadata: Map<string, string> } {
  const fail = (problem: string): never => {
    throw new FileFormatError(`${where}: ${problem}`);
  };
  if (text.length > MAX_HEADER_BYTES) fail(`the header takes ${text.length} bytes, more than ${MAX_HEADER_BYTES}`);
  const header = parsedJson(decoded(text), "the header", fail) as object;
  const entries = Object.entries(header);
  if (entries.length > MAX_TENSORS) fail(`the header names ${entries.length} tensors, more than ${MAX_TENSORS}`);
  const tensors: CheckedTensor[] = [];
  let metadata = new Map<string, string>();
  for (const [name, entry] of entries) {
    if (name === "__metadata__") metadata = checkedMetadata(entry, fail);
    else tensors.push(checkedTensor(name, entry, fail));
  }
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

function checkedMetadata(entry: unknown, fail: Fail): Map<string, string> {
  if (!isObject(entry)) return fail("__metadata__ is no object");
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(entry)) {
    metadata.set(key, typeof text === "string" ? text : fail(`metadata ${JSON.stringify(key)} is no string`));
  }
  return metadata;
}

function checkedTensor(name: string, entry: unknown, fail: Fail): CheckedTensor {
  const label = JSON.stringify(name);
  if (!isObject(entry)) return fail(`tensor ${label} is no object`);
  const { dtype, shape, data_offsets: offsets } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    return fail(`tensor ${label} has dtype ${JSON.stringify(dtype)}, needs one of ${Object.keys(DTYPE_BYTES).join(", ")}`);
  }
  if (!isSizes(shape)) return fail(`tensor ${label} has no valid shape`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) return fail(`tensor ${label} has no valid data_offsets`);
  const [begin, end] = offsets as [number, number];
  let length: number = DTYPE_BYTES[dtype as Dtype];
  for (const size of shape) {
    length *= size;
    if (!Number.isSafeInteger(length)) fail(`tensor ${label} of shape [${shape.join(", ")}] is too large`);
  }
  if (length !== end - begin) fail(`tensor ${label} of shape [${shape.join(", ")}] takes ${length} bytes, its data_offsets give it ${end - begin}`);
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** The tensors must fill the data section: no hole, no overlap, nothing behind. */
function checkLayout(tensors: readonly CheckedTensor[], dataLength: number, fail: Fail): void {
  const ordered = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const tensor of ordered) {
    const label = JSON.stringify(tensor.name);
    if (tensor.begin > end) fail(`there is a hole of ${tensor.begin - end} bytes before tensor ${label}`);
    if (tensor.begin < end) fail(`tensor ${label} overlaps the one before it`);
    end = tensor.end;
  }
  if (end > dataLength) fail(`the file is truncated: its data take ${end} bytes, there are ${dataLength}`);
  if (end < dataLength) fail(`there are ${dataLength - end} bytes behind the last tensor`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0 && !Object.is(size, -0));
}
