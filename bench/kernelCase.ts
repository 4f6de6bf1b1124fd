/** One layer's kernel on every machine of the library, beside the baseline. */

import type { Model, ModelOptions } from "../src/index.ts";
import { type Numerics, supportsRelaxed } from "../src/machine/wasm.ts";
import type { Arrays, Bench, BenchCase, Contender } from "./harness.ts";
import { internals } from "./program.ts";
import { type Streams, streamsOn } from "./suites/reference.ts";

export interface Subject {
  readonly model: Model;
  /** The function that is measured. */
  runner(numerics: Numerics): () => unknown;
  /** What `run` computes from the case's data. */
  result(run: () => unknown): Arrays;
  /** Floating-point operations of a run with the algorithm that was chosen. */
  readonly arithmetic?: number;
  /** For kernels that move data: loops without arithmetic over the very same arrays. They leave the inputs as they are. */
  streams?(loops: Streams): readonly (() => unknown)[];
}

/** What a case's model runs on. */
export type MachineOptions = Pick<ModelOptions, "machine" | "threads">;

export interface KernelCase extends Omit<BenchCase, "suite" | "contenders" | "streams"> {
  build(machine: MachineOptions): Promise<Subject>;
  /** bench/js. A RangeError says that it cannot run the case. */
  baseline(): { run: () => unknown; result: () => Arrays };
}

export async function timeKernel(bench: Bench, kernel: KernelCase): Promise<void> {
  const contenders: Contender[] = [];
  const models: Model[] = [];
  const add = ({ arithmetic, ...subject }: Subject, engine: Contender["engine"], numerics: Contender["numerics"]) => {
    const run = subject.runner(numerics === "float64" ? "strict" : numerics);
    contenders.push({
      engine,
      numerics,
      run,
      result: () => subject.result(run),
      ...(engine === "convlet" && arithmetic !== undefined && { arithmetic }),
    });
  };
  try {
    // Both numerics and the streams in one memory: each finds in the caches what the others leave there.
    const wasm = await kernel.build({ machine: "wasm" });
    models.push(wasm.model);
    add(wasm, "convlet", "strict");
    if (supportsRelaxed()) add(wasm, "convlet", "relaxed");
    else bench.leaveOut(`${kernel.name} convlet relaxed`, "this engine has no relaxed SIMD");
    if (bench.affordsPlain(`${kernel.name} convlet-plain`, kernel.work)) {
      const plain = await kernel.build({ machine: "plain" });
      models.push(plain.model);
      add(plain, "convlet-plain", "float64");
    }
    addBaseline(bench, kernel, contenders);
    const streams = wasm.streams?.(streamsOn(internals(wasm.model).engine.state.memory));
    await bench.time({ ...kernel, suite: "kernels", contenders, ...(streams && { streams }) });
  } finally {
    for (const model of models) model.dispose();
  }
}

function addBaseline(bench: Bench, kernel: KernelCase, contenders: Contender[]): void {
  try {
    contenders.push({ engine: "bench-js", numerics: "float64", ...kernel.baseline() });
  } catch (reason) {
    if (!(reason instanceof RangeError)) throw reason;
    bench.leaveOut(`${kernel.name} bench-js`, reason.message);
  }
}
