import { checkNumber } from "../options.ts";
import { streamOf } from "../random.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";

export interface DropoutOptions extends LayerOptions {
  /** Share of values set to 0 in training, in [0, 1). The others are divided by 1 − rate. */
  readonly rate: number;
}

/** Srivastava et al. 2014. The mask is a function of (seed, step, layer, element): the same run drops the same values anywhere. */
export function dropout(options: DropoutOptions): Layer {
  return makeLayer({
    type: "dropout",
    options,
    known: ["rate"],
    build(scope, [value], options) {
      const rate = checkNumber(scope.where, "rate", options.rate, { atLeast: 0, below: 1 });
      return scope.node("dropout", { inputs: [value], shape: value.shape, attributes: { rate, stream: streamOf(scope.name) } });
    },
  });
}
