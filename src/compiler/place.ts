/** Decides what shares memory: in-place steps, halos, lifetimes, offsets. */
import type { Tensor as Descriptor, KernelName } from "../../build/records.ts";
import { ALIGNMENT, align } from "../machine/state.ts";
import { type ArenaArray, type Field, hasHalo, operands, SECTIONS, type StateArray, type Step, type Storage, type Tensor } from "../ops/op.ts";
import type { ArrayPort, PlacedField, PlacedStep, Ports, Program } from "../program.ts";
import type { Extent } from "../shape.ts";
import { largerHalo } from "./lower.ts";

export interface PlaceOptions {
  readonly capacity: number;
  readonly elementBytes: 4 | 8;
  /** Most threads that a run will have. */
  readonly threads: number;
  /** Byte offset of a parameter's array in the State. */
  stateOffset(array: StateArray): number;
}

/** What the host is handed, before it has addresses. */
export interface SymbolicPorts {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly inputGradients: readonly Tensor[];
  readonly seed: Tensor | null;
  readonly target: ArenaArray | null;
  readonly sampleWeight: ArenaArray | null;
  readonly losses: ArenaArray | null;
  readonly penalties: readonly ArenaArray[];
}

/** Kernels whose threads share one scratch: each has the part of its channels. */
const SHARED_SCRATCH: ReadonlySet<KernelName> = new Set(["batchNormalizationOutput", "batchNormalizationInputGrad"]);

/** A piece of the arena: `first` and `last` are the steps that touch it. */
interface Piece {
  readonly bytes: number;
  first: number;
  last: number;
  offset: number;
}

export function place(emitted: readonly Step[], ports: SymbolicPorts, options: PlaceOptions): Program {
  const ordered = SECTIONS.flatMap((section) => emitted.filter((step) => step.section === section));
  mergeInPlace(ordered);
  const steps = clearHalos(ordered);
  const pieces = new Pieces(steps, ports, options);
  const arenaBytes = assignOffsets(pieces.all) + ALIGNMENT;
  const prepared = placePrepared(steps, options.elementBytes);
  const tensors: Descriptor[] = [];
  const numbers = new Map<Tensor, number>();
  const tensorNumber = (tensor: Tensor): number => {
    let number = numbers.get(tensor);
    if (number === undefined) {
      number = tensors.push(pieces.descriptor(tensor)) - 1;
      numbers.set(tensor, number);
    }
    return number;
  };
  const placeField = (field: Field): PlacedField => {
    if (field === null || typeof field === "number") return field;
    if (field.kind === "tensor") return { tensor: tensorNumber(field) };
    if (field.kind === "state") return { region: "state", offset: options.stateOffset(field) };
    if (field.kind === "prepared") return { region: "prepared", offset: prepared.offsets.get(field.key)! };
    return { region: "arena", offset: pieces.of(field).offset };
  };
  const placed: PlacedStep[] = steps.map((step) => ({
    kernel: step.kernel,
    section: step.section,
    name: step.name,
    cost: step.cost,
    scratchBytes: align(step.scratchBytes),
    scratch: step.scratchBytes > 0 ? pieces.of(step).offset : 0,
    fields: Object.fromEntries(Object.entries<Field>(step.fields).map(([name, field]) => [name, placeField(field)])),
  }));
  const arrayPort = (array: ArenaArray | null): ArrayPort | null => array && { offset: pieces.of(array).offset, count: array.count };
  const placedPorts: Ports = {
    inputs: ports.inputs.map(tensorNumber),
    outputs: ports.outputs.map(tensorNumber),
    inputGradients: ports.inputGradients.map(tensorNumber),
    seed: ports.seed && tensorNumber(ports.seed),
    target: arrayPort(ports.target),
    sampleWeight: arrayPort(ports.sampleWeight),
    losses: arrayPort(ports.losses),
    penalties: ports.penalties.map((penalty) => arrayPort(penalty)!),
  };
  const { capacity, elementBytes } = options;
  return { capacity, elementBytes, steps: placed, tensors, arenaBytes, preparedBytes: prepared.bytes, ports: placedPorts };
}

function root(storage: Storage): Storage {
  return storage.mergedInto === undefined ? storage : root(storage.mergedInto);
}

function storagesOf(step: Step): Storage[] {
  return operands(step, "tensor").map((tensor) => root(tensor.storage));
}

/** Lets a step write where it reads, when that is the read storage's last use and both are laid out alike. */
function mergeInPlace(steps: readonly Step[]): void {
  const first = new Map<Storage, number>();
  const last = new Map<Storage, number>();
  steps.forEach((step, index) => {
    for (const storage of storagesOf(step)) {
      if (!first.has(storage)) first.set(storage, index);
      last.set(storage, index);
    }
  });
  steps.forEach((step, index) => {
    if (step.inPlace === undefined) return;
    const [read, written] = step.inPlace.map((name) => (step.fields as Record<string, Field>)[name]) as [Tensor, Tensor | null];
    if (written === null || !isWhole(read) || !isWhole(written)) return;
    const from = root(read.storage);
    const to = root(written.storage);
    if (from === to || last.get(from) !== index || first.get(to) !== index) return;
    const halo = largerHalo(from.halo, to.halo);
    const rigid = from.rigid || to.rigid;
    const isForbidden = rigid && (hasHalo(from) || hasHalo(to));
    if (from.hostReads || from.hostWrites || to.hostWrites || isForbidden || !sameExtent(from.extent, to.extent)) return;
    to.mergedInto = from;
    Object.assign(from, { halo, rigid, spread: from.spread || to.spread, hostReads: to.hostReads });
    last.set(from, last.get(to)!);
  });
}

function isWhole({ storage, frame, top, left, channel, height, width, channels }: Tensor): boolean {
  const { extent } = storage;
  return top + left + channel === 0 && sameExtent(frame, extent) && sameExtent({ height, width, channels }, extent);
}

function sameExtent(a: Extent, b: Extent): boolean {
  return a.height === b.height && a.width === b.width && a.channels === b.channels;
}

/** A haloed storage gets its zeros right before the step that touches it first. */
function clearHalos(steps: readonly Step[]): Step[] {
  const cleared = new Set<Storage>();
  return steps.flatMap((step) => {
    const clears = storagesOf(step).flatMap((storage): Step[] => {
      const { extent } = storage;
      if (cleared.has(storage) || !hasHalo(storage)) return [];
      cleared.add(storage);
      const output: Tensor = { kind: "tensor", name: `${step.name} halo`, ...extent, storage, frame: extent, top: 0, left: 0, channel: 0 };
      return [{ kernel: "clearHalo", section: step.section, name: step.name, fields: { output }, cost: 0, scratchBytes: 0 } as unknown as Step];
    });
    return [...clears, step];
  });
}

/** Lifetimes of everything in the arena. */
class Pieces {
  readonly all: Piece[] = [];
  private readonly pieces = new Map<Storage | ArenaArray | Step, Piece>();

  constructor(
    steps: readonly Step[],
    ports: SymbolicPorts,
    private readonly options: PlaceOptions,
  ) {
    const portTensors = [...ports.inputs, ...ports.outputs, ...ports.inputGradients, ...(ports.seed ? [ports.seed] : [])];
    for (const tensor of portTensors) this.touch(root(tensor.storage), this.storageBytes(root(tensor.storage)), -1);
    steps.forEach((step, index) => {
      for (const storage of storagesOf(step)) this.touch(storage, this.storageBytes(storage), index);
      for (const array of operands(step, "array")) this.touch(array, this.arrayBytes(array), index);
      if (step.scratchBytes > 0) this.touch(step, this.scratchBytes(step), index);
    });
    const arrays = [ports.target, ports.sampleWeight, ports.losses, ...ports.penalties].filter((array) => array !== null);
    for (const array of arrays) this.touch(array, this.arrayBytes(array), array.hostWrites ? -1 : steps.length);
    for (const [key, piece] of this.pieces) {
      if ("hostReads" in key && key.hostReads) piece.last = steps.length;
      if ("hostWrites" in key && !key.hostWrites && piece.first === -1) piece.first = firstTouch(steps, key);
    }
  }

  of(key: Storage | ArenaArray | Step): Piece {
    return this.pieces.get(key)!;
  }

  descriptor(tensor: Tensor): Descriptor {
    const storage = root(tensor.storage);
    const { halo } = storage;
    const { frame, top, left, height, width } = tensor;
    const pixelStride = pixelStrideOf(storage, frame.channels);
    const rowStride = (halo.left + frame.width + halo.right) * pixelStride;
    const imageStride = (halo.top + frame.height + halo.bottom) * rowStride;
    const offset = (halo.top + top) * rowStride + (halo.left + left) * pixelStride + tensor.channel;
    return {
      base: this.of(storage).offset + offset * this.options.elementBytes,
      height,
      width,
      channels: tensor.channels,
      pixelStride: tensor.broadcast ? 0 : pixelStride,
      rowStride: tensor.broadcast ? 0 : rowStride,
      imageStride,
      haloTop: halo.top + top,
      haloBottom: halo.bottom + frame.height - top - height,
      haloLeft: halo.left + left,
      haloRight: halo.right + frame.width - left - width,
    };
  }

  private touch(key: Storage | ArenaArray | Step, bytes: number, step: number): void {
    const piece = this.pieces.get(key);
    if (piece === undefined) {
      const made = { bytes, first: step, last: step, offset: 0 };
      this.pieces.set(key, made);
      this.all.push(made);
      return;
    }
    piece.first = Math.min(piece.first, step);
    piece.last = Math.max(piece.last, step);
  }

  private storageBytes(storage: Storage): number {
    const { extent, halo } = storage;
    const pixels = (halo.top + extent.height + halo.bottom) * (halo.left + extent.width + halo.right);
    return this.options.capacity * pixels * pixelStrideOf(storage, extent.channels) * this.options.elementBytes;
  }

  /** Of all threads together, each its own cache lines. */
  private scratchBytes({ kernel, scratchBytes }: Step): number {
    return SHARED_SCRATCH.has(kernel) ? scratchBytes : align(scratchBytes) * this.options.threads;
  }

  private arrayBytes({ count, element }: ArenaArray): number {
    return count * (element === "byte" ? 1 : element === "word" ? 4 : this.options.elementBytes);
  }
}

/** With so many channels, or a multiple, pixels lie 2 KB apart: they share two of the 64 sets of a first-level cache. */
const CROWDED = 512;
/** Floats of two cache lines: the processor loads lines in pairs. */
const LINES = 32;

/**
 * Floats from pixel to pixel: `channels`, or where a kernel asked for it two lines more. At 512 channels and 14 x 14 pixels a depthwise 3x3 then
 * takes 70 µs instead of 123, its weight gradient 79 instead of 127; at 1,024 it is 169 instead of 352, and 171 instead of 550.
 */
function pixelStrideOf({ spread, rigid, hostReads }: Storage, channels: number): number {
  const isCrowded = (channels + LINES / 2) % CROWDED <= LINES && channels > LINES;
  return spread && !rigid && !hostReads && isCrowded ? channels + LINES : channels;
}

function firstTouch(steps: readonly Step[], key: object): number {
  const index = steps.findIndex((step) => (storagesOf(step) as object[]).includes(key) || (Object.values(step.fields) as unknown[]).includes(key));
  return index < 0 ? -1 : index;
}

/** Largest first, each at the lowest offset where nothing alive at the same time lies. Returns the bytes used. */
function assignOffsets(pieces: readonly Piece[]): number {
  const placed: Piece[] = [];
  let end = 0;
  for (const piece of [...pieces].sort((a, b) => b.bytes - a.bytes)) {
    const alive = placed.filter((other) => other.first <= piece.last && piece.first <= other.last).sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of alive) {
      if (offset + piece.bytes <= other.offset) break;
      offset = Math.max(offset, align(other.offset + other.bytes));
    }
    piece.offset = offset;
    placed.push(piece);
    end = Math.max(end, offset + piece.bytes);
  }
  return align(end);
}

function placePrepared(steps: readonly Step[], elementBytes: number): { offsets: Map<string, number>; bytes: number } {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const step of steps) {
    for (const { key, count } of operands(step, "prepared")) {
      if (offsets.has(key)) continue;
      offsets.set(key, bytes);
      bytes = align(bytes + count * elementBytes + ALIGNMENT);
    }
  }
  return { offsets, bytes };
}
