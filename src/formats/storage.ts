/**
 * Files that a browser keeps: "opfs://name", "indexeddb://name", and "downloads://name" for the user's folder. Every write is all or
 * nothing: a tab that is closed in its middle leaves what was there.
 */
import type { Place } from "./place.ts";

/** Resolves when the bytes are kept. Rejects, with what was there unharmed, when the browser's storage is full or refused. */
export async function writeInBrowser({ scheme, name }: Place, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const where = `cannot write ${scheme}://${name}`;
  try {
    if (scheme === "downloads") offerDownload(name, bytes);
    // Two tabs must not take each other for a tab that was closed.
    else if (scheme === "opfs") await locked(name, "exclusive", () => writeFile(name, bytes));
    else await writeRow(name, bytes);
  } catch (cause) {
    throw storageError(where, bytes.length, cause);
  }
}

const READ_ATTEMPTS = 6;
/** Milliseconds before the second attempt, twice as many before the third …: a browser that is busy takes its time to let go of the old file. */
const READ_PAUSE = 50;

/** The bytes kept under a name; undefined when there are none. */
export async function readInBrowser({ scheme, name }: Place): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const path = `${scheme}://${name}`;
  if (scheme === "downloads") throw new TypeError(`load: ${path} was given away; let the user choose the file, and load its bytes`);
  for (let attempt = 1; ; attempt++) {
    try {
      // Whoever reads a file while it is replaced gets an error.
      return await (scheme === "opfs"
        ? locked(name, "shared", () => readFile(name))
        : inStore<Uint8Array<ArrayBuffer> | undefined>("readonly", (store) => store.get(name)));
    } catch (cause) {
      // The write of a tab that was closed may still end, after its lock is gone; what it leaves is whole.
      if (!["NotReadableError", "NotFoundError"].includes((cause as DOMException).name) || attempt === READ_ATTEMPTS) {
        throw new Error(`load: cannot read ${path}: ${(cause as Error).message}`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, attempt * READ_PAUSE));
    }
  }
}

/** `savedModels` of saved.ts. */
export async function savedPaths(): Promise<string[]> {
  const rows = typeof indexedDB === "undefined" ? [] : await inStore<IDBValidKey[]>("readonly", (store) => store.getAllKeys());
  const files: string[] = [];
  const folder = await modelsFolder();
  for await (const name of folder?.keys() ?? []) if (!name.includes(TEMP)) files.push(name);
  return [...rows.map((name) => `indexeddb://${name}`), ...files.map((name) => `opfs://${name}`)];
}

/** `deleteSaved` of saved.ts. */
export async function deletePlace({ scheme, name }: Place): Promise<void> {
  if (scheme === "indexeddb") await inStore("readwrite", (store) => store.delete(name));
  else await (await modelsFolder())?.removeEntry(name).catch(ifMissing);
}

// OPFS: a folder "convlet"; a file is written beside its name (Chromium: beside that, with .crswap behind it) and moved there.

const TEMP = ".convlet-part";

/** `keys` and `move` are not among TypeScript's types yet. */
type Folder = FileSystemDirectoryHandle & { keys(): AsyncIterable<string> };
type Movable = FileSystemFileHandle & { move?(name: string): Promise<void> };

/** Undefined where there is none yet, unless it is to be created. */
async function modelsFolder(create = false): Promise<Folder | undefined> {
  if (typeof navigator === "undefined" || navigator.storage?.getDirectory === undefined) {
    if (!create) return undefined;
    throw new TypeError("this browser has no private files for pages (OPFS)");
  }
  const root = await navigator.storage.getDirectory();
  return (await root.getDirectoryHandle("convlet", { create }).catch(ifMissing)) as Folder | undefined;
}

async function writeFile(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const folder = (await modelsFolder(true))!;
  const temp = `${name}${TEMP}`;
  try {
    const file: Movable = await folder.getFileHandle(temp, { create: true });
    const stream = await file.createWritable();
    await stream.write(bytes).catch(async (reason) => {
      await stream.abort().catch(() => {});
      throw reason;
    });
    await stream.close();
    if (file.move !== undefined) return await file.move(name);
    // What is written to a stream replaces the file when the stream is closed, and not before.
    const target = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await target.write(bytes);
    await target.close();
    await folder.removeEntry(temp);
  } catch (reason) {
    await folder.removeEntry(temp).catch(() => {});
    throw reason;
  }
}

async function readFile(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const handle = await (await modelsFolder())?.getFileHandle(name).catch(ifMissing);
  const file = await handle?.getFile();
  return file && new Uint8Array(await file.arrayBuffer());
}

function ifMissing(reason: unknown): undefined {
  if ((reason as DOMException).name !== "NotFoundError") throw reason;
}

function locked<T>(name: string, mode: LockMode, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks === undefined ? work() : locks.request(`convlet file ${name}`, { mode }, work);
}

// IndexedDB: a database "convlet" with one store of bytes by name; one transaction a write. No Blobs: in a private window of Chromium the row of a
// tab that was closed in the middle of its write may be committed and its Blob lost for good (2 of 20 closed tabs; of bytes 0 of 20).

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  if (typeof indexedDB === "undefined") throw new TypeError("there is no IndexedDB here");
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open("convlet", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("models");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction("models", mode, { durability: "strict" });
      const request = act(transaction.objectStore("models"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

async function writeRow(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await inStore("readwrite", (store) => store.put(bytes, name));
}

function offerDownload(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  if (typeof document === "undefined") throw new TypeError("only a page can offer a download, no worker");
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  // Safari starts the download some time after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function storageError(where: string, size: number, cause: unknown): Error {
  const { name, message } = cause as DOMException;
  if (name === "QuotaExceededError") return new Error(`${where}: the browser's storage for this site is full; ${size} bytes are needed`, { cause });
  // Of a full OPFS Chromium may say only that a pipe broke.
  const guess = message.includes("data pipe") ? " (the browser's storage for this site may be full)" : "";
  return new Error(`${where}: ${message}${guess}`, { cause });
}
