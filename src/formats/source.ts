/** Where a model's file comes from: a file of Node, an address, or bytes. */
import { nodeModule } from "../nodeModule.ts";

export type ModelSource = string | URL | ArrayBuffer | Uint8Array;

/** A file that is read piece by piece, straight to where the pieces are wanted. */
export interface Source {
  /** For errors. */
  readonly where: string;
  readonly length: number;
  /** Fills `into` with the bytes from `at` on. */
  read(at: number, into: Uint8Array): Promise<void>;
  close(): void;
}

/** Whether Node reads it from its disk. */
export function isFile(source: string | URL): boolean {
  if (typeof process !== "object" || process.versions?.node === undefined) return false;
  return source instanceof URL ? source.protocol === "file:" : !/^(https?|data|blob):/.test(source);
}

export function bytesSource(bytes: Uint8Array, where: string): Source {
  return {
    where,
    length: bytes.length,
    async read(at, into) {
      into.set(bytes.subarray(at, at + into.length));
    },
    close() {},
  };
}

/** A file of Node. */
export async function openFile(path: string | URL): Promise<Source> {
  const fs = await nodeModule("node:fs");
  const file = fs.openSync(path, "r");
  const status = fs.fstatSync(file);
  // A pipe or a device has neither a length nor places.
  if (!status.isFile()) {
    try {
      return bytesSource(fs.readFileSync(file), String(path));
    } finally {
      fs.closeSync(file);
    }
  }
  const readSome = (at: number, into: Uint8Array) =>
    new Promise<number>((resolve, reject) => {
      fs.read(file, into, 0, into.length, at, (reason, count) => (reason ? reject(reason) : resolve(count)));
    });
  return {
    where: String(path),
    length: status.size,
    async read(at, into) {
      for (let done = 0; done < into.length; ) {
        const count = await readSome(at + done, into.subarray(done));
        if (count === 0) throw new Error(`load: ${path} became shorter while it was read`);
        done += count;
      }
    },
    close: () => fs.closeSync(file),
  };
}
