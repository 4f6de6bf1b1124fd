/** Pictures of every kind → RGBA pixels. The platform only decodes: see resize.ts for what is computed. */
import { shown } from "../options.ts";

/** RGBA, 4 bytes a pixel, row by row, colours not multiplied with alpha: an ImageData, or the like of it in Node. */
export interface Pixels {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What `classify` takes. Node has pixels alone. */
export type ImageSource = Pixels | CanvasImageSource | Blob;

/** RGBA pixels. TypeError for what is no picture, RangeError for one without pixels, Error for one that is not to be read. */
export async function pixelsOf(source: ImageSource, where: string): Promise<Pixels> {
  if (isPixels(source)) return checkedPixels(source, where);
  if (isA("Blob", source)) {
    const bitmap = await decoded(source as Blob, where);
    try {
      return drawn(bitmap, where);
    } finally {
      bitmap.close();
    }
  }
  await loaded(source, where);
  return drawn(source as CanvasImageSource, where);
}

/** Whether pixels are there to be copied: an ImageBitmap of it can be made. Rejects for what has none, as `pixelsOf` does. */
export async function loaded(source: unknown, where: string): Promise<void> {
  if (isA("HTMLImageElement", source)) await loadedImage(source as HTMLImageElement, where);
  else if (isA("HTMLVideoElement", source) && (source as HTMLVideoElement).readyState < 2) {
    throw new Error(`${where}: the video has no frame yet; wait for its event "loadeddata"`);
  } else if (!DRAWABLE.some((type) => isA(type, source))) {
    const pixels = "ImageData or { data, width, height } with RGBA bytes";
    const needs = typeof document === "undefined" ? pixels : `a canvas, image, video, ImageBitmap, File, Blob, ${pixels}`;
    throw new TypeError(`${where}: got ${shown(source)}, needs ${needs}`);
  }
  const { width, height } = sizeOf(source as CanvasImageSource);
  if (!(width > 0 && height > 0)) throw new RangeError(`${where}: the picture is ${width} x ${height} pixels, needs at least 1 x 1`);
}

const DRAWABLE = ["HTMLCanvasElement", "OffscreenCanvas", "ImageBitmap", "HTMLVideoElement", "HTMLImageElement", "SVGImageElement", "VideoFrame"];

/** By name through the chain of prototypes: an element of another frame is of another frame's class. */
export function isA(type: string, value: unknown): boolean {
  if (typeof value !== "object") return false;
  for (let proto = value; proto !== null; proto = Object.getPrototypeOf(proto)) {
    if (Object.hasOwn(proto, Symbol.toStringTag) && (proto as { [Symbol.toStringTag]: unknown })[Symbol.toStringTag] === type) return true;
  }
  return false;
}

export function isPixels(source: unknown): source is Pixels {
  return typeof source === "object" && source !== null && "data" in source && "width" in source && "height" in source;
}

function checkedPixels(source: Pixels, where: string): Pixels {
  const { data, width, height } = source;
  if (!(data instanceof Uint8ClampedArray || data instanceof Uint8Array)) {
    throw new TypeError(`${where}: data is ${shown(data)}, needs RGBA bytes in a Uint8ClampedArray or Uint8Array`);
  }
  const isSize = (size: unknown) => Number.isInteger(size) && (size as number) > 0;
  if (!isSize(width) || !isSize(height)) throw new RangeError(`${where}: the picture is ${width} x ${height} pixels, needs at least 1 x 1`);
  if (data.length !== width * height * 4) {
    throw new RangeError(`${where}: ${width} x ${height} pixels have ${data.length} bytes, need ${width * height * 4}: red, green, blue, alpha`);
  }
  return source;
}

async function loadedImage(image: HTMLImageElement, where: string): Promise<void> {
  if (image.complete && image.naturalWidth > 0) return;
  try {
    await image.decode();
  } catch (cause) {
    throw new Error(`${where}: the image ${shown(image.currentSrc || image.src)} could not be loaded or decoded`, { cause });
  }
}

async function decoded(blob: Blob, where: string): Promise<ImageBitmap> {
  const name = (blob as Partial<File>).name ?? "the Blob";
  if (blob.size === 0) throw new RangeError(`${where}: ${name} is empty`);
  if (typeof createImageBitmap !== "function")
    throw new TypeError(`${where}: here is nothing to decode ${name}; decode it to { data, width, height }`);
  try {
    return await createImageBitmap(blob);
  } catch (cause) {
    throw new Error(`${where}: ${name} (${blob.type || "of unknown type"}) is no picture that can be decoded here`, { cause });
  }
}

function sizeOf(source: CanvasImageSource): { width: number; height: number } {
  const { videoWidth, videoHeight } = source as Partial<HTMLVideoElement>;
  const { naturalWidth, naturalHeight } = source as Partial<HTMLImageElement>;
  const { displayWidth, displayHeight } = source as Partial<VideoFrame>;
  const length = (side: unknown) => (typeof side === "object" ? (side as SVGAnimatedLength).baseVal.value : (side as number));
  return {
    width: videoWidth ?? naturalWidth ?? displayWidth ?? length((source as { width: unknown }).width),
    height: videoHeight ?? naturalHeight ?? displayHeight ?? length((source as { height: unknown }).height),
  };
}

/** Reads pixels through a canvas that stays in the processor's memory. */
function drawn(source: CanvasImageSource, where: string): Pixels {
  const size = sizeOf(source);
  const [width, height] = [Math.round(size.width), Math.round(size.height)];
  const canvas =
    typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D | null;
  if (context === null) throw new Error(`${where}: no canvas of ${width} x ${height} pixels is to be had here; pass { data, width, height }`);
  context.drawImage(source, 0, 0, width, height);
  try {
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    const reason = "the picture comes from another origin, and its pixels may not be read; serve it with CORS and set crossOrigin on the image";
    throw new Error(`${where}: ${reason}`, { cause });
  }
}
