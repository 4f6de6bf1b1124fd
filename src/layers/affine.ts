import { checkNumber } from "../options.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

export interface RescalingOptions extends LayerOptions {
  /** Factor, e.g. 1 / 255 for bytes. */
  readonly scale: number;
  /** Default 0. */
  readonly offset?: number;
}

/** input · scale + offset: the place where bytes become numbers around 0 or in 0..1. */
export function rescaling(options: RescalingOptions): Layer {
  return makeLayer({
    type: "rescaling",
    options,
    known: ["scale", "offset"],
    build(scope, [value], options) {
      const scale = checkNumber(scope.where, "scale", options.scale);
      const offset = checkNumber(scope.where, "offset", options.offset ?? 0);
      return scope.node("affine", { inputs: [value], shape: value.shape, attributes: { scale, offset } });
    },
  });
}
