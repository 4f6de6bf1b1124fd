/** Turns a graph into symbolic steps: forward in order, gradients in reverse. */
import { type KernelName, type Records, Write } from "../../build/records.ts";
import type { Node, Parameter, Value } from "../graph.ts";
import {
  type ArenaArray,
  type Field,
  type GradientTarget,
  type Halo,
  hasHalo,
  type Lowering,
  NO_HALO,
  operands,
  type PreparedArray,
  type Section,
  type StateArray,
  type Step,
  type StepOptions,
  type Storage,
  type Tensor,
} from "../ops/op.ts";
import { type Extent, extentOf } from "../shape.ts";

export interface LowererOptions {
  readonly training: boolean;
  readonly capacity: number;
  /** Values on the way from something that wants a gradient. */
  readonly needsGradient: ReadonlySet<Value>;
  isTrained(parameter: Parameter): boolean;
  usesRunningStatistics(node: Node): boolean;
}

export class Lowerer implements Lowering {
  readonly training: boolean;
  readonly capacity: number;
  readonly saved = new Map<Node, unknown>();
  readonly steps: Step[] = [];
  /** Section that `step` emits into. */
  section: Section = "forward";
  private readonly tensors = new Map<Value, Tensor>();
  private readonly gradients = new Map<Value, Tensor>();
  /** Haloed copies by the view they were made of. */
  private readonly copies: { readonly of: Tensor; readonly copy: Tensor }[] = [];
  private readonly preparedArrays = new Map<string, PreparedArray>();
  private readonly writtenParameters = new Set<Parameter>();

  constructor(private readonly options: LowererOptions) {
    this.training = options.training;
    this.capacity = options.capacity;
  }

  step<K extends KernelName>(kernel: K, node: { name: string }, fields: { [F in keyof Records[K]]: Field }, options: StepOptions = {}): void {
    const { cost = 0, scratchBytes = 0, inPlace, section = this.section } = options;
    const step = { kernel, section, name: node.name, fields, cost, scratchBytes, ...(inPlace && { inPlace }) };
    this.steps.push(step as unknown as Step);
  }

  prepared(key: string, count: number, emit: (target: PreparedArray) => void): PreparedArray {
    const known = this.preparedArrays.get(key);
    if (known !== undefined) return known;
    const target: PreparedArray = { kind: "prepared", key, count };
    this.preparedArrays.set(key, target);
    emit(target);
    return target;
  }

  tensor(value: Value): Tensor {
    let tensor = this.tensors.get(value);
    if (tensor === undefined) {
      tensor = this.temporary(value.name, extentOf(value.shape));
      this.tensors.set(value, tensor);
    }
    return tensor;
  }

  temporary(name: string, { height, width, channels }: Extent): Tensor {
    const extent = { height, width, channels };
    const storage: Storage = { extent, halo: NO_HALO, rigid: false, spread: false, hostWrites: false, hostReads: false };
    return { kind: "tensor", name, ...extent, storage, frame: extent, top: 0, left: 0, channel: 0 };
  }

  array(name: string, count: number, element: ArenaArray["element"]): ArenaArray {
    return { kind: "array", name, count, element, hostWrites: false, hostReads: false };
  }

  parameter(parameter: Parameter): StateArray;
  parameter(parameter: Parameter | undefined): StateArray | null;
  parameter(parameter: Parameter | undefined): StateArray | null {
    return parameter === undefined ? null : { kind: "state", parameter, role: "value" };
  }

  parameterGradient(parameter: Parameter | undefined): (StateArray & { write: number }) | null {
    if (parameter === undefined || !this.options.isTrained(parameter)) return null;
    const write = this.writtenParameters.has(parameter) ? Write.add : Write.overwrite;
    this.writtenParameters.add(parameter);
    return { kind: "state", parameter, role: "gradient", write };
  }

  haloed(tensor: Tensor, halo: Halo): Tensor {
    if (halo.top + halo.bottom + halo.left + halo.right === 0) return tensor;
    const whole = tensor.top === 0 && tensor.left === 0 && tensor.height === tensor.frame.height && tensor.width === tensor.frame.width;
    if (!tensor.storage.rigid && whole) {
      tensor.storage.halo = largerHalo(tensor.storage.halo, halo);
      return tensor;
    }
    let copy = this.copies.find(({ of }) => sameView(of, tensor))?.copy;
    if (copy === undefined) {
      copy = this.temporary(`${tensor.name} with halo`, tensor);
      this.copies.push({ of: tensor, copy });
      this.step("copy", { name: tensor.name }, { input: tensor, output: copy, write: Write.overwrite });
    }
    copy.storage.halo = largerHalo(copy.storage.halo, halo);
    return copy;
  }

  spread(tensor: Tensor): Tensor {
    tensor.storage.spread = true;
    return tensor;
  }

  reshaped(node: Node, tensor: Tensor, { height, width, channels }: Extent): Tensor {
    let source = tensor;
    if (!isContiguous(tensor)) {
      source = this.temporary(`${tensor.name} contiguous`, tensor);
      this.step("copy", node, { input: tensor, output: source, write: Write.overwrite });
    }
    source.storage.rigid = true;
    const extent = { height, width, channels };
    return { ...source, ...extent, frame: extent };
  }

  bind(value: Value, tensor: Tensor): void {
    this.tensors.set(value, tensor);
  }

  redirect(value: Value, target: Tensor): boolean {
    const tensor = this.tensors.get(value);
    const own = tensor !== undefined && isContiguous(tensor) && tensor.frame === tensor.storage.extent;
    if (!own || tensor.storage.rigid || tensor.storage.hostReads || this.sharesStorage(value, tensor)) return false;
    const { halo, spread } = tensor.storage;
    Object.assign(tensor, { storage: target.storage, frame: target.frame, top: target.top, left: target.left, channel: target.channel });
    target.storage.halo = largerHalo(target.storage.halo, halo);
    target.storage.spread ||= spread;
    return true;
  }

  needsGradient(value: Value): boolean {
    return this.options.needsGradient.has(value);
  }

  outputGradient(node: Node): Tensor {
    return this.gradients.get(node.output)!;
  }

  gradientOf(value: Value): Tensor | undefined {
    return this.gradients.get(value);
  }

  gradientTarget(value: Value): GradientTarget {
    const written = this.gradients.get(value);
    if (written !== undefined) return { tensor: written, write: Write.add };
    const tensor = this.temporary(`${value.name} gradient`, extentOf(value.shape));
    this.gradients.set(value, tensor);
    return { tensor, write: Write.overwrite };
  }

  adoptGradient(value: Value, source: Tensor): boolean {
    if (this.gradients.has(value)) return false;
    this.gradients.set(value, source);
    return true;
  }

  usesRunningStatistics(node: Node): boolean {
    return this.options.usesRunningStatistics(node);
  }

  /** Whether another value, or a view that a step was given (a slice, a crop, a broadcast), would stay behind if the tensor moved. */
  private sharesStorage(value: Value, tensor: Tensor): boolean {
    for (const [other, { storage }] of this.tensors) if (other !== value && storage === tensor.storage) return true;
    return this.steps.some((step) => operands(step, "tensor").some((view) => view !== tensor && view.storage === tensor.storage));
  }
}

/** One run of values from the storage's first to its last, without halo. */
function isContiguous({ storage, frame, top, left, channel, height, width, channels }: Tensor): boolean {
  const whole = top + left + channel === 0 && height === frame.height && width === frame.width && channels === frame.channels;
  return whole && !hasHalo(storage);
}

function sameView(a: Tensor, b: Tensor): boolean {
  const keys = ["storage", "top", "left", "channel", "height", "width", "channels"] as const;
  return keys.every((key) => a[key] === b[key]);
}

export function largerHalo(a: Halo, b: Halo): Halo {
  return {
    top: Math.max(a.top, b.top),
    bottom: Math.max(a.bottom, b.bottom),
    left: Math.max(a.left, b.left),
    right: Math.max(a.right, b.right),
  };
}
