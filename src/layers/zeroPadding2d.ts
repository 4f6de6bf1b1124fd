import { checkInteger, checkRank } from "../shape.ts";
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
    build(scope, [value]) {
      checkRank(scope.where, value.shape, 3, "[height, width, channels]");
      const { padding = 1 } = options;
      const [rows, columns] = typeof padding === "number" ? [padding, padding] : padding;
      const [top, bottom] = typeof rows === "number" ? [rows, rows] : rows;
      const [left, right] = typeof columns === "number" ? [columns, columns] : columns;
      for (const pad of [top, bottom, left, right]) checkInteger(scope.where, "padding", pad, 0);
      const [height, width, channels] = value.shape;
      const shape = [height + top + bottom, width + left + right, channels];
      return scope.node("zeroPadding2d", { inputs: [value], shape, attributes: { pads: { top, bottom, left, right } } });
    },
  });
}
