/** What `compile` takes and chooses. */
import type { Graph } from "../graph.ts";
import { sayOnce } from "../machine/sayOnce.ts";
import { checkOptions, shown, within } from "../options.ts";
import { type LossSpec, logitsComplaint, loss as lossOf } from "./losses.ts";
import { createMetrics, type MetricSpec } from "./metrics.ts";
import { type OptimizerSpec, optimizer as optimizerOf } from "./optimizers.ts";
import type { Compiled } from "./session.ts";

export interface CompileOptions {
  /** Default "rmsprop", Keras's. */
  readonly optimizer?: OptimizerSpec;
  readonly loss: LossSpec;
  readonly metrics?: readonly MetricSpec[];
}

/** Checked options, made into what a training of this graph runs with. */
export function compiledFor(graph: Graph, options: CompileOptions): Compiled {
  checkOptions("compile", options, ["optimizer", "loss", "metrics"]);
  const { optimizer = "rmsprop", loss, metrics = [] } = options;
  if (!Array.isArray(metrics)) throw new TypeError(`compile: metrics is ${shown(metrics)}, needs an array`);
  if (loss === undefined) throw new TypeError('compile: loss is missing; for class numbers use "sparseCategoricalCrossentropy"');
  if (graph.outputs.length > 1) {
    throw new RangeError(`compile: the model has ${graph.outputs.length} outputs; training knows models with one (predict knows all)`);
  }
  const chosen = within("compile", () => lossOf(loss));
  const [output] = graph.outputs;
  const { shape } = output;
  const classes = shape.at(-1)!;
  if (chosen.name.endsWith("ategoricalCrossentropy") && classes < 2) {
    throw new RangeError(
      `compile: ${chosen.name} needs an output of at least 2 classes, the model's is [${shape}]; for one output use binaryCrossentropy`,
    );
  }
  const end = graph.nodes.find((node) => node.output === output);
  const complaint = end && logitsComplaint(chosen, end);
  if (complaint !== undefined) sayOnce(`convlet: compile: ${complaint}`);
  const newMetrics = () => createMetrics(metrics, { loss: chosen, classes });
  return within("compile", () => ({
    optimizer: optimizerOf(optimizer),
    loss: chosen,
    metricSpecs: metrics,
    metrics: newMetrics(),
    newMetrics,
  }));
}
