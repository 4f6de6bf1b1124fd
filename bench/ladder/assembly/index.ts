/**
 * The steps of the ladder that are kernels, one file each: output [size, size, outChannels] ← bias + 3x3 window × input.
 * Common to all: the input lies in a halo of zeros, [size + 2, size + 2, inChannels], so a window never leaves it and the three
 * taps of a window's row are one run of 3 · inChannels values. weight is [3, 3, inChannels, outChannels].
 */
export { scalar } from "./scalar";
export { simd } from "./simd";
export { packPanels, tile } from "./tile";
