/** Runs inference programs over samples, slice by slice. */
import type { Value } from "./graph.ts";
import { memoryText } from "./machine/state.ts";
import type { Numerics } from "./machine/wasm.ts";
import { checkNumber, checkOptions } from "./options.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { SingleRun } from "./singleRun.ts";
import { asBatches, type Batch, type DataLike } from "./training/data.ts";
import type { Session } from "./training/session.ts";
import type { TensorData } from "./weights.ts";

export interface PredictOptions {
  /** Samples per run. Default 32. */
  readonly batchSize?: number;
}

/** One input's samples, or a list with one entry per input. */
export type ModelInput = DataLike | readonly DataLike[];

/** Samples per run where the user does not say: Keras's. */
const DEFAULT_BATCH = 32;

export class Inference {
  private single: SingleRun | undefined;

  constructor(
    private readonly session: Session,
    readonly numerics: Numerics,
  ) {}

  /** What `run` gives for the model's only output; at once where one sample comes as before. */
  predict(x: ModelInput, options: PredictOptions): TensorData {
    const { single } = this;
    const { graph } = this.session;
    if (single?.isCurrent === true && x instanceof Float32Array && single.takes(x) && isPlain(options)) {
      return { data: single.run(x), shape: [1, ...graph.outputs[0].shape] };
    }
    return this.run("predict", graph.outputs, x, options)[0];
  }

  /** The values of `outputs` for all samples. `where` is the caller, for errors. */
  run(where: string, outputs: readonly Value[], x: ModelInput, options: PredictOptions = {}): TensorData[] {
    checkOptions(where, options, ["batchSize"]);
    const { batchSize = DEFAULT_BATCH } = options;
    checkNumber(where, "batchSize", batchSize, { whole: true, atLeast: 1 });
    const inputs = this.batches(x, where);
    const { count } = inputs[0];
    // The default batch, or 1, also for fewer samples: one program for all of them.
    const capacity = count === 1 ? 1 : Math.min(batchSize, Math.max(count, DEFAULT_BATCH));
    const { session, numerics } = this;
    const { engine } = session;
    const placed = session.inferenceProgram(outputs, capacity);
    const inOneRun = count <= batchSize;
    const results = inOneRun ? [] : outputs.map(({ shape }) => resultArray(where, [count, ...shape]));
    for (let start = 0; start < count; start += batchSize) {
      const size = Math.min(batchSize, count - start);
      session.loadInputs(placed, inputs, { start, size, order: null });
      engine.run(placed, ["forward"], { header: { batch: size }, numerics });
      for (const [index, { shape }] of outputs.entries()) {
        const values = engine.tensor(placed, placed.program.ports.outputs[index], size);
        if (inOneRun) results.push(resultArray(where, [count, ...shape], values));
        else results[index].set(values, start * sizeOf(shape));
      }
    }
    if (count === 1 && outputs === session.graph.outputs && this.single?.isCurrent !== true) this.single = SingleRun.of(engine, placed, numerics);
    return results.map((data, index) => ({ data, shape: [count, ...outputs[index].shape] }));
  }

  /** Lets go of the memory. */
  dispose(): void {
    this.single = undefined;
  }

  /** Checked samples, one batch per input. */
  batches(x: ModelInput, where: string): Batch[] {
    return asBatches(x, this.session.graph.inputs, where);
  }
}

/** Whether options are those of most calls; others are checked one by one. */
function isPlain(options: PredictOptions): boolean {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return false;
  for (const name in options) if (name !== "batchSize") return false;
  const { batchSize } = options;
  return batchSize === undefined || (Number.isSafeInteger(batchSize) && batchSize > 0);
}

/** A copy of `values`, which is then not filled with zeros before, or zeros. */
function resultArray(where: string, shape: Shape, values?: Float32Array | Float64Array): Float32Array {
  try {
    return values === undefined ? new Float32Array(sizeOf(shape)) : new Float32Array(values);
  } catch (cause) {
    throw new RangeError(
      `${where}: the result [${shape.join(", ")}] takes ${memoryText(sizeOf(shape) * 4)}, more than the engine gives; pass fewer samples at a time`,
      { cause },
    );
  }
}
