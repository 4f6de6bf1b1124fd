/** Convolution, and with a 1x1 window over [1, 1, features] the dense layer. */
import {
  Activation,
  Algorithm,
  MATMUL_SCRATCH,
  Panels,
  SPAN_PIXELS,
  WEIGHT_GRAD_COLUMN_SCRATCH,
  WEIGHT_GRAD_SCRATCH,
  Write,
} from "../../build/records.ts";
import type { Node, Parameter } from "../graph.ts";
import { type Extent, extentOf, sizeOf, type WindowGeometry } from "../shape.ts";
import type { ActivationAttributes } from "./activation.ts";
import type { ArrayRef, Halo, Lowering, Op, PreparedArray, Tensor } from "./op.ts";
import { roundUp, winogradGradientPays, winogradGradientScratch, winogradPanels, winogradPays, winogradScratch } from "./winograd.ts";

export interface Conv2dAttributes {
  readonly geometry: WindowGeometry;
  readonly groups: number;
  /** Fused by the compiler: applied where the output is written. */
  readonly activation?: ActivationAttributes;
  /** Fused by the compiler: a second input, added before the activation. */
  readonly residual?: boolean;
  /** Fused by the compiler: the gradient of the output comes as that before the activation. */
  readonly gated?: boolean;
  /** Fused by the compiler in inference: the batch normalization whose scale and offset the weights take in. */
  readonly folded?: FoldedNormalization;
}

export interface FoldedNormalization {
  readonly gamma?: Parameter;
  readonly beta?: Parameter;
  readonly mean: Parameter;
  readonly variance: Parameter;
  readonly epsilon: number;
}

type Conv2dNode = Node & { attributes: Conv2dAttributes };

type Direction = "output" | "inputGrad" | "weightGrad";

export const conv2d: Op<Conv2dAttributes> = {
  forward(lowering, node) {
    const { activation, residual } = node.attributes;
    const { weight, bias, key } = weights(lowering, node);
    const fields = {
      input: inputOf(lowering, node),
      output: spread(lowering, node, lowering.tensor(node.output)),
      residual: residual ? lowering.tensor(node.inputs[1]) : null,
      weight,
      panels: panels(lowering, node, { weight, key, direction: "output" }),
      bias,
      ...windowFields(node, "output"),
      activation: activation ? Activation[activation.kind] : Activation.linear,
      alpha: activation?.alpha ?? 0,
    };
    lowering.step("conv2dOutput", node, fields, { cost: flops(node), scratchBytes: scratchBytes(node, "output") });
  },

  backward(lowering, node) {
    const { activation, gated } = node.attributes;
    let outputGrad = lowering.outputGradient(node);
    if (activation !== undefined && !gated) {
      const before = lowering.temporary(`${node.name} before ${activation.kind}`, extentOf(node.output.shape));
      const kind = { activation: Activation[activation.kind], alpha: activation.alpha };
      const fields = { reference: lowering.tensor(node.output), outputGrad, inputGrad: before, ...kind, write: Write.overwrite };
      lowering.step("activationInputGrad", node, fields, { inPlace: ["outputGrad", "inputGrad"] });
      outputGrad = before;
    }
    weightGradient(lowering, node, outputGrad);
    if (lowering.needsGradient(node.inputs[0])) inputGradient(lowering, node, outputGrad);
    // Last: it may take the output's gradient over, and then nobody may read it any more.
    if (node.attributes.residual) residualGradient(lowering, node, outputGrad);
  },
};

function inputGradient(lowering: Lowering, node: Conv2dNode, outputGrad: Tensor): void {
  const [value] = node.inputs;
  const { geometry } = node.attributes;
  const { weight, key } = weights(lowering, node);
  const { tensor: inputGrad, write } = lowering.gradientTarget(value);
  const fields = {
    outputGrad: spread(lowering, node, lowering.haloed(outputGrad, outputGradHalo(geometry, extentOf(value.shape)))),
    inputGrad: spread(lowering, node, inputGrad),
    weight,
    panels: panels(lowering, node, { weight, key, direction: "inputGrad" }),
    ...windowFields(node, "inputGrad"),
    write,
  };
  lowering.step("conv2dInputGrad", node, fields, { cost: flops(node), scratchBytes: scratchBytes(node, "inputGrad") });
}

function residualGradient(lowering: Lowering, node: Conv2dNode, outputGrad: Tensor): void {
  const value = node.inputs[1];
  if (!lowering.needsGradient(value) || lowering.adoptGradient(value, outputGrad)) return;
  const { tensor: output, write } = lowering.gradientTarget(value);
  lowering.step("copy", node, { input: outputGrad, output, write });
}

function weightGradient(lowering: Lowering, node: Conv2dNode, outputGrad: Tensor): void {
  const weightGrad = lowering.parameterGradient(node.parameters.kernel);
  const biasGrad = lowering.parameterGradient(node.parameters.bias);
  if (weightGrad === null) return;
  const fields = {
    input: inputOf(lowering, node),
    outputGrad: spread(lowering, node, outputGrad),
    weightGrad,
    biasGrad,
    ...windowFields(node, "weightGrad"),
    write: weightGrad.write,
  };
  lowering.step("conv2dWeightGrad", node, fields, { cost: flops(node), scratchBytes: scratchBytes(node, "weightGrad") });
}

function inputOf(lowering: Lowering, node: Conv2dNode): Tensor {
  const halo = inputHalo(node.attributes.geometry, extentOf(node.inputs[0].shape));
  return spread(lowering, node, lowering.haloed(lowering.tensor(node.inputs[0]), halo));
}

/** Depthwise kernels go down a few channels from pixel to pixel; others take a pixel's channels one after the other. */
function spread(lowering: Lowering, node: Conv2dNode, tensor: Tensor): Tensor {
  return algorithmOf(node, "output") === Algorithm.depthwise ? lowering.spread(tensor) : tensor;
}

/** Canonical weights, or in inference those that took in a batch normalization. `key` names them among the prepared arrays. */
function weights(lowering: Lowering, node: Conv2dNode): { weight: ArrayRef; bias: ArrayRef | null; key: string } {
  const { kernel, bias } = node.parameters;
  const { folded } = node.attributes;
  const canonical = { weight: lowering.parameter(kernel), bias: lowering.parameter(bias) };
  if (folded === undefined) return { ...canonical, key: kernel.name };
  const columns = extentOf(node.output.shape).channels;
  const key = `${kernel.name} × ${folded.mean.name}`;
  const { scale, offset } = foldedStatistics(lowering, node, folded, columns);
  const foldedBias = lowering.prepared(`${key} bias`, columns, () => {});
  const weight = lowering.prepared(key, sizeOf(kernel.shape), (foldedWeight) => {
    const rows = foldedWeight.count / columns;
    lowering.step("foldWeights", node, { ...canonical, scale, offset, foldedWeight, foldedBias, rows, columns }, { section: "prepare" });
  });
  return { weight, bias: foldedBias, key };
}

/** scale and offset per channel of a batch normalization on running statistics. */
export function foldedStatistics(lowering: Lowering, node: Node, statistics: FoldedNormalization, count: number) {
  const { gamma, beta, mean, variance, epsilon } = statistics;
  const offset = lowering.prepared(`${mean.name} offset`, count, () => {});
  const scale = lowering.prepared(`${mean.name} scale`, count, (target) => {
    const fields = {
      gamma: lowering.parameter(gamma),
      beta: lowering.parameter(beta),
      mean: lowering.parameter(mean),
      variance: lowering.parameter(variance),
      scale: target,
      offset,
      count,
      epsilon,
    };
    lowering.step("foldStatistics", node, fields, { section: "prepare" });
  });
  return { scale, offset };
}

type PanelSource = { weight: ArrayRef; key: string; direction: "output" | "inputGrad" };

function panels(lowering: Lowering, node: Conv2dNode, { weight, key, direction }: PanelSource): PreparedArray | null {
  const algorithm = algorithmOf(node, direction);
  if (algorithm === Algorithm.depthwise) return null;
  const { groups, geometry } = node.attributes;
  const { windowHeight, windowWidth } = geometry;
  const { inChannels, outChannels, depth, columns } = channelsOf(node, direction);
  const isWinograd = algorithm === Algorithm.winograd;
  const count = panelFloats({ windowHeight, windowWidth, depth, columns, groups, isWinograd });
  const layoutName = isWinograd ? WINOGRAD_LAYOUT[direction] : direction;
  return lowering.prepared(`${key} panels ${layoutName}`, count, (target) => {
    const fields = { weight, panels: target, windowHeight, windowWidth, inChannels, outChannels, groups, layout: Panels[layoutName] };
    lowering.step("packWeights", node, fields, { section: "prepare" });
  });
}

/** Floats of packed weights: `columns` result from sums over `depth` channels. */
export function panelFloats(of: Record<"windowHeight" | "windowWidth" | "depth" | "columns" | "groups", number> & { isWinograd: boolean }): number {
  const cells = of.groups * roundUp(of.columns / of.groups, 8) * (of.depth / of.groups);
  return of.isWinograd ? winogradPanels(cells) : of.windowHeight * of.windowWidth * cells;
}

const WINOGRAD_LAYOUT = { output: "winogradOutput", inputGrad: "winogradInputGrad" } as const;

function scratchBytes(node: Conv2dNode, direction: Direction): number {
  const { inChannels, outChannels, depth, columns } = channelsOf(node, direction);
  const algorithm = algorithmOf(node, direction);
  if (direction !== "weightGrad") return productScratch(algorithm, { depth, columns });
  if (algorithm === Algorithm.winograd) return winogradGradientScratch(inChannels, outChannels);
  return weightGradScratch(outChannels / node.attributes.groups);
}

/** A product sums over `depth` channels and gives `columns`. */
function channelsOf({ inputs, output }: Conv2dNode, direction: Direction) {
  const inChannels = extentOf(inputs[0].shape).channels;
  const outChannels = extentOf(output.shape).channels;
  const [depth, columns] = direction === "output" ? [inChannels, outChannels] : [outChannels, inChannels];
  return { inChannels, outChannels, depth, columns };
}

/** Bytes that a product of `columns` columns over `depth` channels works in. */
export function productScratch(algorithm: number, { depth, columns }: Record<"depth" | "columns", number>): number {
  return algorithm === Algorithm.winograd ? winogradScratch(depth, columns) : MATMUL_SCRATCH;
}

/** Row pointers and packed operands of a chunk of 128 pixels, up to 128 columns of the output's gradient. */
function weightGradScratch(outChannels: number): number {
  return WEIGHT_GRAD_SCRATCH + WEIGHT_GRAD_COLUMN_SCRATCH * Math.min(128, roundUp(outChannels, 8));
}

/** Chosen from geometry alone. */
function algorithmOf({ attributes, inputs, output }: Conv2dNode, direction: Direction): number {
  const { groups, geometry } = attributes;
  const [from, to] = [extentOf(inputs[0].shape), extentOf(output.shape)];
  // Several windows for a channel have a kernel forward alone. One channel to one is depthwise too, where it goes by spans (depthwise.ts): tap by tap a
  // matrix product is faster.
  const isDepthwise = groups === from.channels && (groups === to.channels || direction === "output");
  if (isDepthwise && (groups > 1 || (to.channels === 1 && goesBySpans(geometry, direction)))) return Algorithm.depthwise;
  if (groups > 1) return Algorithm.matmul;
  const forward = { ...to, source: from.channels, columns: to.channels };
  const pays = {
    output: () => winogradPays(geometry, { ...forward, minTiles: 4 }),
    inputGrad: () => winogradPays(geometry, { ...from, source: to.channels, columns: from.channels, minTiles: 1 }),
    weightGrad: () => winogradGradientPays(geometry, { ...forward, minTiles: 1 }),
  };
  return pays[direction]() ? Algorithm.winograd : Algorithm.matmul;
}

/** The weight gradient takes any window. */
function goesBySpans({ windowWidth, strideX, dilationX, outWidth }: WindowGeometry, direction: Direction): boolean {
  const isSpan = (windowWidth === 3 || windowWidth === 5) && dilationX === 1 && strideX <= 2;
  return outWidth >= SPAN_PIXELS && (isSpan || direction === "weightGrad");
}

function windowFields(node: Conv2dNode, direction: Direction) {
  const { geometry, groups } = node.attributes;
  const { windowHeight, windowWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft } = geometry;
  const algorithm = algorithmOf(node, direction);
  return { windowHeight, windowWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, groups, algorithm };
}

function flops({ attributes: { geometry, groups }, inputs, output }: Conv2dNode): number {
  const { windowHeight, windowWidth } = geometry;
  return (2 * windowHeight * windowWidth * extentOf(inputs[0].shape).channels * sizeOf(output.shape)) / groups;
}

/** Zeros that the window's taps reach around the input. */
function inputHalo(g: WindowGeometry, input: Extent): Halo {
  const reach = (out: number, stride: number, window: number, dilation: number, before: number, size: number) =>
    Math.max(0, (out - 1) * stride + (window - 1) * dilation + 1 - before - size);
  return {
    top: g.padTop,
    bottom: reach(g.outHeight, g.strideY, g.windowHeight, g.dilationY, g.padTop, input.height),
    left: g.padLeft,
    right: reach(g.outWidth, g.strideX, g.windowWidth, g.dilationX, g.padLeft, input.width),
  };
}

/** Zeros that the gather form of the input gradient reaches around the output's gradient: outY = (y + padTop − ky·dilation) / stride. */
function outputGradHalo(g: WindowGeometry, input: Extent): Halo {
  const before = (window: number, dilation: number, pad: number, stride: number) => Math.max(0, Math.floor(((window - 1) * dilation - pad) / stride));
  const after = (size: number, pad: number, stride: number, out: number) => Math.max(0, Math.floor((size - 1 + pad) / stride) - (out - 1));
  return {
    top: before(g.windowHeight, g.dilationY, g.padTop, g.strideY),
    bottom: after(input.height, g.padTop, g.strideY, g.outHeight),
    left: before(g.windowWidth, g.dilationX, g.padLeft, g.strideX),
    right: after(input.width, g.padLeft, g.strideX, g.outWidth),
  };
}
