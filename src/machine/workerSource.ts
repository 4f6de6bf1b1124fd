/** The program of a worker: it shares kernels and memory with the caller and sleeps between jobs. One text for Node and the browser. */
import { MAX_THREADS, PROGRESS, PROGRESS_BYTES, RUN_HEADER, RUN_HEADER_FIELDS } from "../../build/records.ts";

/** Words of a worker's mailbox, an Int32Array that caller and worker share. */
export const Mail = {
  /** Changes with every job and every message: what the worker sleeps on. */
  signal: 0,
  /** Messages sent to it, and those it has dealt with. */
  sent: 1,
  handled: 2,
  /** Jobs given to it, and those it has finished. */
  given: 3,
  finished: 4,
  /** The job: number of the machine, then the arguments of `execute`. */
  machine: 5,
  first: 6,
  count: 7,
  thread: 8,
  threads: 9,
  sleeping: 10,
  /** 1 when it threw or ended; the reason is `reasonLength` words from `reason` on, a UTF-16 unit each. */
  failed: 11,
  reasonLength: 12,
  reason: 16,
  words: 128,
} as const;

/** What is posted to a worker: its mailbox first, later machines to know or to forget. */
export type WorkerMessage =
  | { readonly mail: Int32Array }
  | { readonly machine: number; readonly memory: WebAssembly.Memory; readonly module: WebAssembly.Module }
  | { readonly forget: number };

export const ABORT = RUN_HEADER + 4 * RUN_HEADER_FIELDS.findIndex(([name]) => name === "abort");

/** Loads before a worker goes to sleep, some 20 µs: between two sections of a step it should be awake. */
const SPINS = 10_000;

/** Sets the abort word of a memory and wakes whoever waits there for another thread. */
export function abortRun(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, ABORT / 4, 1);
  for (let thread = 0; thread < MAX_THREADS; thread++) Atomics.notify(words, (PROGRESS + thread * PROGRESS_BYTES) / 4);
}

/**
 * Messages arrive through the event loop, which does not turn while the worker waits for jobs: a message changes the signal too, and
 * the worker goes back to its event loop until it has dealt with all that were sent.
 */
export const workerSource = `"use strict";
const Mail = ${JSON.stringify(Mail)};
const machines = new Map();
let mail;
let running;

function abortRun(memory) {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, ${ABORT / 4}, 1);
  for (let thread = 0; thread < ${MAX_THREADS}; thread++) Atomics.notify(words, ${PROGRESS / 4} + thread * ${PROGRESS_BYTES / 4});
}

function fail(reason) {
  if (mail === undefined || Atomics.load(mail, Mail.failed) !== 0) return;
  const text = String(reason).slice(0, Mail.words - Mail.reason);
  for (let i = 0; i < text.length; i++) mail[Mail.reason + i] = text.charCodeAt(i);
  mail[Mail.reasonLength] = text.length;
  Atomics.store(mail, Mail.failed, 1);
  if (running !== undefined) abortRun(running.memory);
  Atomics.notify(mail, Mail.finished);
}

function job() {
  running = machines.get(mail[Mail.machine]);
  const { execute, memory } = running;
  const count = mail[Mail.count];
  const words = new Int32Array(memory.buffer, 0, ${ABORT / 4 + 1});
  while (execute(mail[Mail.first], count, mail[Mail.thread], mail[Mail.threads]) < count && Atomics.load(words, ${ABORT / 4}) === 0);
  running = undefined;
}

function serve() {
  for (;;) {
    const signal = Atomics.load(mail, Mail.signal);
    if (Atomics.load(mail, Mail.sent) !== Atomics.load(mail, Mail.handled)) return;
    const given = Atomics.load(mail, Mail.given);
    if (given !== Atomics.load(mail, Mail.finished)) {
      job();
      Atomics.store(mail, Mail.finished, given);
      Atomics.notify(mail, Mail.finished);
      continue;
    }
    for (let spin = 0; spin < ${SPINS} && Atomics.load(mail, Mail.signal) === signal; spin++);
    if (Atomics.load(mail, Mail.signal) !== signal) continue;
    Atomics.store(mail, Mail.sleeping, 1);
    Atomics.wait(mail, Mail.signal, signal);
    Atomics.store(mail, Mail.sleeping, 0);
  }
}

function handle(message) {
  if (message.mail) mail = message.mail;
  else if (message.module) {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory: message.memory } });
    machines.set(message.machine, { execute: exports.execute, memory: message.memory });
  } else machines.delete(message.forget);
}

const isNode = typeof process === "object" && typeof process.versions?.node === "string";
(isNode ? import("node:worker_threads").then(({ parentPort }) => parentPort) : Promise.resolve(self)).then((port) => {
  if (isNode) process.on("exit", (code) => fail("it ended with exit code " + code));
  port.onmessage = ({ data }) => {
    try {
      handle(data);
      port.postMessage(Atomics.add(mail, Mail.handled, 1) + 1);
      serve();
    } catch (reason) {
      fail(reason);
      throw reason;
    }
  };
});
`;
