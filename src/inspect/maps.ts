/** A picture's worth of numbers: [height, width], row by row. */
export interface Map2d {
  readonly data: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
}

/** NHWC values, or the HWIO weights of a convolution. */
export interface Values {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** One channel of one image of `values` [images, height, width, channels]. */
export function channelOf(values: Values, image: number, channel: number): Map2d {
  const [images, height, width, channels] = fourAxes(values, "channelOf");
  if (!(image >= 0 && image < images && channel >= 0 && channel < channels)) {
    throw new RangeError(`channelOf: image ${image}, channel ${channel} is outside [${values.shape.join(", ")}]`);
  }
  const data = new Float32Array(height * width);
  for (let pixel = 0; pixel < data.length; pixel++) data[pixel] = Number(values.data[(image * height * width + pixel) * channels + channel]);
  return { data, height, width };
}

/** The window of one filter: `kernel` [height, width, inChannels, filters]. */
export function filterOf(kernel: Values, inChannel: number, filter: number): Map2d {
  const [height, width, inChannels, filters] = fourAxes(kernel, "filterOf");
  if (!(inChannel >= 0 && inChannel < inChannels && filter >= 0 && filter < filters)) {
    throw new RangeError(`filterOf: input channel ${inChannel}, filter ${filter} is outside [${kernel.shape.join(", ")}]`);
  }
  const data = new Float32Array(height * width);
  for (let pixel = 0; pixel < data.length; pixel++) data[pixel] = Number(kernel.data[(pixel * inChannels + inChannel) * filters + filter]);
  return { data, height, width };
}

/** Largest magnitude of all numbers that are finite; 0 where there is none. */
export function magnitude(data: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < data.length; index++) {
    const size = Math.abs(Number(data[index]));
    if (size > largest && Number.isFinite(size)) largest = size;
  }
  return largest;
}

export function hasNegative(data: ArrayLike<number>): boolean {
  for (let index = 0; index < data.length; index++) if (Number(data[index]) < 0) return true;
  return false;
}

function fourAxes(values: Values, who: string): [number, number, number, number] {
  if (values.shape.length !== 4) throw new RangeError(`${who}: expected 4 axes, got shape [${values.shape.join(", ")}]`);
  return values.shape as unknown as [number, number, number, number];
}
