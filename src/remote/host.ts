/** The worker's side: holds the models and does what the page calls for. */
import { hold } from "../machine/lifeline.ts";
import type { Numerics } from "../machine/wasm.ts";
import type { Model } from "../model.ts";
import type { RestoreOptions } from "../restore.ts";
import type { Callback, TrainingContext } from "../training/callbacks.ts";
import type { Training, TrainingProgress } from "../training/progress.ts";
import type { BatchSource } from "../training/trainer.ts";
import type { Library } from "./library.ts";
import { assembled, Parts } from "./parts.ts";
import type { About, Effects, FitPlan, Method } from "./protocol.ts";
import { type Handlers, Wire, type WirePort } from "./wire.ts";

interface Run {
  readonly training: Training;
  readonly controller: AbortController;
  watching: Promise<void> | undefined;
  isStopped: boolean;
}

/** Figures of steps travel together, at most so long after each other. Milliseconds. */
const FRAME = 16;

/** Holds models for whoever is at the other end of `port`. */
export function serveModels(port: WirePort, library: Library): void {
  const host = new Host(library);
  host.wire = new Wire(port, host.handlers, "move", library.errors);
}

class Host {
  wire!: Wire;
  private readonly models = new Map<number, Model>();
  private readonly runs = new Map<number, Run>();
  private readonly parts = new Parts();
  private held: Promise<void> | undefined;

  constructor(private readonly library: Library) {}

  readonly handlers: Handlers = {
    greet: (lock: string) => {
      this.library.provideKernels((numerics: Numerics, memory) => this.wire.call<WebAssembly.Module>("kernels", [numerics, memory]));
      this.held ??= hold(lock);
      return this.held;
    },
    part: (part: Parameters<Parts["add"]>[0]) => this.parts.add(part),
    create: async (id: number, bytes: Uint8Array, where: string, options: RestoreOptions) => {
      const model = await this.library.restore(this.library.bytesSource(assembled(bytes, this.parts), where), options);
      this.models.set(id, model);
      return about(model);
    },
    invoke: (id: number, method: Method, args: readonly unknown[]) => this.invoke(id, method, assembled(args, this.parts)),
    fit: (id: number, run: number, plan: FitPlan) => this.fit(id, run, assembled(plan, this.parts)),
    watch: (run: number) => this.watch(run),
    stop: (run: number) => {
      const found = this.runs.get(run);
      if (found !== undefined) found.isStopped = true;
    },
    abort: (run: number) => this.runs.get(run)?.controller.abort(),
    dispose: (id: number) => {
      this.models.get(id)?.dispose();
      this.models.delete(id);
    },
  };

  private model(id: number): Model {
    const model = this.models.get(id);
    if (model === undefined) throw new Error("model: it was disposed; make or load a new one");
    return model;
  }

  private async invoke(id: number, method: Method, args: readonly unknown[]): Promise<unknown> {
    const model = this.model(id);
    const call = model[method] as (...args: unknown[]) => unknown;
    try {
      return await call.apply(model, [...args]);
    } finally {
      // A picture that was sent here belongs to nobody else.
      if (method === "classify") (args[0] as Partial<ImageBitmap>).close?.();
    }
  }

  private async fit(id: number, number: number, plan: FitPlan): Promise<{ history: object; epoch: number }> {
    const model = this.model(id);
    const controller = new AbortController();
    const callbacks = plan.named.map(this.library.callback);
    if (plan.events.length > 0) callbacks.push(this.pageCallback(number, plan.events));
    const options = { ...plan.options, callbacks, signal: controller.signal };
    const training = plan.isSource ? model.fit(this.batches(number), options) : model.fit(plan.x, plan.y, options);
    const run: Run = { training, controller, watching: undefined, isStopped: false };
    this.runs.set(number, run);
    if (plan.isWatched) this.watch(number);
    try {
      const history = await training;
      await run.watching;
      return { history, epoch: model.epoch };
    } finally {
      this.runs.delete(number);
    }
  }

  /** Sends figures to the page from now on. */
  private watch(number: number): void {
    const run = this.runs.get(number);
    if (run === undefined || run.watching !== undefined) return;
    run.watching = this.sendLogs(number, run);
    run.watching.catch(() => {});
  }

  private async sendLogs(number: number, run: Run): Promise<void> {
    let entries: TrainingProgress[] = [];
    let sent = 0;
    const flush = () => {
      if (entries.length > 0) this.wire.send("logs", [number, entries]);
      entries = [];
      sent = performance.now();
    };
    try {
      for await (const entry of run.training) {
        entries.push(entry);
        if (performance.now() - sent >= FRAME) flush();
        if (run.isStopped) break;
      }
    } finally {
      flush();
    }
  }

  /** Callbacks of the page: each of their events waits for it. */
  private pageCallback(number: number, events: readonly string[]): Callback {
    const call = async (name: string, args: readonly unknown[], context: TrainingContext) => {
      const { epochs, stepsPerEpoch, learningRate } = context;
      const effects = await this.wire.call<Effects>("event", [number, name, args, { epochs, stepsPerEpoch, learningRate }]);
      if (effects.learningRate !== undefined) context.learningRate = effects.learningRate;
      if (effects.isStopped) context.stopTraining();
    };
    const handlers = events.map((name) => {
      return [name, (...args: readonly unknown[]) => call(name, args.slice(0, -1), args[args.length - 1] as TrainingContext)] as const;
    });
    return Object.fromEntries(handlers);
  }

  /** Batches as the page's iterable gives them. */
  private batches(number: number): BatchSource {
    const pull = (what: string) => this.wire.call<IteratorResult<never>>("pull", [number, what]);
    return () => {
      let opened: Promise<unknown> | undefined;
      const iterator = {
        async next() {
          opened ??= pull("open");
          await opened;
          return pull("next");
        },
        async return() {
          await pull("close");
          return { done: true as const, value: undefined as never };
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    };
  }
}

function about(model: Model): About {
  const { seed, classNames, preprocessing, inputShapes, outputShapes, epoch } = model;
  const layers = model.layers.map((layer) => {
    const { name, type, outputShape, trainable } = layer;
    return { name, type, outputShape, trainable, parameters: layer.countParams() };
  });
  return { seed, classNames, preprocessing, inputShapes, outputShapes, epoch, layers };
}
