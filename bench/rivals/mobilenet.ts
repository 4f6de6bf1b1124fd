/**
 * MobileNet (Howard et al. 2017, table 1) at full width, batch normalization folded into weights and biases: a network for large images as pages run
 * it. 4.2 million weights, 1.14 GFLOP for an image of 224x224.
 */
import { seededUniform, unitGain } from "../cases.ts";
import type { ConvLayer, DenseLayer, Layer } from "./workload.ts";

export interface MobilenetCase {
  readonly kind: "mobilenet";
  readonly name: string;
  readonly mode: "predict";
  readonly batch: number;
}

export const MOBILENET_INPUT = [224, 224, 3] as const;
export const MOBILENET_CLASSES = 1000;

/** Of each depthwise separable convolution: filters, and the stride of its depthwise part. */
const BLOCKS = [
  ...[[64, 1] as const, [128, 2] as const, [128, 1] as const, [256, 2] as const, [256, 1] as const, [512, 2] as const],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  ...[[1024, 2] as const, [1024, 1] as const],
];

/** undefined where the name is another's. */
export function parseMobilenet(name: string): MobilenetCase | undefined {
  const batch = Number(/^mobilenet@([1-9]\d*)$/.exec(name)?.[1]);
  return batch > 0 ? { kind: "mobilenet", name, mode: "predict", batch } : undefined;
}

export function mobilenetInput(batch: number): Float32Array {
  return seededUniform(4)(batch * MOBILENET_INPUT.reduce((product, axis) => product * axis, 1), 1);
}

/** The same weights every time. */
export function mobilenetLayers(): Layer[] {
  const uniform = seededUniform(5);
  const parameters = (inputs: number, count: number, outputs: number) => ({ weight: uniform(count, unitGain(inputs)), bias: uniform(outputs, 0.1) });
  const conv = (inChannels: number, outChannels: number, window: number, stride: number, groups = 1): ConvLayer => {
    const inputs = (window * window * inChannels) / groups;
    const geometry = { window, stride, padding: window >> 1, groups, inChannels, outChannels };
    return { type: "conv", ...geometry, ...parameters(inputs, inputs * outChannels, outChannels), relu: true };
  };
  const dense = (inputs: number, outputs: number): DenseLayer => {
    return { type: "dense", inputs, outputs, ...parameters(inputs, inputs * outputs, outputs), relu: false };
  };
  let channels = 32;
  const layers: Layer[] = [conv(MOBILENET_INPUT[2], channels, 3, 2)];
  for (const [filters, stride] of BLOCKS) {
    layers.push(conv(channels, channels, 3, stride, channels), conv(channels, filters, 1, 1));
    channels = filters;
  }
  return [...layers, { type: "globalAveragePool" }, dense(channels, MOBILENET_CLASSES)];
}
