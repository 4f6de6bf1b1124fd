/**
 * Networks for images of 224x224 pixels and 1,000 classes, batch normalization folded into weights and biases.
 *
 * mobilenet: MobileNet at full width (Howard et al. 2017, table 1): 4.2 million weights, 1.14 GFLOP an image.
 * resnet18: ResNet with 18 layers (He et al. 2015, table 1): 11.7 million weights, 3.63 GFLOP.
 */
import { seededUniform, unitGain } from "../cases.ts";
import type { Layer } from "./workload.ts";

export interface LargeNetCase {
  readonly kind: "large";
  readonly name: string;
  readonly net: keyof typeof NETS;
  readonly mode: "predict";
  readonly batch: number;
}

export const LARGE_INPUT = [224, 224, 3] as const;
export const LARGE_CLASSES = 1000;

/** Filters, and the stride of the first convolution; of MobileNet's separable convolutions, of ResNet's pairs. */
type Block = readonly [filters: number, stride: number];

const MOBILENET: readonly Block[] = [
  ...([
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
  ] as const),
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  ...([
    [1024, 2],
    [1024, 1],
  ] as const),
];
const RESNET18: readonly Block[] = [
  [64, 1],
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
];

const NETS = { mobilenet, resnet18 } as const;

/** undefined where the name is another's. */
export function parseLargeNet(name: string): LargeNetCase | undefined {
  const [, net, batch] = /^(\w+)@([1-9]\d*)$/.exec(name) ?? [];
  return net !== undefined && Object.hasOwn(NETS, net)
    ? { kind: "large", name, net: net as LargeNetCase["net"], mode: "predict", batch: Number(batch) }
    : undefined;
}

export function largeNetInput({ batch }: LargeNetCase): Float32Array {
  return seededUniform(4)(batch * LARGE_INPUT.reduce((product, axis) => product * axis, 1), 1);
}

/** The same weights every time. */
export function largeNetLayers({ net }: LargeNetCase): Layer[] {
  const layers = new Layers();
  NETS[net](layers);
  return layers.all;
}

class Layers {
  readonly all: Layer[] = [];
  channels: number = LARGE_INPUT[2];
  private readonly uniform = seededUniform(5);

  /** The layer that comes last. */
  get last(): number {
    return this.all.length - 1;
  }

  conv(filters: number, window: number, stride: number, rest: { groups?: number; relu?: boolean; from?: number; inChannels?: number } = {}): void {
    const { groups = 1, relu = true, inChannels = this.channels, from } = rest;
    const geometry = { window, stride, padding: window >> 1, groups, inChannels, outChannels: filters };
    const parameters = this.parameters((window * window * inChannels) / groups, filters);
    this.all.push({ type: "conv", ...geometry, ...parameters, relu, ...(from !== undefined && { from }) });
    this.channels = filters;
  }

  classify(): void {
    const dense = { inputs: this.channels, outputs: LARGE_CLASSES, ...this.parameters(this.channels, LARGE_CLASSES) };
    this.all.push({ type: "globalAveragePool" }, { type: "dense", ...dense, relu: false });
  }

  private parameters(inputs: number, outputs: number) {
    return { weight: this.uniform(inputs * outputs, unitGain(inputs)), bias: this.uniform(outputs, 0.1) };
  }
}

function mobilenet(layers: Layers): void {
  layers.conv(32, 3, 2);
  for (const [filters, stride] of MOBILENET) {
    layers.conv(layers.channels, 3, stride, { groups: layers.channels });
    layers.conv(filters, 1, 1);
  }
  layers.classify();
}

function resnet18(layers: Layers): void {
  layers.conv(64, 7, 2);
  layers.all.push({ type: "maxPool", window: 3, stride: 2, padding: 1 });
  for (const [filters, stride] of RESNET18) {
    const [from, inChannels] = [layers.last, layers.channels];
    layers.conv(filters, 3, stride);
    layers.conv(filters, 3, 1, { relu: false });
    const other = layers.last;
    const isSame = stride === 1 && filters === inChannels;
    if (!isSame) layers.conv(filters, 1, stride, { relu: false, from, inChannels });
    layers.all.push({ type: "add", other: isSame ? from : other, relu: true });
  }
  layers.classify();
}
