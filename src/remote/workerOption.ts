import { shown } from "../options.ts";

/**
 * true: the library's own worker, which all models of a page share. Or the address of its file (`convlet/worker`), a Worker that was started from it,
 * or a function that starts one.
 */
export type WorkerOption = true | string | URL | Worker | (() => Worker | Promise<Worker>);

export function checkWorkerOption(where: string, option: unknown): void {
  const isWorker = typeof option === "object" && option !== null && "postMessage" in option;
  if (option === true || typeof option === "string" || typeof option === "function" || option instanceof URL || isWorker) return;
  throw new TypeError(`${where}: worker is ${shown(option)}, needs true, an address, a Worker or a function that starts one`);
}
