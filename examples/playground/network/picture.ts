/** What went into a network, and which of its pixels decide, as pictures. */
import { hasNegative, magnitude } from "../../../src/inspect/maps.ts";
import { paint } from "./paint.ts";

type ImageShape = readonly number[];

/** `data` [height, width, 1 or 3]: grey as ink, three channels as colours. */
export function paintInput(canvas: HTMLCanvasElement, data: Float32Array, shape: ImageShape): void {
  const [height, width, channels] = shape as [number, number, number];
  if (channels === 1) {
    const isSigned = hasNegative(data);
    paint(
      canvas,
      { data, height, width },
      { scale: isSigned ? magnitude(data) : Math.max(1, magnitude(data)), palette: isSigned ? "signed" : "ink" },
    );
    return;
  }
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  // Whatever the model's preprocessing did to the range: darkest to brightest.
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)];
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[pixel * 4 + channel] = (255 * (data[pixel * channels + channel]! - low)) / (high - low || 1);
    }
    image.data[pixel * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** The gradient of the score: of three channels the largest at each pixel, with its sign. */
export function paintSaliency(canvas: HTMLCanvasElement, gradient: Float32Array, shape: ImageShape): void {
  const [height, width, channels] = shape as [number, number, number];
  const data = Float32Array.from({ length: height * width }, (_, pixel) => {
    let largest = 0;
    for (let channel = 0; channel < channels; channel++) {
      const value = gradient[pixel * channels + channel]!;
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    return largest;
  });
  paint(canvas, { data, height, width }, { scale: magnitude(data), palette: "signed" });
}
