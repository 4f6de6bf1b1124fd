/** Runs single records on any machine, on hostile data: NaN-filled outputs, guard words around every array, seeded inputs. */
import { expect } from "vitest";
import { FIRST_FREE, type KernelName, type Records, type RunHeader, type Tensor } from "../../build/records.ts";
import { plainKernels } from "../../src/machine/plain/index.ts";
import { machineOf } from "../../src/machine/plain/machine.ts";
import { type Instruction, recordBytes, TENSOR_BYTES, writeInstruction, writeRunHeader, writeTensor } from "../../src/machine/records.ts";
import { supportsRelaxed, wasmMachine } from "../../src/machine/wasm.ts";

export type MachineName = "strict" | "relaxed" | "plain" | "plain64";

/** The machines that this engine can run. */
export const machineNames: MachineName[] = ["strict", ...(supportsRelaxed() ? (["relaxed"] as const) : []), "plain", "plain64"];

const GUARD = 12345.678;
const GUARD_WORDS = 16;

export type Values = "random" | "positive" | "nan" | ArrayLike<number>;
export interface TensorOptions {
  /** top, bottom, left, right; filled with zeros (a halo that the op relies on) or NaN (one it must not read). */
  halo?: [number, number, number, number];
  haloValue?: number;
  values?: Values;
  /** The tensor is channels [at, at + channels) of pixels that are `of` channels wide. */
  slice?: { of: number; at: number };
}
export interface TestTensor {
  readonly address: number;
  readonly descriptor: Tensor;
  readonly batch: number;
}
export interface TestArray {
  readonly address: number;
  readonly count: number;
}

/** Deterministic values in (-1, 1), the same on every machine for the same sequence of calls. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 8388608 - 1);
  };
}

export class TestMemory {
  readonly elementBytes: 4 | 8;
  readonly memory = new WebAssembly.Memory({ initial: 8, maximum: 65536 });
  private next = FIRST_FREE;
  private readonly guards: number[] = [];
  private readonly random: () => number;

  constructor(
    readonly machineName: MachineName,
    seed = 1,
  ) {
    this.elementBytes = machineName === "plain64" ? 8 : 4;
    this.random = seededRandom(seed);
  }

  /** An activation [batch, height, width, channels]. */
  tensor([batch, height, width, channels]: [number, number, number, number], options: TensorOptions = {}): TestTensor {
    const [haloTop, haloBottom, haloLeft, haloRight] = options.halo ?? [0, 0, 0, 0];
    const pixelStride = options.slice?.of ?? channels;
    const rowStride = (haloLeft + width + haloRight) * pixelStride;
    const imageStride = (haloTop + height + haloBottom) * rowStride;
    const storage = this.array(batch * imageStride, new Array(batch * imageStride).fill(options.haloValue ?? 0));
    const offset = haloTop * rowStride + haloLeft * pixelStride + (options.slice?.at ?? 0);
    const base = storage.address + offset * this.elementBytes;
    const descriptor = { base, height, width, channels, pixelStride, rowStride, imageStride, haloTop, haloBottom, haloLeft, haloRight };
    const address = this.allocate(TENSOR_BYTES);
    writeTensor(this.memory.buffer, address, descriptor);
    const tensor = { address, descriptor, batch };
    this.write(tensor, this.values(options.values ?? "random", batch * height * width * channels));
    return tensor;
  }

  /** An f32 array (f64 on plain64) between guard words. */
  array(count: number, values: Values = "random"): TestArray {
    this.guard();
    const address = this.allocate(count * this.elementBytes);
    const numbers = this.values(values, count);
    this.floats().set(numbers, address / this.elementBytes);
    this.guard();
    return { address, count };
  }

  bytes(count: number): TestArray {
    this.guard();
    const address = this.allocate(count);
    this.guard();
    return { address, count };
  }

  /** Runs one record. Fields: tensors and arrays by handle, null = absent. */
  async run<K extends KernelName>(
    kernel: K,
    fields: { [F in keyof Records[K]]: TestTensor | TestArray | number | null },
    header: Partial<RunHeader> = {},
    scratchBytes = 0,
  ): Promise<void> {
    const scratch = scratchBytes > 0 ? this.bytes(scratchBytes).address : 0;
    const resolved = Object.fromEntries(
      Object.entries(fields as Record<string, TestTensor | TestArray | number | null>).map(([name, field]) => [
        name,
        field === null ? 0 : typeof field === "number" ? field : field.address,
      ]),
    );
    const at = this.allocate(recordBytes(kernel));
    writeInstruction(this.memory.buffer, at, { kernel, cost: 0, scratch, scratchBytes, fields: resolved } as Instruction);
    const tensors = Object.values(fields as Record<string, unknown>).filter((f): f is TestTensor => (f as TestTensor)?.batch !== undefined);
    const defaults = { batch: tensors[0]?.batch ?? 1, seed: 7, step: 3, accumulate: 0, lossScale: 1, gradientScale: 1 };
    writeRunHeader(this.memory.buffer, { ...defaults, regularizationScale: 1, learningRate: 0.1, correctedRate: 0.1, abort: 0, ...header });
    const machine =
      this.machineName === "strict" || this.machineName === "relaxed"
        ? await wasmMachine(this.memory, this.machineName)
        : machineOf(plainKernels, this.memory, this.elementBytes);
    expect(machine.execute(at, 1)).toBe(1);
    this.checkGuards();
  }

  /** The logical elements, halo left out. */
  read(handle: TestTensor | TestArray): Float64Array {
    if (!("descriptor" in handle))
      return Float64Array.from(this.floats().subarray(handle.address / this.elementBytes, handle.address / this.elementBytes + handle.count));
    const values: number[] = [];
    this.eachElement(handle, (index) => values.push(this.floats()[index]));
    return Float64Array.from(values);
  }

  /** Sets the logical elements. */
  write(tensor: TestTensor, values: ArrayLike<number>): void {
    let next = 0;
    this.eachElement(tensor, (index) => {
      this.floats()[index] = values[next++];
    });
  }

  private eachElement({ descriptor: d, batch }: TestTensor, visit: (index: number) => void): void {
    for (let image = 0; image < batch; image++)
      for (let y = 0; y < d.height; y++)
        for (let x = 0; x < d.width; x++)
          for (let channel = 0; channel < d.channels; channel++)
            visit(d.base / this.elementBytes + image * d.imageStride + y * d.rowStride + x * d.pixelStride + channel);
  }

  private values(values: Values, count: number): ArrayLike<number> {
    if (values === "nan") return new Array(count).fill(Number.NaN);
    if (values === "random") return Array.from({ length: count }, this.random);
    if (values === "positive") return Array.from({ length: count }, () => Math.abs(this.random()) + 0.01);
    return values;
  }

  private floats(): Float32Array | Float64Array {
    return this.elementBytes === 8 ? new Float64Array(this.memory.buffer) : new Float32Array(this.memory.buffer);
  }

  private allocate(bytes: number): number {
    const at = this.next;
    this.next = (at + bytes + 15) & ~15;
    while (this.next > this.memory.buffer.byteLength) this.memory.grow(16);
    return at;
  }

  private guard(): void {
    const at = this.allocate(GUARD_WORDS * 8);
    new Float64Array(this.memory.buffer, at, GUARD_WORDS).fill(GUARD);
    this.guards.push(at);
  }

  private checkGuards(): void {
    for (const at of this.guards) {
      const intact = new Float64Array(this.memory.buffer, at, GUARD_WORDS).every((value) => value === GUARD);
      if (!intact) throw new Error(`guard words at address ${at} were overwritten`);
    }
  }
}

/** Largest |actual − expected| relative to the largest |expected|; NaN and infinities must match exactly. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, label = ""): void {
  expect(actual.length, label).toBe(expected.length);
  let scale = 0;
  for (let i = 0; i < expected.length; i++) if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(actual[i], expected[i]) || Math.abs(actual[i] - expected[i]) <= tolerance * scale;
    if (!same) throw new Error(`${label} element ${i}: got ${actual[i]}, expected ${expected[i]} (tolerance ${tolerance} × ${scale})`);
  }
}

/** float32 sums against other float32 sums in another order; fused or not. */
export const F32_SUM = 3e-6;
/** Values that no rounding touches. */
export const EXACT = 0;
/** Polynomials of kernels against Math functions. */
export const F32_FUNCTION = 2e-6;
