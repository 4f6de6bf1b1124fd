/** Runs single batches of a compiled model: loads what the host gives, runs sections, reads what comes out. */
import type { RunHeader } from "../../build/records.ts";
import type { Engine, Placed, Spec } from "../engine.ts";
import type { Graph, Parameter, Value } from "../graph.ts";
import type { Numerics } from "../machine/wasm.ts";
import { extentOf, type Shape } from "../shape.ts";
import { type Batch, type BatchPlan, batches, gather } from "./data.ts";
import type { Loss } from "./losses.ts";
import type { Metric, MetricSpec } from "./metrics.ts";
import { learningRateAt, type Optimizer } from "./optimizers.ts";

/** What a training continues from: part of the model and of its file. */
export interface Counters {
  /** Epochs trained: keys the shuffle. */
  epoch: number;
  /** Updates made: keys schedules and Adam's correction. */
  step: number;
  /** Batches trained on, those of an accumulation one by one: keys dropout. */
  run: number;
}

/** What `compile` chose. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  /** What the metrics were asked for with: what a file keeps of them. */
  readonly metricSpecs: readonly MetricSpec[];
  /** Of training. */
  readonly metrics: readonly Metric[];
  /** Counters of their own for an evaluation, which may run between two steps of a training. */
  newMetrics(): readonly Metric[];
}

/** All samples of a call, one entry per model input. */
export interface Samples {
  readonly inputs: readonly Batch[];
  readonly target: Batch;
  readonly sampleWeight: Float32Array | null;
}

/** A batch's part of an accumulated update. */
export interface Accumulation {
  /** Whether it adds to what earlier batches of the update left. */
  readonly adds: boolean;
  /** Whether the update follows. */
  readonly updates: boolean;
  /** Samples of the whole update. */
  readonly samples: number;
}

export class Session {
  readonly counters: Counters = { epoch: 0, step: 0, run: 0 };
  /** Set by a callback; wins over the optimizer's own. */
  learningRateOverride: number | undefined;

  constructor(
    readonly engine: Engine,
    /** `frozen`: names of the layers that training leaves as they are. */
    readonly options: { readonly seed: number; readonly numerics: Numerics; readonly frozen: Set<string> },
  ) {}

  get graph(): Graph {
    return this.engine.graph;
  }

  readonly isTrainable = ({ layer }: Parameter): boolean => !this.options.frozen.has(layer);

  /** Forward, loss, backward, and where the accumulation says so the update. Counts in the metrics and gives the batch's mean loss with penalties. */
  trainBatch(compiled: Compiled, samples: Samples, plan: BatchPlan, run: { capacity: number; seed: number; accumulation: Accumulation }): number {
    const { accumulation } = run;
    const placed = this.trainingProgram(compiled, run.capacity);
    this.load(placed, samples, plan);
    const step = this.counters.step + 1;
    const learningRate = this.learningRate(compiled.optimizer);
    const lossScale = accumulation.samples === plan.size ? 1 / plan.size : 1;
    const header: RunHeader = {
      batch: plan.size,
      seed: run.seed | 0,
      step: this.counters.run,
      accumulate: accumulation.adds ? 1 : 0,
      lossScale,
      gradientScale: lossScale === 1 ? 1 / accumulation.samples : 1,
      regularizationScale: lossScale * plan.size,
      learningRate,
      correctedRate: compiled.optimizer.correctedRate(learningRate, step),
      abort: 0,
    };
    const sections = accumulation.updates ? (["forward", "loss", "backward", "statistics", "update"] as const) : TO_STATISTICS;
    this.engine.run(placed, sections, { header, numerics: this.options.numerics });
    this.counters.run++;
    if (accumulation.updates) this.counters.step++;
    return this.counted(compiled, placed, samples, plan.size);
  }

  /** Forward and loss in inference mode, strict unless the model says otherwise, and otherwise as `trainBatch`. */
  evaluateBatch(compiled: Compiled, samples: Samples, plan: BatchPlan, capacity: number): number {
    const placed = this.evaluationProgram(compiled, capacity);
    this.load(placed, samples, plan);
    this.engine.run(placed, ["forward", "loss"], { header: { batch: plan.size, lossScale: 1 / plan.size }, numerics: this.options.numerics });
    return this.counted(compiled, placed, samples, plan.size);
  }

  /** Forward, loss and backward in training mode; nothing is updated. */
  gradientsOf(compiled: Compiled, samples: Samples): ReadonlyMap<Parameter, Float32Array | Float64Array> {
    const size = samples.target.count;
    const placed = this.trainingProgram(compiled, size);
    this.load(placed, samples, { start: 0, size: size, order: null });
    const scales = { accumulate: 0, lossScale: 1 / size, gradientScale: 1, regularizationScale: 1 };
    const header = { batch: size, seed: this.options.seed | 0, step: this.counters.run, ...scales };
    this.engine.run(placed, ["forward", "loss", "backward"], { header, numerics: this.options.numerics });
    const trained = this.graph.parameters.filter((parameter) => parameter.learned && this.isTrainable(parameter));
    return new Map(trained.map((parameter) => [parameter, this.engine.state.view(parameter, "gradient").slice()]));
  }

  /** Gradient of the score of one of `classes` with respect to the first input, in inference mode. */
  inputGradient(inputs: readonly Batch[], classIndex: number, classes: number): Float32Array {
    const { engine } = this;
    const [{ data, count }] = inputs;
    const capacity = Math.min(count, SALIENCY_BATCH);
    const placed = this.program(`saliency ${capacity}`, { capacity, mode: "inference", outputs: [], backward: "inputs" });
    const { seed, inputGradients } = placed.program.ports;
    const result = new engine.state.FloatArray(data.length) as Float32Array;
    for (const plan of batches(count, capacity)) {
      this.loadInputs(placed, inputs, plan);
      const scores = engine.tensor(placed, seed!, plan.size);
      for (let index = 0; index < scores.length; index++) scores[index] = index % classes === classIndex ? 1 : 0;
      engine.run(placed, ["forward", "backward"], { header: { batch: plan.size }, numerics: "strict" });
      result.set(engine.tensor(placed, inputGradients[0], plan.size), (plan.start * data.length) / count);
    }
    return result;
  }

  /** Adds the last batch to the metrics and gives its loss. */
  private counted({ metrics }: Compiled, placed: Placed, { sampleWeight }: Samples, size: number): number {
    if (metrics.length > 0) this.updateMetrics(metrics, placed, size, sampleWeight !== null);
    return this.lossOf(placed, size);
  }

  private updateMetrics(metrics: readonly Metric[], placed: Placed, size: number, weighted: boolean): void {
    const { height, width, channels } = extentOf(this.graph.outputs[0].shape);
    const rows = size * height * width;
    const prediction = this.engine.tensor(placed, placed.program.ports.outputs[0], size) as Float32Array;
    const target = this.engine.floats(placed, placed.program.ports.target!) as Float32Array;
    const weights = weighted ? this.rowWeights(placed, size, height * width) : null;
    for (const metric of metrics) metric.update(prediction, target, weights, rows, channels);
  }

  private rowWeights(placed: Placed, size: number, rowsPerSample: number): Float32Array {
    const weights = this.engine.floats(placed, placed.program.ports.sampleWeight!) as Float32Array;
    if (rowsPerSample === 1) return weights;
    return Float32Array.from({ length: size * rowsPerSample }, (_, row) => weights[Math.floor(row / rowsPerSample)]);
  }

  learningRate(optimizer: Optimizer): number {
    return this.learningRateOverride ?? learningRateAt(optimizer, this.counters.step);
  }

  trainingProgram({ loss, optimizer }: Compiled, capacity: number): Placed {
    const { outputs } = this.graph;
    const key = `train ${capacity} ${[...this.options.frozen].sort().join("\n")}`;
    return this.program(key, { capacity, mode: "training", outputs, loss, backward: "parameters", optimizer });
  }

  evaluationProgram({ loss }: Compiled, capacity: number): Placed {
    return this.program(`evaluate ${capacity}`, { capacity, mode: "inference", outputs: this.graph.outputs, loss });
  }

  inferenceProgram(outputs: readonly Value[], capacity: number): Placed {
    const { key, spec } = this.inferenceSpec(outputs, capacity);
    return this.engine.program(key, () => spec);
  }

  /** Compiles an inference program that will be asked for. The memory stays as it is. */
  compileInferenceAhead(outputs: readonly Value[], capacity: number): void {
    const { key, spec } = this.inferenceSpec(outputs, capacity);
    this.engine.compileAhead(key, spec);
  }

  private inferenceSpec(outputs: readonly Value[], capacity: number): { key: string; spec: Spec } {
    const names = outputs === this.graph.outputs ? "outputs" : outputs.map((value) => value.id).join();
    return { key: `infer ${capacity} ${names}`, spec: { capacity, mode: "inference", outputs, isTrainable: this.isTrainable } };
  }

  private program(key: string, spec: Omit<Spec, "isTrainable">): Placed {
    return this.engine.program(key, () => ({ ...spec, isTrainable: this.isTrainable }));
  }

  /** Writes a batch where the program reads it. */
  load(placed: Placed, { inputs, target, sampleWeight }: Samples, plan: BatchPlan): void {
    this.loadInputs(placed, inputs, plan);
    const { ports } = placed.program;
    gather(target, plan, this.engine.floats(placed, ports.target!) as Float32Array);
    const weights = this.engine.floats(placed, ports.sampleWeight!) as Float32Array;
    if (sampleWeight === null) weights.fill(1);
    else gather({ data: sampleWeight, count: sampleWeight.length }, plan, weights);
  }

  loadInputs(placed: Placed, inputs: readonly Batch[], plan: BatchPlan): void {
    for (let index = 0; index < inputs.length; index++) {
      gather(inputs[index], plan, this.engine.tensor(placed, placed.program.ports.inputs[index], plan.size) as Float32Array);
    }
  }

  lossOf(placed: Placed, size: number): number {
    const { losses, penalties } = placed.program.ports;
    const perSample = this.engine.floats(placed, losses!);
    let sum = 0;
    for (let sample = 0; sample < size; sample++) sum += perSample[sample];
    let loss = sum / size;
    for (const penalty of penalties) loss += this.engine.floats(placed, penalty)[0];
    return loss;
  }
}

/** Samples per run of `inputGradient`. */
const SALIENCY_BATCH = 32;

const TO_STATISTICS = ["forward", "loss", "backward", "statistics"] as const;

/** Shape of one sample's target: a class number per pixel, or values as the output has them. */
export function targetShape(loss: Loss, output: Shape): Shape {
  return loss.target === "labels" ? output.slice(0, -1) : output;
}
