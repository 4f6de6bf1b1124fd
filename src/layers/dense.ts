import type { InitializerSpec } from "../initializers.ts";
import { checkFlag } from "../options.ts";
import { checkSize, extentOf, windowGeometry } from "../shape.ts";
import { type ActivationSpec, activate } from "./activation.ts";
import { type Layer, type LayerOptions, makeLayer } from "./layer.ts";
import type { RegularizerSpec } from "./regularizers.ts";

export interface DenseOptions extends LayerOptions {
  /** Output values. */
  readonly units: number;
  /** Default "linear". */
  readonly activation?: ActivationSpec;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default "glorotUniform". */
  readonly kernelInitializer?: InitializerSpec;
  /** Default "zeros". */
  readonly biasInitializer?: InitializerSpec;
  readonly kernelRegularizer?: RegularizerSpec;
  readonly biasRegularizer?: RegularizerSpec;
}

/**
 * Fully connected: output = input · kernel + bias over the last axis. Input […, inputs]; weights `kernel` [inputs, units] and
 * `bias` [units]. It is a 1x1 convolution, and is computed as one. Put `flatten()` in front to connect every pixel.
 */
export function dense(options: DenseOptions): Layer {
  const known = ["units", "activation", "useBias", "kernelInitializer", "biasInitializer", "kernelRegularizer", "biasRegularizer"];
  return makeLayer({
    type: "dense",
    options,
    known,
    build(scope, [value], options) {
      const { units, useBias = true, kernelInitializer = "glorotUniform", biasInitializer = "zeros" } = options;
      checkSize(scope.where, "units", units);
      checkFlag(scope.where, "useBias", useBias);
      const inputs = value.shape.at(-1)!;
      const fans = { fanIn: inputs, fanOut: units };
      const kernel = { initializer: kernelInitializer, fans, regularizer: options.kernelRegularizer };
      const parameters = {
        kernel: scope.parameter("kernel", [inputs, units], kernel),
        ...(useBias && { bias: scope.parameter("bias", [units], { initializer: biasInitializer, regularizer: options.biasRegularizer }) }),
      };
      const pixelwise = { window: [1, 1], strides: [1, 1], dilation: [1, 1], padding: "valid" } as const;
      const geometry = windowGeometry(scope.where, extentOf(value.shape), pixelwise);
      const shape = [...value.shape.slice(0, -1), units];
      const output = scope.node("conv2d", { inputs: [value], shape, attributes: { geometry, groups: 1 }, parameters });
      return activate(scope, output, options.activation);
    },
  });
}
