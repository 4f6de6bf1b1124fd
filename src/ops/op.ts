/** What an op knows (shape rule, forward, gradient), and what it emits: symbolic steps, without addresses. */
import type { KernelName, Records } from "../../build/records.ts";
import type { Node, Parameter, Value } from "../graph.ts";
import type { Extent } from "../shape.ts";

/** Sections of a program, in the order they run. `prepare` is for weights that the program itself leaves as they are, `repack` for those it trains. */
export const SECTIONS = ["prepare", "repack", "forward", "loss", "backward", "statistics", "update"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Halo {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** A piece of the arena that lives from its first to its last step. */
export interface Storage {
  readonly extent: Extent;
  halo: Halo;
  /** The host reads or writes it as one contiguous array: no halo. */
  rigid: boolean;
  /** Its pixels should not meet in few sets of a cache: see `pixelStrideOf` of the compiler. */
  spread: boolean;
  /** The host writes it before the run, or reads it after. */
  hostWrites: boolean;
  hostReads: boolean;
  /** In-place ops: the storage this one was merged into. */
  mergedInto?: Storage;
}

/** A view of a storage: pixels from (top, left), channels from `channel` on, strides as `frame` (plus the storage's halo) has them. */
export interface Tensor extends Extent {
  readonly kind: "tensor";
  readonly name: string;
  storage: Storage;
  frame: Extent;
  top: number;
  left: number;
  channel: number;
  /** One pixel seen everywhere: strides of 0. */
  readonly broadcast?: boolean;
}

/** An array in the arena: `count` elements, of 1 byte or of the program's float size. */
export interface ArenaArray {
  readonly kind: "array";
  readonly name: string;
  readonly count: number;
  readonly element: "float" | "byte" | "word";
  hostWrites: boolean;
  hostReads: boolean;
}

/** A parameter's value, its gradient or an optimizer slot, at an address laid out from the graph alone. */
export interface StateArray {
  readonly kind: "state";
  readonly parameter: Parameter;
  readonly role: string;
}

/** What sections `prepare` and `repack` write from the parameters: packed or folded weights. It outlives the run. */
export interface PreparedArray {
  readonly kind: "prepared";
  readonly key: string;
  readonly count: number;
}

export type ArrayRef = ArenaArray | StateArray | PreparedArray;
export type Field = number | Tensor | ArrayRef | null;

export interface Step<K extends KernelName = KernelName> {
  readonly kernel: K;
  readonly section: Section;
  readonly name: string;
  readonly fields: { readonly [F in keyof Records[K]]: Field };
  /** Floating-point operations per sample. */
  readonly cost: number;
  readonly scratchBytes: number;
  /** [read, written]: the two may share storage when this is the last use of the read one. */
  readonly inPlace?: readonly [string, string];
}

export type StepOptions = { cost?: number; scratchBytes?: number; inPlace?: readonly [string, string]; section?: Section };

/** Where to write a gradient, and whether an earlier writer is to be added to. */
export interface GradientTarget {
  readonly tensor: Tensor;
  /** A `Write` of build/records.ts. */
  readonly write: number;
}

/** What the compiler offers to the ops while it turns a graph into steps. */
export interface Lowering {
  readonly training: boolean;
  readonly capacity: number;
  /** What a forward step keeps for the backward step of the same node. */
  readonly saved: Map<Node, unknown>;
  /** Emits one record into the section being lowered. */
  step<K extends KernelName>(kernel: K, node: Node, fields: { [F in keyof Records[K]]: Field }, options?: StepOptions): void;
  /** Emits a `prepare` record once per key and returns what it fills. */
  prepared(key: string, count: number, emit: (target: PreparedArray) => void): PreparedArray;
  tensor(value: Value): Tensor;
  /** A new activation that is no value of the graph. */
  temporary(name: string, extent: Extent): Tensor;
  array(name: string, count: number, element: ArenaArray["element"]): ArenaArray;
  parameter(parameter: Parameter): StateArray;
  parameter(parameter: Parameter | undefined): StateArray | null;
  /** Where a parameter's gradient goes, or null when it is not trained. */
  parameterGradient(parameter: Parameter | undefined): (StateArray & { write: number }) | null;
  /** The same tensor with at least this halo of zeros; a copy where its storage cannot have one. */
  haloed(tensor: Tensor, halo: Halo): Tensor;
  /** The same tensor, for a kernel that goes down a channel from pixel to pixel. */
  spread(tensor: Tensor): Tensor;
  /** The same values in another extent: a view where the storage is contiguous, otherwise of a contiguous copy. */
  reshaped(node: Node, tensor: Tensor, extent: Extent): Tensor;
  /** Lets `tensor` be the value: no step writes it. */
  bind(value: Value, tensor: Tensor): void;
  /** Lets a value that has storage of its own be written straight into `target`. False where it has not. */
  redirect(value: Value, target: Tensor): boolean;
  needsGradient(value: Value): boolean;
  /** The complete gradient of a node's output. */
  outputGradient(node: Node): Tensor;
  /** Next writer of a value's gradient. */
  gradientTarget(value: Value): GradientTarget;
  /** Lets `source` be the gradient of `value` when nobody wrote one yet; otherwise returns false. */
  adoptGradient(value: Value, source: Tensor): boolean;
  /** Batch statistics, or the running ones? (inference, `trainable: false`) */
  usesRunningStatistics(node: Node): boolean;
}

export interface Op<A> {
  /** Emits the forward steps. */
  forward(lowering: Lowering, node: Node & { attributes: A }): void;
  /** Emits the gradient steps of inputs and parameters, from the gradient of the output. */
  backward(lowering: Lowering, node: Node & { attributes: A }): void;
}

export const NO_HALO: Halo = { top: 0, bottom: 0, left: 0, right: 0 };

export function hasHalo({ halo }: Storage): boolean {
  return halo.top + halo.bottom + halo.left + halo.right > 0;
}

/** What of a kind a step is given. */
export function operands<K extends "tensor" | ArrayRef["kind"]>({ fields }: Step, kind: K): Extract<Field, { readonly kind: K }>[] {
  const isOfKind = (field: Field) => typeof field === "object" && field?.kind === kind;
  return Object.values<Field>(fields).filter(isOfKind) as Extract<Field, { readonly kind: K }>[];
}

/** The view of `channels` channels from `channel` on. */
export function channelSlice(tensor: Tensor, channel: number, channels: number): Tensor {
  return { ...tensor, channel: tensor.channel + channel, channels };
}

/** The view of `extent` pixels from (top, left) on. */
export function crop(tensor: Tensor, top: number, left: number, { height, width }: Extent): Tensor {
  return { ...tensor, top: tensor.top + top, left: tensor.left + left, height, width };
}

/** A single pixel [1, 1, channels] seen at every pixel of `extent`. */
export function broadcastTo(tensor: Tensor, { height, width }: Extent): Tensor {
  return tensor.height === height && tensor.width === width ? tensor : { ...tensor, broadcast: true };
}
