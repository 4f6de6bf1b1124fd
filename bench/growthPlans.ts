/** Which curves the suite `growth` draws. */

/** Of batches and channels: on both sides of every tile's edge. */
export const COUNTS = [1, 2, 3, 4, 7, 8, 9, 12, 16, 17, 31, 32, 33, 48, 64, 65, 128, 256, 512];
/** Heights and widths. */
export const MAPS = [7, 8, 13, 14, 27, 28, 55, 56, 112, 224];

export type Axis = "batch" | "channels" | "input channels" | "output channels" | "inputs" | "outputs" | "map" | "filters";

/** What is computed, what grows, and the case's name with ? for the size. */
export type Growing = readonly [work: string, axis: Axis, pattern: string];

const FORWARD: readonly Growing[] = [
  ["conv 3x3", "input channels", "conv_?_32_3_1_1_14_1"],
  ["conv 3x3", "output channels", "conv_32_?_3_1_1_14_1"],
  ["conv 3x3", "batch", "conv_32_32_3_1_1_14_1@?"],
  ["conv 3x3", "map", "conv_16_16_3_1_1_?_1"],
  ["conv 1x1", "input channels", "conv_?_64_1_1_0_14_1"],
  ["conv 1x1", "output channels", "conv_64_?_1_1_0_14_1"],
  ["conv 1x1", "batch", "conv_64_64_1_1_0_14_1@?"],
  ["conv 1x1", "map", "conv_16_32_1_1_0_?_1"],
  ["depthwise 3x3", "channels", "conv_?_?_3_1_1_14_?"],
  ["depthwise 3x3", "batch", "conv_32_32_3_1_1_14_32@?"],
  ["depthwise 3x3", "map", "conv_16_16_3_1_1_?_16"],
  ["depthwise 3x3, stride 2", "channels", "conv_?_?_3_2_1_28_?"],
  ["conv 3x3, stride 2", "input channels", "conv_?_32_3_2_1_28_1"],
  ["conv 3x3, stride 2", "output channels", "conv_3_?_3_2_1_28_1"],
  ["conv 3x3, stride 2", "map", "conv_3_32_3_2_1_?_1"],
  ["conv 5x5", "input channels", "conv_?_32_5_1_2_14_1"],
  ["conv 5x5", "output channels", "conv_1_?_5_1_0_28_1"],
];

const MORE: readonly Growing[] = [
  ["dense", "inputs", "dense_?_128@32"],
  ["dense", "inputs", "dense_?_128@1"],
  ["dense", "outputs", "dense_128_?@32"],
  ["dense", "outputs", "dense_128_?@8"],
  ["dense", "outputs", "dense_128_?@1"],
  ["dense", "batch", "dense_256_128@?"],
  ["dense", "batch", "dense_512_10@?"],
  ["max pooling", "channels", "maxpool_2_?_28@1"],
  ["max pooling", "batch", "maxpool_2_32_28@?"],
  ["max pooling", "map", "maxpool_2_16_?@1"],
  ["max pooling, gradient", "channels", "maxpool_2_?_28@1/inputGrad"],
  ["max pooling, gradient", "batch", "maxpool_2_32_28@?/inputGrad"],
  ["max pooling, gradient", "map", "maxpool_2_16_?@1/inputGrad"],
  ["training step", "batch", "train_32_28@?"],
  ["training step", "filters", "train_?_28@8"],
  ["training step", "map", "train_8_?@4"],
];

/** Convolutions with both gradients, then the rest. */
export const PLANS: readonly Growing[] = [
  ...FORWARD.flatMap(([work, axis, pattern]): Growing[] => [
    [work, axis, pattern],
    [`${work}, input gradient`, axis, `${pattern}/inputGrad`],
    [`${work}, weight gradient`, axis, `${pattern}/weightGrad`],
  ]),
  ...MORE,
];
