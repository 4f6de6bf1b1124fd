import { resolveReshape, sizeOf } from "../shape.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

/** All values of a sample in one row: [height, width, channels] → [height × width × channels]. */
export function flatten(options: LayerOptions = {}): Layer {
  return makeLayer({
    type: "flatten",
    options,
    known: [],
    build: (scope, [value]) => scope.node("reshape", { inputs: [value], shape: [sizeOf(value.shape)], attributes: {} }),
  });
}

export interface ReshapeOptions extends LayerOptions {
  /** Without the batch; one size may be −1. */
  readonly targetShape: readonly number[];
}

/** The same values in another shape of rank 1 to 3. */
export function reshape(options: ReshapeOptions): Layer {
  return makeLayer({
    type: "reshape",
    options,
    known: ["targetShape"],
    build(scope, [value], options) {
      const shape = resolveReshape(scope.where, value.shape, options.targetShape);
      return scope.node("reshape", { inputs: [value], shape, attributes: {} });
    },
  });
}
