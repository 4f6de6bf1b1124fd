/** Predictions of one sample, as short as they can be: all that they need is looked up once. */
import type { Engine, Placed } from "./engine.ts";
import type { Machine } from "./machine/machine.ts";
import { headerAddress } from "./machine/records.ts";
import type { Numerics } from "./machine/wasm.ts";

/** Below this many numbers a loop is faster than a call of `set`. */
const SHORT = 64;

const BATCH = headerAddress("batch") / 4;
const ABORT = headerAddress("abort") / 4;

export class SingleRun {
  private readonly generation: number;
  private readonly version: number;

  private constructor(
    private readonly engine: Engine,
    private readonly machine: Machine,
    private readonly range: { readonly first: number; readonly count: number; readonly threads: number | undefined },
    private readonly views: { readonly header: Int32Array; readonly input: Float32Array; readonly output: Float32Array },
  ) {
    this.generation = engine.generation;
    this.version = engine.state.version;
  }

  /** Of a program for one sample that has just run. Undefined where it is not from one float32 array to another, or may still pack weights. */
  static of(engine: Engine, placed: Placed, numerics: Numerics): SingleRun | undefined {
    const { inputs, outputs } = placed.program.ports;
    const forward = placed.sections.get("forward");
    if (inputs.length !== 1 || outputs.length !== 1 || forward === undefined || placed.emitted !== placed.program) return undefined;
    const input = engine.tensor(placed, inputs[0], 1);
    const output = engine.tensor(placed, outputs[0], 1);
    const { buffer } = engine.state.memory;
    const isView = (array: Float32Array | Float64Array) => array instanceof Float32Array && array.buffer === buffer;
    if (!isView(input) || !isView(output)) return undefined;
    const range = { first: forward.first, count: forward.count, threads: engine.threadsFor(forward.work) };
    const views = { header: new Int32Array(buffer, 0, Math.max(BATCH, ABORT) + 1), input, output };
    return new SingleRun(engine, engine.machine(numerics), range, views as SingleRun["views"]);
  }

  /** Whether neither programs nor weights have changed since. */
  get isCurrent(): boolean {
    return this.generation === this.engine.generation && this.version === this.engine.state.version;
  }

  /** Whether `x` is a sample. A view is empty once its memory has grown. */
  takes(x: Float32Array): boolean {
    return x.length === this.views.input.length;
  }

  run(x: Float32Array): Float32Array {
    const { header, input, output } = this.views;
    const { first, count, threads } = this.range;
    copy(x, input);
    header[BATCH] = 1;
    header[ABORT] = 0;
    if (this.machine.execute(first, count, threads) < count) throw new Error("model: the run was aborted");
    // A copy made from an array is not filled with zeros before.
    if (output.length > SHORT) return new Float32Array(output);
    const result = new Float32Array(output.length);
    copy(output, result);
    return result;
  }
}

function copy(from: Float32Array, to: Float32Array): void {
  if (from.length > SHORT) to.set(from);
  else for (let index = 0; index < from.length; index++) to[index] = from[index];
}
