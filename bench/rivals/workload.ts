/** A case as every engine gets it: layers with weights, input, and in training the batches that take turns. */
import { CASES, type ConvCase, convData, NET_WEIGHTS, type NetCase, netData, parseCase } from "../cases.ts";
import { LARGE_CLASSES, LARGE_INPUT, type LargeNetCase, largeNetInput, largeNetLayers, parseLargeNet } from "./largeNets.ts";

export interface ConvLayer {
  readonly type: "conv";
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** [window, window, inChannels / groups, outChannels] */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly relu: boolean;
  /** The layer, by its place, whose result it reads, where that is not the one before. */
  readonly from?: number;
}

/** Where it pads, what it reads is not negative: zeros do as well as nothing. */
export interface MaxPoolLayer {
  readonly type: "maxPool";
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
}

/** The result of the layer before and that of another, by its place. */
export interface AddLayer {
  readonly type: "add";
  readonly other: number;
  readonly relu: boolean;
}

/** The mean of every channel: from [height, width, channels] to [channels]. */
export interface GlobalAveragePoolLayer {
  readonly type: "globalAveragePool";
}

export interface DenseLayer {
  readonly type: "dense";
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs], the inputs as y, x, channel. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly relu: boolean;
  /** Height, width and channels of the map that is flattened into the inputs. */
  readonly flattened?: readonly [number, number, number];
}

export interface SoftmaxLayer {
  readonly type: "softmax";
}

export type Layer = ConvLayer | MaxPoolLayer | AddLayer | GlobalAveragePoolLayer | DenseLayer | SoftmaxLayer;

export type RivalCase = ConvCase | NetCase | LargeNetCase;

/** The case table, and networks for large images. */
export const RIVAL_CASES = [...CASES, "mobilenet@1", "resnet18@1"] as const;

/** Places of the layers whose results this one reads; −1 is the input. */
export function readBy(layer: Layer, place: number): readonly number[] {
  if (layer.type === "add") return [place - 1, layer.other];
  return [layer.type === "conv" && layer.from !== undefined ? layer.from : place - 1];
}

export interface Workload {
  readonly name: string;
  readonly case: RivalCase;
  readonly layers: readonly Layer[];
  readonly batch: number;
  /** Height, width, channels. */
  readonly inputShape: readonly [number, number, number];
  /** [batch, ...inputShape]; in training BATCHES of them. */
  readonly input: Float32Array;
  /** Class indexes, in training. */
  readonly labels?: Uint8Array;
  /** [height, width, channels] or [classes], of a sample. */
  readonly outputShape: readonly number[];
}

/** Batches of a training case that take turns: on a single one the loss would soon be nothing. */
export const BATCHES = 8;

/** Adam as all engines that have it run it: Keras's defaults. */
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;

/** For engines that add epsilon to the bias-corrected root (PyTorch, TensorFlow.js): their first step is the same then. */
export const CORRECTED_EPSILON = ADAM.epsilon / Math.sqrt(1 - ADAM.beta2);

/** The data are made from the name: every process makes the same. */
export function workloadOf(name: string): Workload {
  const parsed = parseRivalCase(name);
  if (parsed.kind === "large") return largeWorkload(parsed);
  return parsed.kind === "conv" ? convWorkload(parsed) : netWorkload(parsed);
}

/** TypeError where there is no such case. */
export function parseRivalCase(name: string): RivalCase {
  return parseLargeNet(name) ?? parseCase(name);
}

function largeWorkload(net: LargeNetCase): Workload {
  const { name, batch } = net;
  const shapes = { inputShape: LARGE_INPUT, outputShape: [LARGE_CLASSES] };
  return { name, case: net, layers: largeNetLayers(net), batch, input: largeNetInput(net), ...shapes };
}

function convWorkload(conv: ConvCase): Workload {
  const { name, batch, size, inChannels, outChannels, window, stride, padding, groups, outSize } = conv;
  const { input, weight, bias } = convData(conv);
  const layer = { type: "conv", window, stride, padding, groups, inChannels, outChannels, weight, bias, relu: false } as const;
  const shapes = { inputShape: [size, size, inChannels], outputShape: [outSize, outSize, outChannels] } as const;
  return { name, case: conv, layers: [layer], batch, input, ...shapes };
}

function netWorkload(net: NetCase): Workload {
  const training = net.mode === "train";
  const data = netData(training ? { ...net, batch: BATCHES * net.batch } : net);
  const size = net.net === "ox" ? 6 : 28;
  const layers = netLayers(net.net, data.weights);
  const shared = { name: net.name, case: net, layers, batch: net.batch, inputShape: [size, size, 1], input: data.images } as const;
  return { ...shared, outputShape: [net.net === "ox" ? 2 : 10], ...(training && { labels: data.labels }) };
}

/** `weights` by the names of the case table. */
export function netLayers(net: NetCase["net"], weights: Readonly<Record<string, Float32Array>>): Layer[] {
  const shapes = Object.fromEntries(NET_WEIGHTS[net].map(([layer, shape]) => [layer, shape as readonly number[]]));
  const conv = (layer: string): ConvLayer => {
    const [window, , inChannels, outChannels] = shapes[layer];
    const geometry = { window, stride: 1, padding: 0, groups: 1, inChannels, outChannels };
    return { type: "conv", ...geometry, weight: weights[`${layer}Weight`], bias: weights[`${layer}Bias`], relu: true };
  };
  const dense = (layer: string, rest: Pick<DenseLayer, "relu" | "flattened">): DenseLayer => {
    const [inputs, outputs] = shapes[layer];
    return { type: "dense", inputs, outputs, weight: weights[`${layer}Weight`], bias: weights[`${layer}Bias`], ...rest };
  };
  const pool = { type: "maxPool", window: 2, stride: 2, padding: 0 } as const;
  if (net === "ox") {
    return [conv("conv"), pool, dense("dense1", { relu: true, flattened: [2, 2, 1] }), dense("dense2", { relu: false }), { type: "softmax" }];
  }
  return [conv("conv1"), conv("conv2"), pool, dense("dense1", { relu: true, flattened: [12, 12, 64] }), dense("dense2", { relu: false })];
}
