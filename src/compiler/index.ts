/** Graph → Program. */
import { CrossEntropy, ElementLoss, Write } from "../../build/records.ts";
import type { Graph, Node, Parameter, Value } from "../graph.ts";
import type { ActivationAttributes } from "../ops/activation.ts";
import { type Attributes, ops } from "../ops/index.ts";
import { type ArenaArray, operands, type PreparedArray, type StateArray, type Step, type Tensor } from "../ops/op.ts";
import type { Program } from "../program.ts";
import { sizeOf } from "../shape.ts";
import { fuse } from "./fuse.ts";
import { Lowerer } from "./lower.ts";
import { place, type SymbolicPorts } from "./place.ts";
import type { LossSpec, OptimizerSpec } from "./spec.ts";

export interface ProgramSpec {
  readonly capacity: number;
  /** Batch statistics and dropout, or running statistics and none. */
  readonly mode: "training" | "inference";
  /** Values the host reads after a run. */
  readonly outputs: readonly Value[];
  readonly loss?: LossSpec;
  /** Gradients of trained parameters from the loss, or of the inputs from a seed that the host writes at the output. */
  readonly backward?: "parameters" | "inputs";
  readonly optimizer?: OptimizerSpec;
  readonly elementBytes: 4 | 8;
  /** Most threads that a run will have. */
  readonly threads: number;
  isTrainable(parameter: Parameter): boolean;
  stateOffset(array: StateArray): number;
}

export function compileProgram(graph: Graph, spec: ProgramSpec): Program {
  const training = spec.mode === "training";
  const isTrained = (parameter: Parameter) => spec.backward === "parameters" && parameter.learned && spec.isTrainable(parameter);
  const usesRunningStatistics = (node: Node) => !training || isFrozen(node, spec);
  const requested = new Set(spec.outputs);
  const { nodes, resolve } = fuse(graph, { training, backward: spec.backward !== undefined, requested, usesRunningStatistics });
  const needsGradient = gradientPath(graph, nodes, { inputs: spec.backward === "inputs", isTrained });
  const lowerer = new Lowerer({ training, capacity: spec.capacity, needsGradient, isTrained, usesRunningStatistics });

  const inputs = graph.inputs.map((value) => hostTensor(lowerer.tensor(value), "hostWrites"));
  for (const node of nodes) forward(lowerer, node);
  const outputs = spec.outputs.map((value) => {
    const tensor = lowerer.tensor(resolve(value));
    tensor.storage.hostReads = true;
    return tensor;
  });
  const score = scoreOf(resolve(graph.outputs[0]), nodes, spec.loss);
  const seed = spec.backward === "inputs" ? hostTensor(lowerer.gradientTarget(score.value).tensor, "hostWrites") : null;
  const lossPorts = spec.loss === undefined ? NO_LOSS : lowerLoss(lowerer, score, spec);
  const trained = graph.parameters.filter(isTrained);
  if (spec.backward !== undefined) backward(lowerer, nodes);
  const penalties = lowerRegularizers(lowerer, graph, { spec, isTrained });
  if (spec.optimizer !== undefined) lowerUpdates(lowerer, trained, spec.optimizer);
  const inputGradients = spec.backward === "inputs" ? graph.inputs.map((value) => inputGradient(lowerer, value)) : [];
  const ports: SymbolicPorts = { inputs, outputs, inputGradients, seed, ...lossPorts, penalties };
  return place(lowerer.steps.map(repacking(isTrained)), ports, spec);
}

/** Moves what is prepared from trained parameters, directly or by way of another prepared array, to section `repack`. Takes the steps in order. */
function repacking(isTrained: (parameter: Parameter) => boolean): (step: Step) => Step {
  const changing = new Set<PreparedArray>();
  return (step) => {
    const prepared = operands(step, "prepared");
    const changes = operands(step, "state").some(({ parameter }) => isTrained(parameter)) || prepared.some((array) => changing.has(array));
    if (step.section !== "prepare" || !changes) return step;
    for (const array of prepared) changing.add(array);
    return { ...step, section: "repack" };
  };
}

const NO_LOSS = { target: null, sampleWeight: null, losses: null };

function isFrozen(node: Node, spec: ProgramSpec): boolean {
  if (node.op !== "batchNormalization") return false;
  return (node.attributes as Attributes["batchNormalization"]).frozen === true || !spec.isTrainable(node.parameters.mean);
}

function hostTensor(tensor: Tensor, access: "hostWrites" | "hostReads"): Tensor {
  tensor.storage.rigid = true;
  tensor.storage[access] = true;
  return tensor;
}

/** Values that depend on a trained parameter, or on an input whose gradient is asked for. */
function gradientPath(graph: Graph, nodes: readonly Node[], from: { inputs: boolean; isTrained(p: Parameter): boolean }): Set<Value> {
  const path = new Set<Value>(from.inputs ? graph.inputs : []);
  for (const node of nodes) {
    if (node.inputs.some((value) => path.has(value)) || Object.values(node.parameters).some(from.isTrained)) path.add(node.output);
  }
  return path;
}

function forward(lowerer: Lowerer, node: Node): void {
  lowerer.section = "forward";
  ops[node.op].forward(lowerer, node as never);
}

function backward(lowerer: Lowerer, nodes: readonly Node[]): void {
  lowerer.section = "backward";
  for (const node of [...nodes].reverse()) {
    if (lowerer.gradientOf(node.output) === undefined || !lowerer.needsGradient(node.output)) continue;
    const wanted = node.inputs.some((value) => lowerer.needsGradient(value)) || Object.values(node.parameters).length > 0;
    if (wanted) ops[node.op].backward(lowerer, node as never);
  }
}

function inputGradient(lowerer: Lowerer, value: Value): Tensor {
  const tensor = lowerer.gradientOf(value) ?? lowerer.gradientTarget(value).tensor;
  tensor.storage.hostReads = true;
  return tensor;
}

/** What a loss (or a saliency map) is told of: the logits under a final softmax or sigmoid, or else the output itself. */
interface Score {
  readonly value: Value;
  readonly logits: boolean;
}

function scoreOf(output: Value, nodes: readonly Node[], loss: LossSpec | undefined): Score {
  const producer = nodes.find((node) => node.output === output);
  const fromLogits = loss?.config.fromLogits === true;
  const softmax = producer?.op === "softmax" && (loss === undefined || loss.name.endsWith("ategoricalCrossentropy"));
  const sigmoid = producer?.op === "activation" && (producer.attributes as ActivationAttributes).kind === "sigmoid";
  const fused = softmax || (sigmoid && (loss === undefined || loss.name === "binaryCrossentropy"));
  return fused && !fromLogits ? { value: producer!.inputs[0], logits: true } : { value: output, logits: fromLogits };
}

function lowerLoss(lowerer: Lowerer, score: Score, { loss, backward: gradients, capacity }: ProgramSpec) {
  lowerer.section = "loss";
  const { name, config } = loss!;
  const { shape } = score.value;
  const sparse = name === "sparseCategoricalCrossentropy";
  const target = lowerer.array("target", capacity * sizeOf(sparse ? shape.slice(0, -1) : shape), "float");
  const sampleWeight = lowerer.array("sampleWeight", capacity, "float");
  // The host reads them again after the run: for metrics.
  for (const array of [target, sampleWeight]) Object.assign(array, { hostWrites: true, hostReads: true });
  const losses = hostReads(lowerer.array("losses", capacity, "float"));
  const wanted = gradients === "parameters" && lowerer.needsGradient(score.value);
  const fields = {
    prediction: lowerer.tensor(score.value),
    predictionGrad: wanted ? lowerer.gradientTarget(score.value).tensor : null,
    target,
    sampleWeight,
    losses,
  };
  if (name.endsWith("ategoricalCrossentropy")) {
    const kind = sparse ? (score.logits ? "sparseLogits" : "sparse") : score.logits ? "categoricalLogits" : "categorical";
    lowerer.step("crossEntropyLoss", { name }, { ...fields, kind: CrossEntropy[kind] });
  } else {
    const kind = name === "binaryCrossentropy" ? (score.logits ? "binaryCrossEntropyLogits" : "binaryCrossEntropy") : name;
    lowerer.step("elementwiseLoss", { name }, { ...fields, kind: ElementLoss[kind as keyof typeof ElementLoss], delta: config.delta ?? 1 });
  }
  return { target, sampleWeight, losses };
}

function hostReads(array: ArenaArray): ArenaArray {
  array.hostReads = true;
  return array;
}

/** Adds the penalties' gradients; without a backward section only counts the penalties. */
function lowerRegularizers(lowerer: Lowerer, graph: Graph, { spec, isTrained }: { spec: ProgramSpec; isTrained(p: Parameter): boolean }) {
  if (spec.loss === undefined) return [];
  lowerer.section = spec.backward === "parameters" ? "backward" : "loss";
  return graph.parameters
    .filter(({ l1, l2 }) => l1 > 0 || l2 > 0)
    .map((parameter) => {
      const penalty = hostReads(lowerer.array(`${parameter.name} penalty`, 1, "float"));
      const gradient = isTrained(parameter) ? state(parameter, "gradient") : null;
      const { l1, l2 } = parameter;
      lowerer.step("regularize", parameter, { weight: state(parameter, "value"), gradient, penalty, count: sizeOf(parameter.shape), l1, l2 });
      return penalty;
    });
}

function lowerUpdates(lowerer: Lowerer, trained: readonly Parameter[], optimizer: OptimizerSpec): void {
  lowerer.section = "update";
  const { kernel, fields, slots, weightDecay, clipValue = 0, globalClipNorm } = optimizer;
  const clipNorm = optimizer.clipNorm ?? globalClipNorm ?? 0;
  const globalSquares = globalClipNorm === undefined ? undefined : lowerer.array("squares of all gradients", 1, "float");
  const squares = new Map<Parameter, ArenaArray>();
  trained.forEach((parameter, index) => {
    if (clipNorm === 0) return;
    const sum = globalSquares ?? lowerer.array(`${parameter.name} squares`, 1, "float");
    squares.set(parameter, sum);
    const write = globalSquares !== undefined && index > 0 ? Write.add : Write.overwrite;
    lowerer.step("sumSquares", parameter, { gradient: state(parameter, "gradient"), sum, count: sizeOf(parameter.shape), write });
  });
  for (const parameter of trained) {
    const common = { weight: state(parameter, "value"), gradient: state(parameter, "gradient"), count: sizeOf(parameter.shape) };
    const clip = { clipValue, clipNorm, normSquares: squares.get(parameter) ?? null };
    const absent = Object.fromEntries((kernel === "adamUpdate" ? [] : ["velocity"]).map((slot) => [slot, null]));
    const slotFields = Object.fromEntries(slots.map((slot) => [slot, state(parameter, slot)]));
    lowerer.step(kernel, parameter, { ...common, ...clip, weightDecay, ...absent, ...slotFields, ...fields } as never);
  }
}

function state(parameter: Parameter, role: string): StateArray {
  return { kind: "state", parameter, role };
}
