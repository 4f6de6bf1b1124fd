/** Tables of a model: what it is made of, and what the compiler would do with it. */
import { Algorithm } from "../../build/records.ts";
import type { Spec } from "../engine.ts";
import { memoryText } from "../machine/state.ts";
import { checkFlag, checkNumber, checkOptions } from "../options.ts";
import type { PlacedStep, Program } from "../program.ts";
import { type Shape, shapeText, sizeOf } from "../shape.ts";
import type { Compiled, Session } from "../training/session.ts";

export interface SummaryOptions {
  /** Adds the instructions of the training program (of the inference program when the model is not compiled). Default false. */
  readonly plan?: boolean;
  /** Samples per run of the plan. Default 32. */
  readonly batchSize?: number;
}

interface SummaryLayer {
  readonly name: string;
  readonly type: string;
  readonly outputShape: Shape;
  countParams(): number;
}

export interface SummaryModel {
  readonly layers: readonly SummaryLayer[];
  readonly session: Session;
  readonly compiled: Compiled | undefined;
}

export function summarize(model: SummaryModel, options: SummaryOptions): string {
  checkOptions("summary", options, ["plan", "batchSize"]);
  const { plan = false, batchSize = 32 } = options;
  checkFlag("summary", "plan", plan);
  checkNumber("summary", "batchSize", batchSize, { whole: true, atLeast: 1 });
  const { graph, engine, isTrainable } = model.session;
  const inference = engine.compile({ capacity: 1, mode: "inference", outputs: graph.outputs, isTrainable });
  const rows = model.layers.map((layer) => [
    `${layer.name} (${layer.type})`,
    shapeText(layer.outputShape),
    thousands(layer.countParams()),
    megaflops(inference.steps.filter((step) => step.name === layer.name)),
  ]);
  const inputs = graph.inputs.map(({ name, shape }) => [`${name} (input)`, shapeText(shape), "0", ""]);
  const total = graph.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const trained = graph.parameters.filter((p) => p.learned && isTrainable(p)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const lines = [
    table(["layer", "output", "parameters", "MFLOP"], [...inputs, ...rows]),
    `${thousands(total)} parameters (${memoryText(total * 4)}), ${thousands(trained)} trained; ${megaflops(inference.steps)} MFLOP per sample`,
  ];
  if (plan) lines.push("", planText(model, batchSize));
  return lines.join("\n");
}

function planText({ session: { graph, engine, isTrainable }, compiled }: SummaryModel, capacity: number): string {
  const common = { capacity, outputs: graph.outputs, isTrainable };
  const spec: Spec = compiled
    ? { ...common, mode: "training", loss: compiled.loss, optimizer: compiled.optimizer, backward: "parameters" }
    : { ...common, mode: "inference" };
  const program = engine.compile(spec);
  const rows = program.steps.map((step) => [
    step.section,
    step.kernel,
    step.name,
    algorithm(step),
    megaflops([step]),
    thousands(writtenBytes(program, step)),
  ]);
  return [
    `${compiled ? "training" : "inference"} program for batches of ${capacity}: ${program.steps.length} instructions, ` +
      `arena ${memoryText(program.arenaBytes)}, packed weights ${memoryText(program.preparedBytes)}`,
    table(["section", "kernel", "layer", "algorithm", "MFLOP", "bytes"], rows),
  ].join("\n");
}

function algorithm({ fields }: PlacedStep): string {
  return Object.entries(Algorithm).find(([, number]) => number === fields.algorithm)?.[0] ?? "";
}

/** Size of the activations a step writes, halo included, for the whole batch. */
function writtenBytes({ tensors, capacity, elementBytes }: Program, { fields }: PlacedStep): number {
  return ["output", "inputGrad", "predictionGrad"]
    .map((name) => fields[name])
    .filter((field): field is { tensor: number } => typeof field === "object" && field !== null && "tensor" in field)
    .reduce((sum, { tensor }) => sum + tensors[tensor].imageStride * capacity * elementBytes, 0);
}

function megaflops(steps: readonly PlacedStep[]): string {
  const flops = steps.reduce((sum, { cost }) => sum + cost, 0);
  return flops === 0 ? "" : (flops / 1e6).toPrecision(3);
}

function thousands(value: number): string {
  return value.toLocaleString("en-US");
}

/** Columns of equal width; numbers stand right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const isNumber = head.map((_, column) => rows.every((row) => /^[\d.,e+]*$/.test(row[column])));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}
