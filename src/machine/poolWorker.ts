/** One worker as the caller sees it: its mailbox, what was sent to it, whether it is still there. */
import { Mail, type WorkerMessage } from "./workerSource.ts";

/** A worker as its platform starts it. */
export interface PlatformWorker {
  post(message: WorkerMessage): void;
  terminate(): void;
}

/** Starts a worker on `source`; rejects where the platform refuses. `end` is called once, when the worker is gone for whatever reason. */
export type StartWorker = (source: string, events: { message(data: unknown): void; end(reason: string): void }) => Promise<PlatformWorker>;

/** A memory with kernels on it, as workers get to know it. */
export interface SharedMachine {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
}

export interface Job {
  readonly machine: number;
  readonly first: number;
  readonly count: number;
  readonly thread: number;
  readonly threads: number;
}

export class PoolWorker {
  /** Why it is not to be used any more; its end is on the way. */
  lost: string | undefined;
  /** Resolves when the worker is gone. */
  readonly ended: Promise<void>;
  private readonly mail = new Int32Array(new SharedArrayBuffer(Mail.words * 4));
  private readonly machines = new Map<number, number>();
  private readonly waiting = new Set<() => void>();
  /** What is to be posted once the platform has started the worker. */
  private readonly unsent: WorkerMessage[] = [];
  private platform: PlatformWorker | undefined;
  hasEnded = false;
  private resolveEnded!: () => void;

  constructor(private readonly onEnd: (worker: PoolWorker) => void) {
    this.post({ mail: this.mail });
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  async start(source: string, start: StartWorker): Promise<void> {
    try {
      const platform = await start(source, { message: () => this.wakeWaiting(), end: (reason) => this.end(reason) });
      this.platform = platform;
      if (this.lost !== undefined) return platform.terminate();
      for (const message of this.unsent.splice(0)) platform.post(message);
    } catch (reason) {
      this.end(`it could not be started: ${(reason as Error).message}`);
    }
  }

  introduce(number: number, { memory, module }: SharedMachine): void {
    this.machines.set(number, this.post({ machine: number, memory, module }));
  }

  forget(number: number): void {
    if (this.machines.delete(number)) this.post({ forget: number });
  }

  /** Whether a job on this machine can be given to it. */
  isReadyFor(machine: number): boolean {
    const message = this.machines.get(machine);
    return this.failure === undefined && message !== undefined && Atomics.load(this.mail, Mail.handled) >= message;
  }

  /** Whether it ever answered: one that never did is not worth replacing. */
  get hasStarted(): boolean {
    return Atomics.load(this.mail, Mail.handled) > 0;
  }

  /** Whether it is well and has dealt with all messages. */
  get isSettled(): boolean {
    return this.failure === undefined && Atomics.load(this.mail, Mail.handled) === this.mail[Mail.sent];
  }

  /** Resolves when the worker has dealt with all messages, or is lost. */
  async caughtUp(): Promise<void> {
    while (this.failure === undefined && !this.isSettled) {
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  give(job: Job): void {
    const { mail } = this;
    mail[Mail.machine] = job.machine;
    mail[Mail.first] = job.first;
    mail[Mail.count] = job.count;
    mail[Mail.thread] = job.thread;
    mail[Mail.threads] = job.threads;
    Atomics.add(mail, Mail.given, 1);
    this.wake();
  }

  /** Blocks until the last job is finished, or for so many milliseconds. False: it is not. */
  awaitIdle(milliseconds: number): boolean {
    const { mail } = this;
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const finished = Atomics.load(mail, Mail.finished);
      if (finished === mail[Mail.given]) return true;
      const left = deadline - performance.now();
      if (left <= 0 || this.failure !== undefined) return false;
      Atomics.wait(mail, Mail.finished, finished, left);
    }
  }

  /** Why it is lost, or what it reported of itself last. */
  get failure(): string | undefined {
    if (this.lost !== undefined) return this.lost;
    const { mail } = this;
    if (Atomics.load(mail, Mail.failed) === 0) return undefined;
    return String.fromCharCode(...mail.subarray(Mail.reason, Mail.reason + mail[Mail.reasonLength]));
  }

  /** Ends the worker; it is gone when `ended` resolves. */
  terminate(reason: string): void {
    this.lost ??= reason;
    this.platform?.terminate();
    this.wakeWaiting();
  }

  private post(message: WorkerMessage): number {
    const sent = Atomics.add(this.mail, Mail.sent, 1) + 1;
    if (this.platform === undefined) this.unsent.push(message);
    else this.platform.post(message);
    this.wake();
    return sent;
  }

  private wake(): void {
    Atomics.add(this.mail, Mail.signal, 1);
    if (Atomics.load(this.mail, Mail.sleeping) !== 0) Atomics.notify(this.mail, Mail.signal);
  }

  private end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.lost = this.failure ?? reason;
    this.resolveEnded();
    this.wakeWaiting();
    this.onEnd(this);
  }

  private wakeWaiting(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
