/** Finds a worker for models and keeps it as long as one lives in it: models of a page share it. */
import { newLock, whenReleased } from "../machine/lifeline.ts";
import type { Numerics } from "../machine/wasm.ts";
import { serveModels } from "./host.ts";
import type { Library } from "./library.ts";
import { ownScript } from "./ownScript.ts";
import { type Handlers, Wire, type WirePort } from "./wire.ts";
import type { WorkerOption } from "./workerOption.ts";

/** What a model's worker was started from: the option, the file beside the library, a Blob that loads the library's own; "page": there is none, the page does the work. */
export type WorkerSource = "option" | "file" | "blob" | "page";

/** What the page does for one training in the worker. */
export interface PageRun {
  event(name: string, args: readonly unknown[], state: object): Promise<object>;
  pull(what: "open" | "next" | "close"): Promise<unknown>;
  logs(entries: readonly unknown[]): void;
}

export interface Connection {
  readonly wire: Wire;
  readonly source: WorkerSource;
  readonly library: Library;
  /** Trainings under way, by their number. */
  readonly runs: Map<number, PageRun>;
  /** The last one ends the worker. */
  release(): void;
}

/** A worker that does not answer within this time is none of ours. Milliseconds. */
const PATIENCE = 10_000;

interface Shared {
  users: number;
  readonly started: Promise<Started>;
}

interface Started {
  readonly wire: Wire;
  readonly source: WorkerSource;
  readonly runs: Map<number, PageRun>;
  end(reason: Error): void;
}

const connections = new Map<unknown, Shared>();

export async function connect(option: WorkerOption, library: Library): Promise<Connection> {
  const key = option instanceof URL ? option.href : option;
  let shared = connections.get(key);
  if (shared === undefined) {
    const forget = () => connections.delete(key);
    shared = { users: 0, started: start(option, library, forget) };
    shared.started.catch(forget);
    connections.set(key, shared);
  }
  const joined = shared;
  joined.users++;
  const { wire, source, runs, end } = await joined.started;
  let isReleased = false;
  const release = () => {
    if (isReleased) return;
    isReleased = true;
    if (--joined.users > 0) return;
    if (connections.get(key) === joined) connections.delete(key);
    end(new Error("model: it was disposed; make or load a new one"));
  };
  return { wire, source, library, runs, release };
}

type Attempt = readonly [WorkerSource, () => Worker | Promise<Worker>];

async function start(option: WorkerOption, library: Library, forget: () => void): Promise<Started> {
  const given: Attempt[] = option === true ? [] : [["option", () => startedBy(option)]];
  const attempts: readonly Attempt[] = [...given, ["file", fromFile], ["blob", () => fromBlob(library)]];
  const reasons: string[] = [];
  for (const [source, attempt] of attempts) {
    try {
      return await greeted(source, await attempt(), { library, forget });
    } catch (reason) {
      reasons.push(`${source}: ${(reason as Error).message}`);
      if (source === "option")
        library.sayOnce(`convlet: the worker that was given does not work (${(reason as Error).message}); trying the library's own`);
    }
  }
  library.sayOnce(`convlet: no worker is to be had here (${reasons.join("; ")}); models run on the page's own thread`);
  const { port1, port2 } = new MessageChannel();
  serveModels(port2 as WirePort, library);
  const { wire, runs } = wired(port1 as WirePort, library);
  const end = (reason: Error) => {
    wire.close(reason);
    port1.close();
  };
  return { wire, runs, source: "page", end };
}

async function startedBy(option: Exclude<WorkerOption, true>): Promise<Worker> {
  if (typeof option === "function") return option();
  return typeof option === "string" || option instanceof URL ? new Worker(option, { type: "module" }) : option;
}

/** In this very form bundlers see that there is a worker to be bundled. */
function fromFile(): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

/**
 * These files of the library once more: as the modules that they are, wherever they were loaded from, or as the script of a script tag. A bundle
 * that holds them among other code has no such exports: it is refused before any of it runs.
 */
function fromBlob({ address }: Library): Worker {
  const here: string | undefined = import.meta.url;
  const code =
    ownScript === ""
      ? `import { serveModels } from ${JSON.stringify(here)}; import { library } from ${JSON.stringify(address)}; serveModels(self, library);`
      : `importScripts(${JSON.stringify(ownScript)}); convlet.serveModels(self, convlet.library);`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(url, { type: ownScript === "" ? "module" : "classic" });
  // It has been fetched when the worker says its first word.
  worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

/** Resolves when the worker has answered; from then on its end is noticed, whatever ends it. */
function greeted(source: WorkerSource, worker: Worker, { library, forget }: { library: Library; forget(): void }): Promise<Started> {
  const { wire, runs } = wired(worker as WirePort, library);
  const lock = newLock();
  const end = (reason: Error) => {
    wire.close(reason);
    worker.terminate();
  };
  const lost = (reason: string) => {
    forget();
    end(new Error(`worker: it was lost (${reason}), and the models in it; load them anew`));
  };
  return new Promise((resolve, reject) => {
    const giveUp = (reason: string) => {
      clearInterval(greeting);
      clearTimeout(timer);
      end(new Error(reason));
      reject(new Error(reason));
    };
    const timer = setTimeout(giveUp, PATIENCE, `no answer within ${PATIENCE / 1000} s`);
    worker.onerror = (event) => {
      event.preventDefault();
      giveUp(event.message || "its script could not be loaded");
    };
    let isThere = false;
    const welcome = () => {
      if (isThere) return;
      isThere = true;
      clearInterval(greeting);
      clearTimeout(timer);
      worker.onerror = ({ message }) => lost(message);
      worker.onmessageerror = () => lost("a message could not be read");
      whenReleased(lock, () => lost("it was ended"));
      resolve({ wire, runs, source, end });
    };
    const greet = () => wire.call("greet", [lock]).then(welcome, reject);
    // A worker that imports the library's code late does not hear the first words.
    const greeting = setInterval(greet, 250);
    void greet();
  });
}

/** What a worker asks of the page: compiled kernels, so that nothing is compiled twice, and its part of trainings. */
function wired(port: WirePort, { compileKernels, errors }: Library): { wire: Wire; runs: Map<number, PageRun> } {
  const runs = new Map<number, PageRun>();
  const handlers: Handlers = {
    kernels: (numerics: Numerics, memory: "shared" | "unshared") => compileKernels(numerics, memory),
    event: (run: number, name: string, args: readonly unknown[], state: object) => runs.get(run)?.event(name, args, state),
    pull: (run: number, what: "open" | "next" | "close") => runs.get(run)?.pull(what),
    logs: (run: number, entries: readonly unknown[]) => runs.get(run)?.logs(entries),
  };
  return { wire: new Wire(port, handlers, "copy", errors), runs };
}
