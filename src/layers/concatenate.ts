import { concatShape } from "../shape.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

/** Two or more inputs side by side along the last axis (channels); all other sizes equal. */
export function concatenate(options: LayerOptions = {}): Layer {
  return makeLayer({
    type: "concatenate",
    options,
    known: [],
    arity: [2, Infinity],
    build(scope, values) {
      const shape = concatShape(
        scope.where,
        values.map((value) => value.shape),
      );
      return scope.node("concatenate", { inputs: values, shape, attributes: {} });
    },
  });
}
