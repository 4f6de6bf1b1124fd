/** Workers of a browser, started by the worker that the engine lives in: the adapter between the pool and Worker. */
import { hasLocks, newLock, whenReleased } from "./lifeline.ts";
import type { StartWorker } from "./poolWorker.ts";

/** How long an ended worker may go on where nothing tells of its end. Milliseconds. */
const LAST_BREATH = 500;

/** A worker that has not begun by then will not: engines do not always say that a policy refused it. Milliseconds. */
const PATIENCE = 10_000;

/** The first worker of the page, on its way, there, or refused. */
let first: Promise<unknown> | undefined;

/**
 * The first goes ahead alone, and where it is refused none is made after it: a page's policy stays as it is, and Firefox 153 may stand still for
 * ever in the next `new Worker`.
 */
export const startBrowserWorker: StartWorker = async (source, events) => {
  if (first !== undefined) {
    await first.catch((refused: Error) => {
      events.end(refused.message);
      throw refused;
    });
    return begin(source, events);
  }
  const worker = begin(source, events);
  first = worker;
  return worker;
};

const begin: StartWorker = (source, events) =>
  new Promise((resolve, reject) => {
    const lock = newLock();
    const url = URL.createObjectURL(new Blob([greeting(lock), source], { type: "text/javascript" }));
    const worker = new Worker(url, { name: "convlet thread" });
    let hasEnded = false;
    const end = (reason: string) => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(late);
      worker.terminate();
      URL.revokeObjectURL(url);
      reject(new Error(reason));
      events.end(reason);
    };
    const late = setTimeout(end, PATIENCE, `it did not begin within ${PATIENCE / 1000} s`);
    worker.onerror = (event) => {
      event.preventDefault();
      end(event.message || "the page's policy or the browser refused it");
    };
    worker.onmessage = () => {
      clearTimeout(late);
      worker.onmessage = ({ data }) => events.message(data);
      URL.revokeObjectURL(url);
      whenReleased(lock, () => end("it was ended"));
      const terminate = () => {
        worker.terminate();
        if (!hasLocks()) setTimeout(end, LAST_BREATH, "it was ended");
      };
      resolve({ post: (message) => worker.postMessage(message), terminate });
    };
  });

/** The worker says that it is there once it holds its lock. */
function greeting(lock: string): string {
  return `"use strict";
const here = () => {
  postMessage("here");
  return new Promise(() => {});
};
if (navigator.locks) navigator.locks.request(${JSON.stringify(lock)}, here);
else here();
`;
}
