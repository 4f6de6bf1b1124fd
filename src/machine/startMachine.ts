/** Which machine runs a model: kernels of these numerics, or plain JavaScript. */
import { KernelSourceError, type KernelSources, type Numerics, supportsRelaxed } from "./kernelModules.ts";
import type { Machine } from "./machine.ts";
import { sayOnce } from "./sayOnce.ts";

/** Strict where that is asked for; else relaxed, where the engine has it and the user's kernels. */
export function offered(numerics: Numerics | "auto" = "auto", sources?: KernelSources): Numerics {
  return numerics !== "strict" && supportsRelaxed() && (sources === undefined || sources.relaxed !== undefined) ? "relaxed" : "strict";
}

/** "auto": `plain` where the engine or the page's policy refuses what `wasm` starts, which is said once. */
export async function startMachine(asked: "auto" | "wasm" | "plain", wasm: () => Promise<Machine>, plain: () => Promise<Machine>): Promise<Machine> {
  if (asked === "plain") return plain();
  try {
    return await wasm();
  } catch (cause) {
    // What the user named is to be mended, not to be made slow.
    if (cause instanceof KernelSourceError || cause instanceof TypeError) throw cause;
    if (asked === "wasm") throw new Error('machine: this engine or page refuses the WebAssembly kernels; use machine: "plain"', { cause });
    sayOnce(`convlet: WebAssembly is not to be had here (${(cause as Error).message}); running in plain JavaScript, which is much slower`);
    return plain();
  }
}
