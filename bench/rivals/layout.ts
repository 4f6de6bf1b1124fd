/** From the case table's layouts (NHWC, HWIO, [inputs, outputs]) to those of other engines and back. */
import type { ConvLayer, DenseLayer, Workload } from "./workload.ts";

/** Axis a of the result is axis order[a] of `data`, which has `shape`. */
export function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = new Float32Array(data.length);
  let written = 0;
  const walk = (depth: number, from: number) => {
    const axis = order[depth];
    for (let index = 0; index < shape[axis]; index++) {
      const at = from + index * steps[axis];
      if (depth === order.length - 1) result[written++] = data[at];
      else walk(depth + 1, at);
    }
  };
  walk(0, 0);
  return result;
}

/** [outChannels, inChannels / groups, window, window] */
export function convWeightOihw({ weight, window, inChannels, groups, outChannels }: ConvLayer): Float32Array {
  return permute(weight, [window, window, inChannels / groups, outChannels], [3, 2, 0, 1]);
}

/** [outputs, inputs], the inputs as channel, y, x. */
export function denseWeightByOutput({ weight, inputs, outputs, flattened }: DenseLayer): Float32Array {
  const [height, width, channels] = flattened ?? [1, 1, inputs];
  return permute(weight, [height, width, channels, outputs], [3, 2, 0, 1]);
}

/** [samples, channels, height, width] */
export function inputNchw({ input, inputShape }: Workload): Float32Array {
  const samples = input.length / inputShape.reduce((product, size) => product * size, 1);
  return permute(input, [samples, ...inputShape], [0, 3, 1, 2]);
}

/** What an engine with channels first returned, in the table's layout. */
export function outputNhwc(output: Float32Array, { batch, outputShape }: Workload): Float32Array {
  if (outputShape.length === 1) return output.slice();
  const [height, width, channels] = outputShape;
  return permute(output, [batch, channels, height, width], [0, 2, 3, 1]);
}
