/** A convolution's shapes, tables and choice of algorithm, made once per layer. */
import { depthwiseSuits } from "./depthwise.ts";
import { IMAGE_CELLS, LEFT_CELLS, type PatchTables, RIGHT_CELLS } from "./matmul.ts";
import { winogradSuits } from "./winograd.ts";

export interface Conv2dShape {
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** height, width */
  readonly window: readonly [number, number];
  readonly stride: number;
  /** zeros above and below, left and right */
  readonly padding: readonly [number, number];
  readonly groups: number;
}

export type Algorithm = "direct" | "depthwise" | "winograd";

/** Everything that depends on the shape alone, made once. */
export interface Conv2dPlan extends Conv2dShape {
  readonly algorithm: Algorithm;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly haloedWidth: number;
  readonly haloedCells: number;
  readonly groupInChannels: number;
  readonly groupOutChannels: number;
  /** One per group. */
  readonly tables: readonly PatchTables[];
  /** The stride-1 convolution of the output gradient that gives the input gradient; null where scattering is less work. */
  readonly mirrored: { readonly plan: Conv2dPlan; readonly weight: Float32Array } | null;
}

export function outputSize(size: number, window: number, stride: number, padding: number): number {
  return Math.floor((size + 2 * padding - window) / stride) + 1;
}

/** `wanted` "direct" is for comparisons: without it the algorithm with the fewest products that suits the shape is taken. */
export function planConv2d(shape: Conv2dShape, wanted?: "direct"): Conv2dPlan {
  const forward = planForward(shape, wanted);
  const { window, padding, stride, inChannels, outChannels, height, width, outHeight, outWidth } = forward;
  const mirroredPadding = [window[0] - 1 - padding[0], window[1] - 1 - padding[1]] as const;
  if (stride !== 1 || mirroredPadding[0] < 0 || mirroredPadding[1] < 0) return forward;
  const size = { height: outHeight, width: outWidth, inChannels: outChannels, outChannels: inChannels, padding: mirroredPadding };
  const plan = planForward({ ...shape, ...size }, wanted);
  // The mirrored convolution also multiplies its halo's zeros; scattering is taken (estimated, not measured) to cost 1/10 more per product.
  if (plan.algorithm === "direct" && height * width > 1.1 * outHeight * outWidth) return forward;
  return { ...forward, mirrored: { plan, weight: new Float32Array(window[0] * window[1] * forward.groupOutChannels * inChannels) } };
}

function planForward(shape: Conv2dShape, wanted?: "direct"): Conv2dPlan {
  const { height, width, inChannels, outChannels, window, stride, padding, groups } = shape;
  const outHeight = outputSize(height, window[0], stride, padding[0]);
  const outWidth = outputSize(width, window[1], stride, padding[1]);
  const algorithm: Algorithm = wanted ?? (depthwiseSuits(shape) ? "depthwise" : winogradSuits(shape) ? "winograd" : "direct");
  // Winograd reads whole 6x6 tiles.
  const whole = (size: number) => (algorithm === "winograd" ? ((size + 3) & ~3) + 2 : 0);
  const haloedWidth = Math.max(width + 2 * padding[1], whole(outWidth));
  const haloedCells = Math.max(height + 2 * padding[0], whole(outHeight)) * haloedWidth * inChannels;
  const groupInChannels = inChannels / groups;
  const groupOutChannels = outChannels / groups;
  const depth = window[0] * window[1] * groupInChannels;
  const right = Math.max(
    depth * (groupOutChannels + 3),
    (depth + 3) * groupOutChannels,
    algorithm === "winograd" ? 4 * depth * (outChannels + 3) : 0,
  );
  if (outHeight < 1 || outWidth < 1) throw new RangeError(`conv2d: window ${window} is larger than its padded input ${height}x${width}`);
  if (haloedCells > IMAGE_CELLS || right > RIGHT_CELLS || 4 * depth > LEFT_CELLS) throw new RangeError("conv2d: too large for the baseline");
  const derived = { algorithm, outHeight, outWidth, haloedWidth, haloedCells, groupInChannels, groupOutChannels };
  return { ...shape, ...derived, tables: patchTables({ ...shape, ...derived }), mirrored: null };
}

function patchTables(plan: Omit<Conv2dPlan, "tables" | "mirrored">): PatchTables[] {
  const { outHeight, outWidth, stride, haloedWidth, inChannels, window, groups, groupInChannels } = plan;
  const pixelBase = new Int32Array(outHeight * outWidth);
  for (let outY = 0; outY < outHeight; outY++)
    for (let outX = 0; outX < outWidth; outX++) pixelBase[outY * outWidth + outX] = (outY * stride * haloedWidth + outX * stride) * inChannels;
  return Array.from({ length: groups }, (_, group) => {
    const patchOffset = new Int32Array(window[0] * window[1] * groupInChannels);
    let element = 0;
    for (let windowY = 0; windowY < window[0]; windowY++)
      for (let windowX = 0; windowX < window[1]; windowX++)
        for (let inChannel = 0; inChannel < groupInChannels; inChannel++)
          patchOffset[element++] = (windowY * haloedWidth + windowX) * inChannels + group * groupInChannels + inChannel;
    return { pixelBase, patchOffset };
  });
}
