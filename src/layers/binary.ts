import { broadcastShape } from "../shape.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

/** Sum of two or more inputs of equal shape; an input [1, 1, channels] or [channels] is added to every pixel. */
export const add = (options: LayerOptions = {}) => mergeLayer("add", options);

/** Product of two or more inputs of equal shape; an input [1, 1, channels] or [channels] multiplies every pixel. */
export const multiply = (options: LayerOptions = {}) => mergeLayer("multiply", options);

function mergeLayer(kind: "add" | "multiply", options: LayerOptions): Layer {
  return makeLayer({
    type: kind,
    options,
    known: [],
    arity: [2, Infinity],
    build: (scope, values) =>
      values.reduce((left, right) => {
        const shape = broadcastShape(scope.where, left.shape, right.shape);
        return scope.node("binary", { inputs: [left, right], shape, attributes: { kind } });
      }),
  });
}
