/** Files from the network, chunk by chunk, through the HTTP cache. */
import { fetched } from "../fetched.ts";
import { checkNumber, checkSignal, shown } from "../options.ts";
import { FileFormatError } from "./safetensorsHeader.ts";
import { checkSize, chunkReader, type Source } from "./source.ts";

export interface DownloadProgress {
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes of the whole file; undefined where the server does not say. */
  readonly total: number | undefined;
}

export interface DownloadOptions {
  /** Called with every chunk that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends the download; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** A larger file is refused: before the download where the server says the size, else in its middle. Default: any size. */
  readonly maxBytes?: number;
}

export function checkDownloadOptions(where: string, { onProgress, signal, maxBytes }: DownloadOptions): void {
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new TypeError(`${where}: onProgress is ${shown(onProgress)}, needs a function`);
  checkSignal(where, signal);
  if (maxBytes !== undefined && maxBytes !== Infinity) checkNumber(where, "maxBytes", maxBytes, { above: 0 });
}

/**
 * The file at an address, to be read while it is on its way where its length is known. Rejects with what the server answered, and when it
 * cannot be reached; here or when it is read, when the connection breaks, when it is empty (FileFormatError), when it is larger than `maxBytes`
 * (RangeError), and with the signal's reason.
 */
export async function download(url: string | URL, options: DownloadOptions = {}): Promise<Source> {
  const where = `load: ${url}`;
  const { signal, maxBytes } = options;
  signal?.throwIfAborted();
  const response = await fetched(url, where, Error, signal);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new FileFormatError(`${where}: the file is empty`);
  const total = announced(response.headers);
  const chunks: Uint8Array[] = [];
  const next = receiver(reader, chunks, { where, total, options });
  // What still comes is not wanted.
  const close = () => void reader.cancel().catch(() => {});
  try {
    checkSize(where, total, maxBytes);
    // Another origin's server may have compressed it without the page being told.
    let length = response.type === "cors" ? undefined : total;
    while (length === undefined) if (!(await next())) length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return { where: String(url), length, read: chunkReader(chunks, next), close };
  } catch (reason) {
    close();
    throw reason;
  }
}

interface Arrival {
  readonly where: string;
  readonly total: number | undefined;
  readonly options: DownloadOptions;
}

/** A function that waits until one more chunk is among `chunks`. False: that was all. */
function receiver(reader: ReadableStreamDefaultReader<Uint8Array>, chunks: Uint8Array[], { where, total, options }: Arrival) {
  const { onProgress, signal, maxBytes } = options;
  let loaded = 0;
  return async function next(): Promise<boolean> {
    const { value } = await reader.read().catch((cause) => {
      signal?.throwIfAborted();
      const size = total === undefined ? `${loaded} bytes` : `${loaded} of ${total} bytes`;
      throw new Error(`${where}: the connection broke after ${size}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    if (value === undefined) return false;
    chunks.push(value);
    loaded += value.length;
    checkSize(where, loaded, maxBytes);
    // What was announced may be the size of what was compressed.
    onProgress?.({ loaded, total: total !== undefined && loaded > total ? undefined : total });
    signal?.throwIfAborted();
    // Its end too, or the browser takes the answer for aborted.
    if (loaded === total) await next();
    return true;
  };
}

function announced(headers: Headers): number | undefined {
  const length = Number(headers.get("content-length"));
  return length > 0 && !headers.has("content-encoding") ? length : undefined;
}
