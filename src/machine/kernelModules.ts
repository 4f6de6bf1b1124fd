/** Compiled kernels: those that come with the library, or from a file, bytes or a module of the user's. */
import { builtinModule } from "../nodeModule.ts";
import { unpackingMemory, unpackKernels } from "./unpackKernels.ts";

export type Numerics = "strict" | "relaxed";

/** The address of a kernel file (dist/strict.wasm, dist/relaxed.wasm), its bytes, or the module compiled from it. */
export type KernelSource = string | URL | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** Where kernels come from instead of the library itself. Without `relaxed` everything is strict. */
export interface KernelSources {
  readonly strict: KernelSource;
  readonly relaxed?: KernelSource;
}

/** Kernels that the user named are not to be had, or are none. The message says which and why. */
export class KernelSourceError extends Error {
  override readonly name = "KernelSourceError";
}

/** (module (func (result v128) … f32x4.relaxed_madd)): validates where the engine has relaxed SIMD. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11,
]);
const SIMD_PROBE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11]);

const supported = new Map<Numerics, boolean>();

export function supports(numerics: Numerics): boolean {
  let answer = supported.get(numerics);
  if (answer === undefined) {
    answer = typeof WebAssembly === "object" && WebAssembly.validate(numerics === "relaxed" ? RELAXED_PROBE : SIMD_PROBE);
    supported.set(numerics, answer);
  }
  return answer;
}

type Kind = "shared" | "unshared";

type Kept<T> = Map<string, Promise<T>>;

const unpacked: Kept<Uint8Array> = new Map();
/** By what they were made of: the packed text, the user's object, or the address. */
const ofPacked = new Map<string, Kept<WebAssembly.Module>>();
const ofObjects = new WeakMap<object, Kept<WebAssembly.Module>>();
const ofAddresses: Kept<WebAssembly.Module> = new Map();

/** The kernels packed into the library, compiled once per page or process; `version` is that of their file. */
export function packedModule(packed: string, version: string, numerics: Numerics, memory: Kind): Promise<WebAssembly.Module> {
  let known = ofPacked.get(packed);
  if (known === undefined) {
    known = new Map();
    ofPacked.set(packed, known);
  }
  return kept(known, `${numerics} ${memory}`, async () => {
    const beside = kernelsBeside(version, numerics);
    // Node may be kept waiting for the millisecond that this takes; a page may not.
    if (beside !== undefined) return new WebAssembly.Module(forMemory(beside, memory));
    // At once: a page that makes models until the engine refuses them has its kernels all the same.
    const scratch = unpackingMemory();
    const both = await kept(unpacked, packed, () => inflate(packed));
    return WebAssembly.compile(forMemory(unpackKernels(both, numerics, scratch), memory));
  });
}

/**
 * The kernels of a user's source, compiled once per address or object. `version` is what the file must have in its section "convlet".
 * KernelSourceError where it is not to be had or none; what WebAssembly says where the page's policy forbids it.
 */
export function sourceModule(source: KernelSource, { numerics, memory, version }: { numerics: Numerics; memory: Kind; version: string }) {
  const where = `wasm.${numerics}`;
  const compile = () => compiled(source, { where, memory, version });
  if (source instanceof URL || typeof source === "string") return kept(ofAddresses, `${memory} ${source}`, compile);
  if (!isBytes(source) && !(source instanceof WebAssembly.Module)) {
    throw new TypeError(`${where}: got ${source === null ? "null" : typeof source}, needs an address, the file's bytes or a WebAssembly.Module`);
  }
  let known = ofObjects.get(source);
  if (known === undefined) {
    known = new Map();
    ofObjects.set(source, known);
  }
  return kept(known, memory, compile);
}

/** What failed is tried again the next time. */
function kept<T>(cache: Kept<T>, key: string, make: () => Promise<T>): Promise<T> {
  let promise = cache.get(key);
  if (promise === undefined) {
    promise = make();
    cache.set(key, promise);
    promise.catch(() => cache.delete(key));
  }
  return promise;
}

interface Wanted {
  readonly where: string;
  readonly memory: Kind;
  readonly version: string;
}

async function compiled(source: KernelSource, wanted: Wanted): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) {
    if (wanted.memory === "shared") throw new KernelSourceError(`${wanted.where}: several threads need the file's address or bytes, not a module`);
    return checked(source, wanted);
  }
  if (isBytes(source)) return fromBytes(new Uint8Array(source), wanted);
  const response = await fetch(source).catch((cause) => {
    throw new KernelSourceError(`${wanted.where}: ${source} could not be fetched: ${cause.message}`, { cause });
  });
  if (!response.ok) throw new KernelSourceError(`${wanted.where}: ${source} answered ${response.status} ${response.statusText}`.trimEnd());
  // What the wrong type is served as, compileStreaming refuses; and it gives no byte to change.
  const isStreamed = wanted.memory === "unshared" && /^application\/wasm$/i.test(response.headers.get("content-type") ?? "");
  if (isStreamed) return checked(await WebAssembly.compileStreaming(response), wanted);
  const where = `${wanted.where}: ${source}`;
  return fromBytes(new Uint8Array(await response.arrayBuffer()), { ...wanted, where });
}

async function fromBytes(bytes: Uint8Array<ArrayBuffer>, wanted: Wanted): Promise<WebAssembly.Module> {
  if (ascii("\0asm").some((byte, index) => bytes[index] !== byte)) {
    const what = bytes[0] === "<".charCodeAt(0) ? "an HTML page: is the address right?" : `no WebAssembly (${bytes.length} bytes)`;
    throw new KernelSourceError(`${wanted.where} is ${what}; needs the library's kernels`);
  }
  return checked(await WebAssembly.compile(forMemory(bytes, wanted.memory)), wanted);
}

function checked(module: WebAssembly.Module, { where, version }: Wanted): WebAssembly.Module {
  const [section] = WebAssembly.Module.customSections(module, "convlet");
  const found = section && new TextDecoder().decode(section);
  if (found === version) return module;
  const what = found === undefined ? "a WebAssembly module that is none of convlet's kernels" : `of another build (${found})`;
  throw new KernelSourceError(`${where} is ${what}; needs the file that came with this library (${version})`);
}

function isBytes(source: unknown): source is ArrayBuffer | Uint8Array<ArrayBuffer> {
  return source instanceof ArrayBuffer || source instanceof Uint8Array;
}

/**
 * The file of these kernels, where it stands beside this one: in Node, in the package as it comes. What is packed takes 6 ms to unpack,
 * most of it to load zlib. Undefined where it is not to be had or of another build.
 */
function kernelsBeside(version: string, numerics: Numerics): Uint8Array<ArrayBuffer> | undefined {
  const fs = builtinModule("node:fs");
  // Not written as one expression: bundlers copy the file then that they find so.
  const here: string | undefined = import.meta.url;
  if (fs === undefined || !here?.startsWith("file:")) return undefined;
  const prefix = version.slice(0, version.lastIndexOf("-") + 1);
  try {
    const bytes = new Uint8Array(fs.readFileSync(new URL(`${prefix}${numerics}.wasm`, here)));
    const note = bytes.subarray(-version.length);
    return ascii(version).every((byte, index) => note[index] === byte) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Node's zlib is there at once; its streams take 20 ms to load. In Chromium a Blob's stream takes 3 ms more than a writer. */
async function inflate(base64: string): Promise<Uint8Array> {
  const zlib = builtinModule("node:zlib");
  if (zlib !== undefined) return zlib.inflateRawSync(Buffer.from(base64, "base64"));
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  // What goes wrong is told by the reading side.
  writer.write(bytesOf(base64)).catch(() => {});
  writer.close().catch(() => {});
  return new Uint8Array(await new Response(readable).arrayBuffer());
}

/** A callback for each character would take 10 ms the first time. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Limits of the kernels' memory import: with a maximum, and the same of a memory that threads share. */
const LIMITS = { unshared: 1, shared: 3 };

/** The kernels are made for an unshared memory; one byte makes their twin. */
function forMemory(wasm: Uint8Array<ArrayBuffer>, memory: Kind): Uint8Array<ArrayBuffer> {
  if (memory === "unshared") return wasm;
  const bytes = new Uint8Array(wasm);
  const name = [3, ...ascii("env"), 6, ...ascii("memory"), 2];
  for (let at = 8; at < bytes.length - name.length; at++) {
    if (name.some((byte, offset) => bytes[at + offset] !== byte)) continue;
    if (bytes[at + name.length] !== LIMITS.unshared) break;
    bytes[at + name.length] = LIMITS.shared;
    return bytes;
  }
  throw new Error("internal: the kernels import no unshared memory");
}

function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}
