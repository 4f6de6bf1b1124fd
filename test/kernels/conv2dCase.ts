/** Sets up the records of one convolution for the tests: shapes, halos, scratch, seeded operands. */
import {
  Activation,
  Algorithm,
  type KernelName,
  MATMUL_SCRATCH,
  Panels,
  type Records,
  type RunHeader,
  WEIGHT_GRAD_COLUMN_SCRATCH,
  WEIGHT_GRAD_SCRATCH,
  Write,
} from "../../build/records.ts";
import { recordBytes, writeInstruction, writeRunHeader } from "../../src/machine/records.ts";
import { compileKernels } from "../../src/machine/wasm.ts";
import { roundUp, winogradGradientScratch, winogradPanels, winogradScratch } from "../../src/ops/winograd.ts";
import { type MachineName, TestMemory, type TestTensor, type Values } from "../support/kernels.ts";

export interface Geometry {
  batch: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  window: [number, number];
  stride?: [number, number];
  dilation?: [number, number];
  /** top, bottom, left, right */
  pad?: [number, number, number, number];
  groups?: number;
  algorithm?: number;
  /** Tensors are channel slices of wider pixels. */
  sliced?: boolean;
  /** Room for more samples than the batch. */
  capacity?: number;
}
export type Fields<K extends KernelName> = Parameters<typeof TestMemory.prototype.run<K>>[1];

/** A tensor whose halo and neighbour channels hold this keeps it: kernels write pixels of their own channels only. */
export const UNTOUCHED = 777;

export function outSize(geometry: Geometry, axis: 0 | 1): number {
  const { start, end, size } = axisOf(geometry, axis);
  const reach = (geometry.window[axis] - 1) * (geometry.dilation?.[axis] ?? 1) + 1;
  return Math.floor((size + start + end - reach) / (geometry.stride?.[axis] ?? 1)) + 1;
}

/** Zeros that the taps of conv2dOutput and conv2dWeightGrad meet around the input: top, bottom, left, right. */
export function inputHalo(geometry: Geometry): [number, number, number, number] {
  const [top, bottom] = inputHaloOf(geometry, 0);
  return [top, bottom, ...inputHaloOf(geometry, 1)];
}

function inputHaloOf(geometry: Geometry, axis: 0 | 1): [number, number] {
  const { start, size } = axisOf(geometry, axis);
  const lastTap =
    (outSize(geometry, axis) - 1) * (geometry.stride?.[axis] ?? 1) - start + (geometry.window[axis] - 1) * (geometry.dilation?.[axis] ?? 1);
  return [Math.max(0, start), Math.max(0, lastTap - (size - 1))];
}

/** Zeros that the taps of conv2dInputGrad meet around outputGrad. A depthwise convolution needs the same. */
export function outputGradHalo(geometry: Geometry): [number, number, number, number] {
  const [top, bottom] = outputGradHaloOf(geometry, 0);
  return [top, bottom, ...outputGradHaloOf(geometry, 1)];
}

function outputGradHaloOf(geometry: Geometry, axis: 0 | 1): [number, number] {
  const { start, size } = axisOf(geometry, axis);
  const stride = geometry.stride?.[axis] ?? 1;
  const before = Math.floor(((geometry.window[axis] - 1) * (geometry.dilation?.[axis] ?? 1) - start) / stride);
  const after = Math.floor((size - 1 + start) / stride) - (outSize(geometry, axis) - 1);
  return [Math.max(0, before), Math.max(0, after)];
}

function axisOf({ pad = [0, 0, 0, 0], height, width }: Geometry, axis: 0 | 1) {
  return axis === 0 ? { start: pad[0], end: pad[1], size: height } : { start: pad[2], end: pad[3], size: width };
}

/** Bytes of scratch that each thread needs. */
export function scratchBytes(kernel: KernelName, { inChannels, outChannels, algorithm, groups = 1 }: Geometry): number {
  if (kernel === "packWeights") return 0;
  const isWinograd = algorithm === Algorithm.winograd;
  if (isWinograd && kernel === "conv2dOutput") return winogradScratch(inChannels, outChannels);
  if (isWinograd && kernel === "conv2dInputGrad") return winogradScratch(outChannels, inChannels);
  if (isWinograd) return winogradGradientScratch(inChannels, outChannels);
  if (kernel !== "conv2dWeightGrad") return MATMUL_SCRATCH;
  return WEIGHT_GRAD_SCRATCH + WEIGHT_GRAD_COLUMN_SCRATCH * Math.min(128, Math.ceil(outChannels / groups / 8) * 8);
}

export class ConvCase {
  readonly memory: TestMemory;
  readonly rows: number;
  private readonly panelCells: (columns: number, depth: number) => number;

  constructor(
    readonly machine: MachineName,
    readonly geometry: Geometry,
    seed = 1,
  ) {
    this.memory = new TestMemory(machine, seed);
    const { window, inChannels, groups = 1 } = geometry;
    this.rows = (window[0] * window[1] * inChannels) / groups;
    this.panelCells = (columns, depth) => groups * Math.ceil(columns / groups / 8) * 8 * window[0] * window[1] * (depth / groups);
  }

  input(values: Values = "random", halo = inputHalo(this.geometry)): TestTensor {
    const { height, width, inChannels } = this.geometry;
    return this.tensor([height, width, inChannels], values, halo);
  }

  output(values: Values = "random", halo: [number, number, number, number] = [0, 0, 0, 0]): TestTensor {
    const { outChannels } = this.geometry;
    return this.tensor([outSize(this.geometry, 0), outSize(this.geometry, 1), outChannels], values, halo);
  }

  weight(values: Values = "random") {
    return this.memory.array(this.rows * this.geometry.outChannels, values);
  }

  window() {
    const { window, stride = [1, 1], dilation = [1, 1], pad = [0, 0, 0, 0], groups = 1, algorithm = Algorithm.matmul } = this.geometry;
    const [windowHeight, windowWidth] = window;
    const [[strideY, strideX], [dilationY, dilationX], [padTop, , padLeft]] = [stride, dilation, pad];
    return { windowHeight, windowWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, groups, algorithm };
  }

  async panels(weight: { address: number; count: number }, layout: number) {
    const { inChannels, outChannels, groups = 1, window } = this.geometry;
    const isOutput = layout === Panels.output || layout === Panels.winogradOutput;
    const [columns, depth] = isOutput ? [outChannels, inChannels] : [inChannels, outChannels];
    const isWinograd = layout === Panels.winogradOutput || layout === Panels.winogradInputGrad;
    const count = isWinograd ? winogradPanels(roundUp(columns, 8) * depth) : this.panelCells(columns, depth);
    const panels = this.memory.array(count, "nan");
    const [windowHeight, windowWidth] = window;
    await this.memory.run("packWeights", { weight, panels, windowHeight, windowWidth, inChannels, outChannels, groups, layout });
    return panels;
  }

  /** The packed weights that the geometry's algorithm reads. */
  async panelsFor(kernel: "conv2dOutput" | "conv2dInputGrad", weight: { address: number; count: number }) {
    const { algorithm } = this.geometry;
    if (algorithm === Algorithm.depthwise || algorithm === Algorithm.unpacked) return null;
    const isWinograd = algorithm === Algorithm.winograd;
    if (kernel === "conv2dOutput") return await this.panels(weight, isWinograd ? Panels.winogradOutput : Panels.output);
    return await this.panels(weight, isWinograd ? Panels.winogradInputGrad : Panels.inputGrad);
  }

  run<K extends KernelName>(kernel: K, fields: Fields<K>, header: Partial<RunHeader> = {}): Promise<void> {
    return this.memory.run(kernel, fields, { batch: this.geometry.batch, ...header }, scratchBytes(kernel, this.geometry));
  }

  /** Runs the record as `threads` threads would, one after the other, their scratch full of NaN. */
  async runInThreads<K extends KernelName>(kernel: K, fields: Fields<K>, threads: number): Promise<void> {
    const bytes = scratchBytes(kernel, this.geometry);
    const scratch = this.memory.bytes(threads * bytes).address;
    const at = this.memory.bytes(recordBytes(kernel)).address;
    const entries = Object.entries(fields as Record<string, { address: number } | number | null>);
    const resolved = Object.fromEntries(entries.map(([name, field]) => [name, typeof field === "number" ? field : (field?.address ?? 0)]));
    const { memory } = this.memory;
    new Uint8Array(memory.buffer, scratch, threads * bytes).fill(255);
    writeInstruction(memory.buffer, at, { kernel, cost: 0, scratch, scratchBytes: bytes, fields: resolved as { [F in keyof Records[K]]: number } });
    writeRunHeader(memory.buffer, { batch: this.geometry.batch, accumulate: 0, abort: 0 });
    const { exports } = await WebAssembly.instantiate(await compileKernels("strict"), { env: { memory } });
    (exports.writeConstants as () => void)();
    // Thread 0 waits for the others at the end, so it comes last.
    for (let thread = threads - 1; thread >= 0; thread--) (exports.execute as (...words: number[]) => number)(at, 1, thread, threads);
  }

  /** The halo and the neighbour channels of a tensor are as they were filled. */
  surroundings({ descriptor, batch }: TestTensor): boolean {
    const { base, pixelStride, rowStride, imageStride, haloTop, haloLeft } = descriptor;
    const { buffer } = this.memory.memory;
    const floats = this.memory.elementBytes === 8 ? new Float64Array(buffer) : new Float32Array(buffer);
    const at = base / this.memory.elementBytes - haloTop * rowStride - haloLeft * pixelStride - (this.geometry.sliced ? SLICE.at : 0);
    const inside = new Set<number>();
    for (let image = 0; image < batch; image++)
      for (let y = 0; y < descriptor.height; y++)
        for (let x = 0; x < descriptor.width; x++)
          for (let channel = 0; channel < descriptor.channels; channel++)
            inside.add(base / this.memory.elementBytes + image * imageStride + y * rowStride + x * pixelStride + channel);
    return floats.subarray(at, at + batch * imageStride).every((value, index) => inside.has(at + index) || value === UNTOUCHED);
  }

  private tensor(shape: [number, number, number], values: Values, halo: [number, number, number, number]): TestTensor {
    const slice = this.geometry.sliced ? { of: shape[2] + SLICE.at + 2, at: SLICE.at } : undefined;
    const haloValue = values === "nan" ? UNTOUCHED : 0;
    return this.memory.tensor([this.geometry.capacity ?? this.geometry.batch, ...shape], { values, halo, slice, haloValue });
  }
}

const SLICE = { at: 3 };

export interface OutputOptions {
  activation?: number;
  alpha?: number;
  bias?: boolean;
  residual?: boolean;
}

/** conv2dOutput on seeded operands. */
export async function output(machine: MachineName, geometry: Geometry, options: OutputOptions = {}) {
  const conv = new ConvCase(machine, geometry);
  const input = conv.input();
  const weight = conv.weight();
  const bias = (options.bias ?? true) ? conv.memory.array(geometry.outChannels) : null;
  const residual = options.residual ? conv.output() : null;
  const { activation = Activation.linear, alpha = 0 } = options;
  const result = conv.output("nan", [1, 0, 2, 1]);
  const panels = await conv.panelsFor("conv2dOutput", weight);
  await conv.run("conv2dOutput", { input, output: result, residual, weight, panels, bias, ...conv.window(), activation, alpha });
  return { conv, input, weight, bias, residual, result, values: conv.memory.read(result) };
}

/** conv2dInputGrad on seeded operands; with Write.add on a seeded inputGrad. */
export async function inputGrad(machine: MachineName, geometry: Geometry, write: number = Write.overwrite) {
  const conv = new ConvCase(machine, geometry);
  const outputGrad = conv.output("random", outputGradHalo(geometry));
  const weight = conv.weight();
  const result = conv.input(write === Write.add ? "random" : "nan", [0, 1, 1, 2]);
  const panels = await conv.panelsFor("conv2dInputGrad", weight);
  await conv.run("conv2dInputGrad", { outputGrad, inputGrad: result, weight, panels, ...conv.window(), write });
  return { conv, outputGrad, weight, result, values: conv.memory.read(result) };
}

/** conv2dWeightGrad on seeded operands: the weight gradient, then the bias gradient. */
export async function weightGrad(machine: MachineName, geometry: Geometry, accumulate: 0 | 1 = 0, write: number = Write.overwrite) {
  const conv = new ConvCase(machine, geometry);
  const input = conv.input();
  const outputGrad = conv.output();
  const before = accumulate === 1 || write === Write.add ? "random" : "nan";
  const result = conv.weight(before);
  const biasGrad = conv.memory.array(geometry.outChannels, before);
  await conv.run("conv2dWeightGrad", { input, outputGrad, weightGrad: result, biasGrad, ...conv.window(), write }, { accumulate });
  return { conv, input, outputGrad, result, biasGrad, values: conv.memory.read(result), biasValues: conv.memory.read(biasGrad) };
}
