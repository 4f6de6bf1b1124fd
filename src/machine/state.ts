/** One memory per model: parameters, and in a compiled model gradients and optimizer slots, at addresses laid out from the graph alone. */
import { FIRST_FREE } from "../../build/records.ts";
import type { Graph, Parameter } from "../graph.ts";
import { sizeOf } from "../shape.ts";

export const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
/** A cache line, in bytes. Kernels may read up to one past a row, and write none. */
export const ALIGNMENT = 64;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/**
 * Byte offsets of every parameter's arrays behind FIRST_FREE. Values come first, so that a new optimizer moves none. `roles`: what learned ones
 * have besides.
 */
class StateLayout {
  readonly bytes: number;
  private readonly offsets = new Map<string, number>();

  constructor(
    readonly graph: Graph,
    readonly roles: readonly string[],
    readonly elementBytes: 4 | 8,
  ) {
    let end = 0;
    const add = (parameter: Parameter, role: string) => {
      this.offsets.set(`${parameter.name}:${role}`, end);
      end += align(sizeOf(parameter.shape) * elementBytes);
    };
    for (const parameter of graph.parameters) add(parameter, "value");
    for (const role of roles) for (const parameter of graph.parameters) if (parameter.learned) add(parameter, role);
    this.bytes = end + ALIGNMENT;
  }

  offset({ parameter, role }: { parameter: Parameter; role: string }): number {
    const offset = this.offsets.get(`${parameter.name}:${role}`);
    if (offset === undefined) throw new Error(`internal: the state has no ${role} of ${parameter.name}`);
    return offset;
  }
}

export class State {
  memory: WebAssembly.Memory;
  layout: StateLayout;
  /** Grows with every change of a parameter: tells a program that what it prepared is stale. */
  version = 1;

  constructor(graph: Graph, elementBytes: 4 | 8, memory: "shared" | "unshared" = "unshared") {
    this.layout = new StateLayout(graph, [], elementBytes);
    this.memory = memory === "shared" ? newSharedMemory(this.end) : newMemory(this.end);
  }

  get FloatArray(): Float32ArrayConstructor | Float64ArrayConstructor {
    return this.layout.elementBytes === 8 ? Float64Array : Float32Array;
  }

  /** First byte behind the parameters' arrays. */
  get end(): number {
    return FIRST_FREE + this.layout.bytes;
  }

  /** Makes room for gradients and optimizer slots, all zero. Values stay where they are. */
  useSlots(slots: readonly string[]): void {
    const roles = ["gradient", ...slots];
    const layout = new StateLayout(this.layout.graph, roles, this.layout.elementBytes);
    const used = this.memory.buffer.byteLength;
    this.reserve(FIRST_FREE + layout.bytes);
    this.layout = layout;
    for (const parameter of layout.graph.parameters) {
      for (const role of parameter.learned ? roles : []) {
        const array = this.view(parameter, role);
        // What has just been added to the memory is zero, and takes none of the machine's until it is written.
        if (array.byteOffset < used) array.fill(0);
      }
    }
  }

  /** Grows the memory to at least `end` bytes, or throws a RangeError that names the size, with nothing changed. */
  reserve(end: number): void {
    reserve(this.memory, end);
  }

  /** Lets go of the memory, whoever still holds the model. No other call may follow. */
  dispose(): void {
    this.memory = undefined as unknown as WebAssembly.Memory;
  }

  /** A parameter's array. Valid until the memory grows: use it at once. */
  view(parameter: Parameter, role: string): Float32Array | Float64Array {
    return new this.FloatArray(this.memory.buffer, FIRST_FREE + this.layout.offset({ parameter, role }), sizeOf(parameter.shape));
  }

  /** The same as bytes. */
  bytes(parameter: Parameter, role: string): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.view(parameter, role);
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
}

function ownMemory(initial: number): WebAssembly.Memory {
  return typeof WebAssembly === "object"
    ? new WebAssembly.Memory({ initial, maximum: MAX_PAGES })
    : (new PlainMemory(initial) as unknown as WebAssembly.Memory);
}

/** What the plain-JS machine needs of a memory, where there is no WebAssembly at all: Safari's lockdown mode. */
class PlainMemory {
  buffer: ArrayBuffer;

  constructor(pages: number) {
    this.buffer = new ArrayBuffer(pages * PAGE_BYTES);
  }

  grow(pages: number): void {
    const grown = new Uint8Array(this.buffer.byteLength + pages * PAGE_BYTES);
    grown.set(new Uint8Array(this.buffer));
    this.buffer = grown.buffer;
  }
}

/** A memory of at least `end` bytes. RangeError, with the size, where the engine has none. */
export function newMemory(end: number): WebAssembly.Memory {
  return allocate(() => ownMemory(pages(end)), end);
}

/** The same for several threads. */
function newSharedMemory(end: number): WebAssembly.Memory {
  return allocate(() => sharedMemory(pages(end)), end);
}

/** Grows a memory to at least `end` bytes, or throws a RangeError that names the size, with nothing changed. */
export function reserve(memory: WebAssembly.Memory, end: number): void {
  checkFits(end);
  const missing = pages(end) - memory.buffer.byteLength / PAGE_BYTES;
  if (missing > 0) allocate(() => memory.grow(missing), end);
}

/** A shared memory keeps room for all it may ever be; an engine with little address space gives it less. */
function sharedMemory(initial: number): WebAssembly.Memory {
  for (let maximum = MAX_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum: Math.max(initial, maximum), shared: true });
    } catch (reason) {
      if (maximum <= initial) throw reason;
    }
  }
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

/** 1.5 kB, 49 kB, 1.5 MB, 49 MB. */
export function memoryText(bytes: number): string {
  const [unit, size] = bytes < 2 ** 20 ? ["kB", 2 ** 10] : ["MB", 2 ** 20];
  return `${(bytes / size).toFixed(bytes < 10 * size ? 1 : 0)} ${unit}`;
}

function checkFits(bytes: number): void {
  if (pages(bytes) <= MAX_PAGES) return;
  throw new RangeError(`memory: the model needs ${memoryText(bytes)}, a WebAssembly memory ends at 4096 MB; use a smaller batch or model`);
}

function allocate<T>(attempt: () => T, bytes: number): T {
  checkFits(bytes);
  try {
    return attempt();
  } catch (cause) {
    // V8 reserves 8 GB of addresses for each memory and has 1 TB of them.
    const advice = "dispose of models that are not used (a page can hold about 100), or use a smaller batch or model";
    throw new RangeError(`memory: the engine refused ${memoryText(bytes)} for the model; ${advice}`, { cause });
  }
}
