/** What is measured: names, seeded data and floating-point operations. Layouts NHWC, HWIO, dense [inputs, outputs]. */

/** Convolutions by name: conv_CIN_COUT_WINDOW_STRIDE_PAD_SIZE_GROUPS[@BATCH]; nets NET@BATCH, training steps NET-train@BATCH. */
export const CASES = [
  "conv_64_64_3_1_1_56_1",
  "conv_256_256_3_1_1_14_1",
  "conv_128_256_1_1_0_28_1",
  "conv_96_96_3_1_1_56_96",
  "conv_3_32_3_2_1_224_1",
  "conv_1_32_5_1_0_28_1@32",
  "mnist_cnn@1",
  "mnist_cnn@64",
  "mnist_cnn-train@64",
  "ox@1",
] as const;

export interface ConvCase {
  readonly kind: "conv";
  readonly name: string;
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
  /** Height and width of the input. */
  readonly size: number;
  readonly groups: number;
  readonly outSize: number;
  /** Of the obvious nest, whatever the algorithm: 2 per product. Bias left out. */
  readonly flop: number;
}

export interface NetCase {
  readonly kind: "net";
  readonly name: string;
  readonly net: "mnist_cnn" | "ox";
  readonly mode: "predict" | "train";
  readonly batch: number;
  /** Of convolutions and dense layers, forward and, in training, both gradients (the input's gradient left out). */
  readonly flop: number;
}

/** Products per sample and layer. */
const NET_PRODUCTS = {
  mnist_cnn: [26 * 26 * 9 * 32, 24 * 24 * 9 * 32 * 64, 9216 * 128, 128 * 10],
  ox: [4 * 4 * 9, 4, 2],
} as const;

export function parseCase(name: string): ConvCase | NetCase {
  const [, what, mode, batchDigits] = /^([a-z0-9_]+?)(-train)?(?:@(\d+))?$/.exec(name) ?? [];
  const batch = Number(batchDigits ?? 1);
  if (what === undefined || batch < 1) throw new TypeError(`benchmark case "${name}": expected conv_…[@BATCH] or NET[-train]@BATCH`);
  if (what.startsWith("conv_")) return parseConv(name, what, mode === undefined ? batch : 0);
  if (!(what in NET_PRODUCTS)) throw new TypeError(`benchmark case "${name}": no net "${what}"`);
  const net = what as keyof typeof NET_PRODUCTS;
  const forward = NET_PRODUCTS[net].reduce((sum: number, products) => sum + products, 0);
  const products = mode === undefined ? forward : 3 * forward - NET_PRODUCTS[net][0];
  return { kind: "net", name, net, mode: mode === undefined ? "predict" : "train", batch, flop: 2 * batch * products };
}

function parseConv(name: string, what: string, batch: number): ConvCase {
  const numbers = what.split("_").slice(1).map(Number);
  const [inChannels, outChannels, window, stride, padding, size, groups] = numbers;
  const outSize = Math.floor((size + 2 * padding - window) / stride) + 1;
  const whole = numbers.length === 7 && numbers.every(Number.isInteger) && batch >= 1 && groups >= 1 && stride >= 1;
  if (!whole || outSize < 1 || inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new TypeError(`benchmark case "${name}": expected conv_CIN_COUT_WINDOW_STRIDE_PAD_SIZE_GROUPS[@BATCH]`);
  }
  const flop = 2 * batch * outSize * outSize * outChannels * window * window * (inChannels / groups);
  return { kind: "conv", name, batch, inChannels, outChannels, window, stride, padding, size, groups, outSize, flop };
}

export interface ConvData {
  readonly input: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** input [batch, size, size, inChannels], weight [window, window, inChannels / groups, outChannels], bias [outChannels]. */
export function convData({ batch, size, inChannels, outChannels, window, groups }: ConvCase): ConvData {
  const uniform = seededUniform(1);
  const patch = window * window * (inChannels / groups);
  return {
    input: uniform(batch * size * size * inChannels, 1),
    weight: uniform(patch * outChannels, unitGain(patch)),
    bias: uniform(outChannels, 0.1),
  };
}

export interface NetData {
  /** [batch, size, size, 1] in [0, 1) */
  readonly images: Float32Array;
  /** Class indexes. */
  readonly labels: Uint8Array;
  /** By layer: weight, bias, weight, bias … in the canonical layouts. */
  readonly weights: Readonly<Record<string, Float32Array>>;
}

/** The parameters of each net, layer by layer: name, shape. */
export const NET_WEIGHTS = {
  mnist_cnn: [
    ["conv1", [3, 3, 1, 32]],
    ["conv2", [3, 3, 32, 64]],
    ["dense1", [9216, 128]],
    ["dense2", [128, 10]],
  ],
  ox: [
    ["conv", [3, 3, 1, 1]],
    ["dense1", [4, 1]],
    ["dense2", [1, 2]],
  ],
} as const satisfies Record<string, readonly (readonly [string, readonly number[]])[]>;

/** Weights are the same for every batch and mode. */
export function netData({ net, batch }: NetCase): NetData {
  // With seed 2 the one hidden unit of ox is never above 0, and its output says nothing about the layers before.
  const uniform = seededUniform(net === "ox" ? 3 : 2);
  const weights: Record<string, Float32Array> = {};
  for (const [layer, shape] of NET_WEIGHTS[net]) {
    const outputs = shape[shape.length - 1];
    const count = (shape as readonly number[]).reduce((product, axis) => product * axis, 1);
    weights[`${layer}Weight`] = uniform(count, unitGain(count / outputs));
    weights[`${layer}Bias`] = uniform(outputs, 0.1);
  }
  const size = net === "ox" ? 6 : 28;
  const classes = net === "ox" ? 2 : 10;
  const images = uniform(batch * size * size, 1).map((value) => Math.abs(value));
  const labels = Uint8Array.from(uniform(batch, 1), (value) => Math.floor(Math.abs(value) * classes));
  return { images, labels, weights };
}

/** Half-width of a uniform distribution that keeps the size of activations through relu: He et al. 2015. */
export function unitGain(inputs: number): number {
  return Math.sqrt(6 / inputs);
}

/** A linear congruential generator (Numerical Recipes' constants): count values in (-scale, scale). */
export function seededUniform(seed: number): (count: number, scale: number) => Float32Array {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 8388608 - 1;
  };
  return (count, scale) => Float32Array.from({ length: count }, () => next() * scale);
}
