/** One number of a map, followed by hand: what lies under the window, times the filter, summed. */
import { channelOf, filterOf, type Map2d, type Values } from "../../../src/inspect/maps.ts";
import type { Convolution, Pooling, WindowShape } from "./layers.ts";

export interface Part {
  /** Number of the input map, from 0. */
  readonly channel: number;
  /** What lies under the window; outside the picture 0. */
  readonly patch: Map2d;
  readonly filter: Map2d;
  readonly sum: number;
}

export interface Sum {
  readonly parts: readonly Part[];
  readonly products: number;
  readonly bias: number;
  readonly total: number;
  /** After the activation; null for one this page does not know. */
  readonly result: number | null;
}

export interface Position {
  readonly y: number;
  readonly x: number;
}

const ACTIVATIONS: Readonly<Record<string, (value: number) => number>> = {
  linear: (value) => value,
  relu: (value) => Math.max(0, value),
};

/** `input` [1, height, width, maps] is what the layer reads. */
export function sumAt(convolution: Convolution, input: Values, filter: number, position: Position): Sum {
  const { kernel, window, groups, bias, activation } = convolution;
  const [, , perGroup, filters] = kernel.shape as [number, number, number, number];
  const firstMap = Math.floor(filter / (filters / groups)) * perGroup;
  const parts = Array.from({ length: perGroup }, (_, index) => {
    const patch = patchAt(channelOf(input, 0, firstMap + index), window, position);
    const weights = filterOf(kernel, index, filter);
    const sum = Array.from(patch.data).reduce((total, value, cell) => total + value * weights.data[cell]!, 0);
    return { channel: firstMap + index, patch, filter: weights, sum };
  });
  const products = parts.reduce((total, { sum }) => total + sum, 0);
  const offset = bias?.[filter] ?? 0;
  const total = products + offset;
  return { parts, products, bias: offset, total, result: ACTIVATIONS[activation]?.(total) ?? null };
}

/** The numbers under the window of a map. */
export function patchAt(map: Map2d, window: WindowShape, { y, x }: Position): Map2d {
  const data = new Float32Array(window.height * window.width);
  for (let row = 0; row < window.height; row++) {
    for (let column = 0; column < window.width; column++) {
      const [fromY, fromX] = cornerOf(window, { y, x });
      const [inY, inX] = [fromY + row * window.dilationY, fromX + column * window.dilationX];
      const isInside = inY >= 0 && inX >= 0 && inY < map.height && inX < map.width;
      data[row * window.width + column] = isInside ? map.data[inY * map.width + inX]! : 0;
    }
  }
  return { data, height: window.height, width: window.width };
}

/** Row and column of the window's first tap. */
export function cornerOf({ strideY, strideX, padTop, padLeft }: WindowShape, { y, x }: Position): readonly [number, number] {
  return [y * strideY - padTop, x * strideX - padLeft];
}

/** What a pooling window keeps; null where it stands over the edge. */
export function pooledAt({ kind, window }: Pooling, map: Map2d, position: Position): number | null {
  const [top, left] = cornerOf(window, position);
  if (top < 0 || left < 0 || top + window.height > map.height || left + window.width > map.width) return null;
  const values = Array.from(patchAt(map, window, position).data);
  if (kind === "max") return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
