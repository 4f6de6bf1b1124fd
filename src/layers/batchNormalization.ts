import { constant, type InitializerSpec } from "../initializers.ts";
import { checkFlag, checkNumber, shown } from "../options.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";
import type { RegularizerSpec } from "./regularizers.ts";

export interface BatchNormalizationOptions extends LayerOptions {
  /** running = running · momentum + batch · (1 − momentum). Default 0.99. */
  readonly momentum?: number;
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number;
  /** Learn an offset `beta`. Default true. */
  readonly center?: boolean;
  /** Learn a factor `gamma`. Default true. */
  readonly scale?: boolean;
  readonly betaInitializer?: InitializerSpec;
  readonly gammaInitializer?: InitializerSpec;
  readonly betaRegularizer?: RegularizerSpec;
  readonly gammaRegularizer?: RegularizerSpec;
}

/**
 * Ioffe and Szegedy 2015, with Keras's conventions: over the last axis; training uses the batch's mean and biased variance,
 * evaluation the running ones. Weights `gamma`, `beta`, `movingMean`, `movingVariance`, each [channels].
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  const known = ["momentum", "epsilon", "center", "scale", "betaInitializer", "gammaInitializer", "betaRegularizer", "gammaRegularizer"];
  return makeLayer({
    type: "batchNormalization",
    options,
    known,
    build(scope, [value], options) {
      const { center = true, scale = true, gammaInitializer = "ones", betaInitializer = "zeros" } = options;
      checkFlag(scope.where, "center", center);
      checkFlag(scope.where, "scale", scale);
      const momentum = checkNumber(scope.where, "momentum", options.momentum ?? 0.99, { atLeast: 0, below: 1 });
      const epsilon = checkNumber(scope.where, "epsilon", options.epsilon ?? 1e-3, { above: 0 });
      const shape = [value.shape.at(-1)!];
      const parameters = {
        ...(scale && { gamma: scope.parameter("gamma", shape, { initializer: gammaInitializer, regularizer: options.gammaRegularizer }) }),
        ...(center && { beta: scope.parameter("beta", shape, { initializer: betaInitializer, regularizer: options.betaRegularizer }) }),
        mean: scope.parameter("movingMean", shape, { initializer: "zeros", learned: false }),
        variance: scope.parameter("movingVariance", shape, { initializer: "ones", learned: false }),
      };
      return scope.node("batchNormalization", { inputs: [value], shape: value.shape, attributes: { epsilon, momentum }, parameters });
    },
  });
}

export interface NormalizationOptions extends LayerOptions {
  /** Per channel, instead of `adapt`. */
  readonly mean?: number | readonly number[];
  readonly variance?: number | readonly number[];
}

/**
 * (input − mean) / √variance per channel of the last axis, with statistics that are told or found by
 * `model.getLayer(name).adapt(data)`. Weights `mean` and `variance`, never trained.
 */
export function normalization(options: NormalizationOptions = {}): Layer {
  return makeLayer({
    type: "normalization",
    options,
    known: ["mean", "variance"],
    build(scope, [value], options) {
      const channels = value.shape.at(-1)!;
      const statistic = (role: "mean" | "variance", fallback: number) => {
        const told = options[role] ?? fallback;
        if (typeof told !== "number" && !Array.isArray(told))
          throw new TypeError(`${scope.where}: ${role} is ${shown(told)}, needs a number or an array`);
        const values = typeof told === "number" ? [told] : [...told];
        if (typeof told !== "number" && values.length !== channels)
          throw new RangeError(`${scope.where}: ${role} has ${values.length} values, needs ${channels} (channels)`);
        const least = role === "variance" ? { above: 0 } : {};
        for (const number of values) checkNumber(scope.where, role, number, least);
        // A single number is not written out per channel: a file may name more channels than fit into memory.
        return scope.parameter(role, [channels], { initializer: typeof told === "number" ? constant(told) : listed(role, values), learned: false });
      };
      const parameters = { mean: statistic("mean", 0), variance: statistic("variance", 1) };
      const attributes = { epsilon: 0, momentum: 1, frozen: true };
      return scope.node("batchNormalization", { inputs: [value], shape: value.shape, attributes, parameters });
    },
  });
}

function listed(name: string, values: readonly number[]) {
  return { name, config: {}, fill: (target: Float32Array) => target.set(values) };
}
