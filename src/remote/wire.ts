/** Calls in both directions over a message port: page and worker are equal here. */
import type { Library } from "./library.ts";

/** A Worker, a worker's own scope, or a MessagePort. */
export interface WirePort {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Packet>) => void) | null;
  /** Where a port keeps the process alive. */
  ref?(): void;
  unref?(): void;
}

interface Fault {
  readonly name: string;
  readonly message: string;
}

/** Call 0 wants no answer. */
type Packet =
  | { readonly call: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly answer: number; readonly value?: unknown; readonly error?: Fault };

export type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>;

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

export class Wire {
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  private closed: Error | undefined;

  /** `answers` "move": the buffers of what handlers give are given away with it. */
  constructor(
    private readonly port: WirePort,
    private readonly handlers: Handlers,
    private readonly answers: "move" | "copy",
    private readonly errors: Library["errors"],
  ) {
    port.onmessage = ({ data }) => {
      if (data === null || typeof data !== "object") return;
      if ("call" in data) void this.handle(data.call, data.name, data.args);
      else if ("answer" in data) this.settle(data.answer, data.value, data.error);
    };
    // Calls that wait keep it alive, models that wait for calls do not.
    port.unref?.();
  }

  /** What the other side's handler gives. Rejects with its error, or with the reason of `close`. */
  call<T>(name: string, args: readonly unknown[], transfer: Transferable[] = []): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.closed !== undefined) throw this.closed;
      const call = ++this.calls;
      this.post({ call, name, args }, transfer);
      this.port.ref?.();
      this.pending.set(call, { resolve, reject });
    }) as Promise<T>;
  }

  /** Without an answer. */
  send(name: string, args: readonly unknown[], transfer: Transferable[] = []): void {
    if (this.closed === undefined) this.post({ call: 0, name, args }, transfer);
  }

  /** Calls that wait, and all later ones, reject with `reason`. */
  close(reason: Error): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
  }

  private async handle(call: number, name: string, args: readonly unknown[]): Promise<void> {
    let packet: Packet;
    try {
      const value = await this.handlers[name](...(args as never[]));
      packet = { answer: call, value };
    } catch (reason) {
      packet = { answer: call, error: faultOf(reason) };
    }
    if (call === 0) return;
    const isMoved = this.answers === "move" && "value" in packet;
    try {
      this.post(packet, isMoved ? buffersOf(packet.value) : []);
    } catch (reason) {
      this.post({ answer: call, error: faultOf(reason) }, []);
    }
  }

  private settle(call: number, value: unknown, error: Fault | undefined): void {
    const pending = this.pending.get(call);
    this.pending.delete(call);
    if (this.pending.size === 0) this.port.unref?.();
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(errorOf(error, this.errors));
  }

  private post(packet: Packet, transfer: Transferable[]): void {
    try {
      this.port.postMessage(packet, transfer);
    } catch (cause) {
      throw new TypeError(`a worker cannot be sent what this holds: ${(cause as Error).message}`, { cause });
    }
  }
}

function faultOf(reason: unknown): Fault {
  const { name = "Error", message = String(reason) } = (reason ?? {}) as Partial<Error>;
  return { name, message };
}

function errorOf({ name, message }: Fault, kinds: Readonly<Record<string, new (message: string) => Error>>): Error {
  const error = new (Object.hasOwn(kinds, name) ? kinds[name] : Error)(message);
  // Where Error.prototype is frozen no assignment makes a name.
  return Object.defineProperty(error, "name", { value: name });
}

/** Buffers that belong to nobody else: results are copies already. */
function buffersOf(value: unknown, found: Set<ArrayBuffer> = new Set()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (Array.isArray(value)) for (const item of value) buffersOf(item, found);
  else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) buffersOf(item, found);
  return [...found];
}
