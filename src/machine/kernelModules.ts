/** Compiled kernels: those that come with the library, or from a file, bytes or a module of the user's. */
import { fetched } from "../fetched.ts";
import { builtinModule } from "../nodeModule.ts";
import { shown } from "../options.ts";
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
  override get name(): string {
    return "KernelSourceError";
  }
}

/** (module (func (result v128) … f32x4.relaxed_madd)) */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11,
]);

let hasRelaxed: boolean | undefined;

/** Whether the engine has relaxed SIMD. Every run asks; the engine is asked once, and takes 0.75 µs to answer. */
export function supportsRelaxed(): boolean {
  hasRelaxed ??= typeof WebAssembly === "object" && WebAssembly.validate(RELAXED_PROBE);
  return hasRelaxed;
}

/** The kernels that come with the library. `version` is what their files have in the section "convlet". */
interface PackedKernels {
  readonly packed: string;
  readonly version: string;
}

interface Wanted {
  readonly numerics: Numerics;
  readonly version: string;
}

type Wasm = Uint8Array<ArrayBuffer>;

/** Modules on their way, and made, each once per page or process. */
interface KernelCompiler {
  ofLibrary(kernels: PackedKernels, numerics: Numerics): Promise<WebAssembly.Module>;
  /**
   * The kernels of a user's source. KernelSourceError where it is not to be had or none; what WebAssembly says where the page's policy forbids it.
   * TypeError, at once, for what is no source.
   */
  ofSource(source: KernelSource, wanted: Wanted): Promise<WebAssembly.Module>;
}

/** `change` makes other kernels of those that come with the library, before they are compiled; a module cannot be changed. */
export function kernelCompiler(change?: (wasm: Wasm) => Wasm): KernelCompiler {
  const ofNames = new Map<string, Promise<WebAssembly.Module>>();
  const ofObjects = new WeakMap<object, Promise<WebAssembly.Module>>();
  const changed = (wasm: Wasm) => change?.(wasm) ?? wasm;

  const compiled = async (source: KernelSource, wanted: Wanted): Promise<WebAssembly.Module> => {
    let where = `wasm.${wanted.numerics}`;
    if (source instanceof WebAssembly.Module) return checked(source, wanted, where);
    let bytes: Wasm;
    if (source instanceof URL || typeof source === "string") {
      where += `: ${source}`;
      const response = await fetched(source, where, KernelSourceError);
      const isStreamed = change === undefined && /^application\/wasm$/i.test(response.headers.get("content-type") ?? "");
      if (isStreamed) return checked(await WebAssembly.compileStreaming(response), wanted, where);
      bytes = new Uint8Array(await response.arrayBuffer());
    } else bytes = new Uint8Array(source);
    if (String.fromCharCode(...bytes.subarray(0, 4)) !== "\0asm") {
      const what = bytes[0] === "<".charCodeAt(0) ? "an HTML or XML page: was the address wrong?" : `no WebAssembly (${bytes.length} bytes)`;
      throw new KernelSourceError(`${where} is ${what}; needs the library's kernels`);
    }
    return checked(await WebAssembly.compile(changed(bytes)), wanted, where);
  };

  return {
    ofLibrary({ packed, version }, numerics) {
      return kept(ofNames, `${version} ${numerics}`, async () => {
        const beside = kernelsBeside(version, numerics);
        // Node may be kept waiting for the millisecond that this takes; a page may not.
        if (beside !== undefined) return new WebAssembly.Module(changed(beside));
        // At once: a page that makes models until the engine refuses them has its kernels all the same.
        const scratch = unpackingMemory();
        const both = await kept(unpacked, version, () => inflate(packed));
        return WebAssembly.compile(changed(unpackKernels(both, numerics, scratch)));
      });
    },
    ofSource(source, wanted) {
      const compile = () => compiled(source, wanted);
      if (source instanceof URL || typeof source === "string") return kept(ofNames, String(source), compile);
      if (source instanceof ArrayBuffer || source instanceof Uint8Array || source instanceof WebAssembly.Module)
        return kept<object, WebAssembly.Module>(ofObjects, source, compile);
      throw new TypeError(`wasm.${wanted.numerics}: got ${shown(source)}, needs an address, the file's bytes or a WebAssembly.Module`);
    },
  };
}

const unpacked = new Map<string, Promise<Uint8Array>>();

interface Cache<K, T> {
  get(key: K): Promise<T> | undefined;
  set(key: K, value: Promise<T>): unknown;
  delete(key: K): unknown;
}

/** What failed is tried again the next time. */
function kept<K, T>(cache: Cache<K, T>, key: K, make: () => Promise<T>): Promise<T> {
  let promise = cache.get(key);
  if (promise === undefined) {
    promise = make();
    cache.set(key, promise);
    promise.catch(() => cache.delete(key));
  }
  return promise;
}

function checked(module: WebAssembly.Module, { version }: Wanted, where: string): WebAssembly.Module {
  const [section] = WebAssembly.Module.customSections(module, "convlet");
  const found = section && new TextDecoder().decode(section);
  if (found === version) return module;
  const what = found === undefined ? "a WebAssembly module that is none of convlet's kernels" : `of another build (${found})`;
  throw new KernelSourceError(`${where} is ${what}; needs the file that came with this library (${version})`);
}

/**
 * The file of these kernels, in Node, where it lies beside this one as in the package. To unpack the text instead takes 6 ms, most of it to load zlib.
 * Undefined where there is no such file, or one of another build.
 */
function kernelsBeside(version: string, numerics: Numerics): Wasm | undefined {
  const fs = builtinModule("node:fs");
  // In two steps: a bundler that sees import.meta.url inside new URL(…) copies the file.
  const here: string | undefined = import.meta.url;
  if (fs === undefined || !here?.startsWith("file:")) return undefined;
  try {
    const bytes = new Uint8Array(fs.readFileSync(new URL(`${version.replace(/[^-]*$/, numerics)}.wasm`, here)));
    return new TextDecoder().decode(bytes.subarray(-version.length)) === version ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/**
 * In Node zlib is there at once, streams take 20 ms to load. In Chromium a Blob as the source takes 3 ms longer than a writer, and a Response at the end
 * 1.5 ms longer than a reader: each waits for other tasks of the page.
 */
async function inflate(base64: string): Promise<Uint8Array> {
  const zlib = builtinModule("node:zlib");
  if (zlib !== undefined) return zlib.inflateRawSync(Buffer.from(base64, "base64"));
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  // What goes wrong is told by the reading side.
  writer.write(bytesOf(base64)).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader();
  let bytes = new Uint8Array();
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return bytes;
    const longer = new Uint8Array(bytes.length + value.length);
    longer.set(bytes);
    longer.set(value, bytes.length);
    bytes = longer;
  }
}

/** Newer engines have it built in; a callback for each character would take 10 ms the first time, the loop takes 2. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as { fromBase64?(text: string): Uint8Array<ArrayBuffer> };
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
