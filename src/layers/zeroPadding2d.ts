import { shown } from "../options.ts";
import { checkImage, checkSize } from "../shape.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

export interface ZeroPadding2dOptions extends LayerOptions {
  /** All sides, [rows, columns], or [[top, bottom], [left, right]]. Default 1. */
  readonly padding?: number | readonly [number, number] | readonly [readonly [number, number], readonly [number, number]];
}

/** Zeros around the image: [height, width, channels] → [height + top + bottom, width + left + right, channels]. */
export function zeroPadding2d(options: ZeroPadding2dOptions = {}): Layer {
  return makeLayer({
    type: "zeroPadding2d",
    options,
    known: ["padding"],
    build(scope, [value], options) {
      checkImage(scope.where, value.shape);
      const { padding = 1 } = options;
      const [rows, columns] = pairOf<Pads>(scope.where, padding);
      const [top, bottom] = pairOf<number>(scope.where, rows);
      const [left, right] = pairOf<number>(scope.where, columns);
      for (const pad of [top, bottom, left, right]) checkSize(scope.where, "padding", pad, 0);
      const [height, width, channels] = value.shape;
      const shape = [height + top + bottom, width + left + right, channels];
      return scope.node("zeroPadding2d", { inputs: [value], shape, attributes: { pads: { top, bottom, left, right } } });
    },
  });
}

type Pads = number | readonly [number, number];

function pairOf<T>(where: string, padding: number | readonly [T, T]): readonly [T | number, T | number] {
  if (typeof padding === "number") return [padding, padding];
  if (Array.isArray(padding) && padding.length === 2) return [padding[0], padding[1]];
  throw new TypeError(`${where}: padding is ${shown(padding)}, needs a number, [rows, columns] or [[top, bottom], [left, right]]`);
}
