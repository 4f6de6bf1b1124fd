/** Where a model's file comes from: a file of Node, an address, or bytes. */
import { nodeModule } from "../nodeModule.ts";
import type { DownloadOptions } from "./download.ts";

export type ModelSource = string | URL | ArrayBuffer | Uint8Array;

/** A file that is read piece by piece, straight to where the pieces are wanted. */
export interface Source {
  /** For errors. */
  readonly where: string;
  readonly length: number;
  /** Fills arrays, one behind the other, with the bytes from `at` on. */
  read(at: number, into: readonly Uint8Array[]): Promise<void>;
  close(): void;
}

/** Whether Node reads it from its disk. Where there is a process. */
export function isFile(source: string | URL): boolean {
  if (process.versions?.node === undefined) return false;
  return source instanceof URL ? source.protocol === "file:" : !/^(https?|data|blob):/i.test(source);
}

/** RangeError where a file is larger than it may be. */
export function checkSize(where: string, bytes: number | undefined, maxBytes = Infinity): void {
  if (bytes !== undefined && bytes > maxBytes) throw new RangeError(`${where} has ${bytes} bytes or more, maxBytes is ${maxBytes}`);
}

/** What is there at once is checked and told as a download is. */
export function checkArrived(source: string | URL, length: number, { maxBytes, onProgress }: DownloadOptions): void {
  checkSize(`load: ${source}`, length, maxBytes);
  onProgress?.({ loaded: length, total: length });
}

export function bytesSource(bytes: Uint8Array, where: string): Source {
  return { where, length: bytes.length, read: chunkReader([bytes]), close() {} };
}

/** Reads chunks that lie one behind the other, at most to their end. `more` waits until another one is among them; false: there is none. */
export function chunkReader(chunks: readonly Uint8Array[], more?: () => Promise<boolean>): Source["read"] {
  return async (at, into) => {
    let index = 0;
    let begin = 0;
    for (const array of into) {
      for (let filled = 0; filled < array.length; ) {
        if (index === chunks.length && !(await more?.())) throw new Error("load: the file is shorter than its server said");
        const chunk = chunks[index];
        const part = chunk.subarray(at - begin, at - begin + array.length - filled);
        array.set(part, filled);
        filled += part.length;
        at += part.length;
        if (at < begin + chunk.length) continue;
        begin += chunk.length;
        index++;
      }
    }
  };
}

/** A piece of a file that is read at once: to ask another thread for it takes longer. Bytes. */
const SHORT = 16384;

/** No model is larger: a WebAssembly memory. Bytes. */
export const MAX_FILE_BYTES = 2 ** 32;

/** A file of Node. */
export async function openFile(path: string | URL, options: DownloadOptions = {}): Promise<Source> {
  const fs = await nodeModule("node:fs");
  const place = /^file:/i.test(String(path)) ? new URL(path) : path;
  const found = fs.statSync(place);
  if (found.isDirectory()) throw new Error(`load: ${path} is a folder, needs a file`);
  if (!found.isFile()) return readThrough(fs.createReadStream(place), path, options);
  checkArrived(path, found.size, options);
  const file = fs.openSync(place, "r");
  const readSome = (at: number, into: readonly Uint8Array[]): number | Promise<number> => {
    if (into.length === 1 && into[0].length <= SHORT) return fs.readSync(file, into[0], { position: at });
    return new Promise((resolve, reject) => {
      fs.readv(file, into, at, (reason, count) => (reason ? reject(reason) : resolve(count)));
    });
  };
  return {
    where: String(path),
    length: fs.fstatSync(file).size,
    async read(at, into) {
      for (let left = unfilled(into, 0); left.length > 0; ) {
        const count = await readSome(at, left);
        if (count === 0) throw new Error(`load: ${path} became shorter while it was read`);
        at += count;
        left = unfilled(left, count);
      }
    },
    close: () => fs.closeSync(file),
  };
}

/** A pipe or a device: it has neither a length nor places, and may have no end. Who writes to it may need this thread. */
async function readThrough(stream: AsyncIterable<Uint8Array>, path: string | URL, options: DownloadOptions): Promise<Source> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    checkSize(`load: ${path}`, length, Math.min(options.maxBytes ?? Infinity, MAX_FILE_BYTES));
    chunks.push(chunk);
  }
  checkArrived(path, length, options);
  return { where: String(path), length, read: chunkReader(chunks), close() {} };
}

/** What is left of arrays when `count` bytes have been filled. */
function unfilled(arrays: readonly Uint8Array[], count: number): Uint8Array[] {
  let filled = count;
  return arrays.flatMap((array) => {
    const begin = Math.min(filled, array.length);
    filled -= begin;
    return begin < array.length ? [array.subarray(begin)] : [];
  });
}
