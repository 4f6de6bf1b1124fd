/**
 * Pixels → input of a model, the same bits in Node and in every browser: plain arithmetic in float64, rounded once to float32.
 * Scaling is the triangle filter that widens with the scale (Pillow's BILINEAR, torchvision's antialias): bilinear where it enlarges.
 */
import type { Shape } from "../shape.ts";
import type { Pixels } from "./pixels.ts";
import type { Preprocessing } from "./preprocessing.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** Part of a picture, and the cells of the input that it covers; all may have fractions. */
interface Placement {
  readonly source: Box;
  readonly target: Box;
}

/** Along one axis: for each cell of the input the first pixel it is made of, and their weights. None: the picture does not reach there. */
interface Taps {
  /** Pixels [from, to) with their centres in the part that is seen: no other has a weight. */
  readonly seen: readonly [number, number];
  readonly first: Int32Array;
  readonly weights: readonly Float64Array[];
}

/** Of 255: what differs less from the background is empty, the noise of a compressed picture. */
const EMPTY = 32;

/** The input [height, width, channels] of one picture. 1 channel is luma as in Rec. 601, 3 are RGB. */
export function preprocess(pixels: Pixels, shape: Shape, options: Preprocessing): Float32Array {
  const [height, width, channels] = shape;
  const { invert = false, scale = 1 / 255, background = invert ? 255 : 0, trim } = options;
  const rows = new Rows(pixels, channels, background);
  const { source, target } = trim === undefined ? fitted(pixels, { width, height }, options.fit) : trimmed(rows, { width, height }, trim);
  const across = axisTaps([source.left, source.width, pixels.width], [target.left, target.width, width]);
  const down = axisTaps([source.top, source.height, pixels.height], [target.top, target.height, height]);
  const result = new Float32Array(width * height * channels);
  for (const [channel, plane] of scaled(rows, across, down).entries()) {
    const mean = perChannel(options.mean ?? 0, channel);
    const std = perChannel(options.std ?? 1, channel);
    for (let index = 0; index < plane.length; index++) {
      const value = background + plane[index];
      result[index * channels + channel] = ((invert ? 255 - value : value) * scale - mean) / std;
    }
  }
  return result;
}

function perChannel(value: number | readonly number[], channel: number): number {
  return typeof value === "number" ? value : value[channel];
}

/** A picture row by row, as difference from the background that shows through it: 0 is empty. A photograph's planes would not fit. */
class Rows {
  readonly channels: Float64Array[];
  /** The pixels as words, where memory allows. */
  private readonly words: Uint32Array | undefined;

  constructor(
    readonly pixels: Pixels,
    channels: number,
    private readonly background: number,
  ) {
    const { data, width, height } = pixels;
    this.channels = Array.from({ length: channels }, () => new Float64Array(width));
    if (data.byteOffset % 4 === 0) this.words = new Uint32Array(data.buffer, data.byteOffset, width * height);
  }

  /** Columns [from, to) of row `y` outside of which all pixels are like the picture's first one: most of a drawing, seen at a glance. */
  unlikeFirst(y: number): readonly [number, number] {
    const { words } = this;
    const { width } = this.pixels;
    if (words === undefined) return [0, width];
    const [start, first] = [y * width, words[0]];
    let from = start;
    let to = start + width;
    while (from < to && words[from] === first) from++;
    while (to > from && words[to - 1] === first) to--;
    return [from - start, to - start];
  }

  /** Fills columns [from, to) of `channels` with row `y`. */
  read(y: number, [from, to]: readonly [number, number]): void {
    const { data, width } = this.pixels;
    const { background } = this;
    const [first, second, third] = this.channels;
    for (let x = from, at = (y * width + from) * 4; x < to; x++, at += 4) {
      const opacity = data[at + 3] / 255;
      if (second === undefined) first[x] = (data[at] * 0.299 + data[at + 1] * 0.587 + data[at + 2] * 0.114 - background) * opacity;
      else {
        first[x] = (data[at] - background) * opacity;
        second[x] = (data[at + 1] - background) * opacity;
        third[x] = (data[at + 2] - background) * opacity;
      }
    }
  }
}

function fitted({ width, height }: Size, input: Size, fit: Preprocessing["fit"] = "cover"): Placement {
  const whole = { left: 0, top: 0, width, height };
  const all = { left: 0, top: 0, ...input };
  if (fit === "fill") return { source: whole, target: all };
  if (fit === "contain") {
    const factor = Math.min(input.width / width, input.height / height);
    // Whole cells: a bar has a sharp edge.
    const [inside, high] = [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
    const [left, top] = [Math.floor((input.width - inside) / 2), Math.floor((input.height - high) / 2)];
    return { source: whole, target: { left, top, width: inside, height: high } };
  }
  const factor = Math.max(input.width / width, input.height / height);
  const [seen, high] = [input.width / factor, input.height / factor];
  return { source: { left: (width - seen) / 2, top: (height - high) / 2, width: seen, height: high }, target: all };
}

/** What is drawn, its longer side `trim` cells from the edges, its centre of mass in the middle as far as all of it stays inside. */
function trimmed(rows: Rows, input: Size, trim: number): Placement {
  const { width, height } = rows.pixels;
  let [left, top, right, bottom] = [width, height, -1, -1];
  let [mass, massX, massY] = [0, 0, 0];
  rows.read(0, [0, 1]);
  const isFirstEmpty = inkAt(rows, 0) < EMPTY;
  for (let y = 0; y < height; y++) {
    const columns = isFirstEmpty ? rows.unlikeFirst(y) : ([0, width] as const);
    rows.read(y, columns);
    for (let x = columns[0]; x < columns[1]; x++) {
      const ink = inkAt(rows, x);
      if (ink < EMPTY) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
      mass += ink;
      massX += ink * (x + 0.5);
      massY += ink * (y + 0.5);
    }
  }
  if (mass === 0) return fitted(rows.pixels, input, "contain");
  const source = { left, top, width: right - left + 1, height: bottom - top + 1 };
  const factor = Math.min((input.width - 2 * trim) / source.width, (input.height - 2 * trim) / source.height);
  const size = { width: source.width * factor, height: source.height * factor };
  const place = (cells: number, centre: number, extent: number) => Math.min(Math.max(cells / 2 - centre * factor, 0), cells - extent);
  const target = { left: place(input.width, massX / mass - left, size.width), top: place(input.height, massY / mass - top, size.height), ...size };
  return { source, target };
}

/** How much column `x` of the row read last differs from the background, at most of all channels. */
function inkAt({ channels }: Rows, x: number): number {
  let ink = 0;
  for (const channel of channels) ink = Math.max(ink, Math.abs(channel[x]));
  return ink;
}

/** [from, extent, size of the whole] of a picture and of the input. A cell that the picture covers in part weighs as much less. */
function axisTaps([from, extent, pixels]: readonly number[], [start, covered, cells]: readonly number[]): Taps {
  const seen = [Math.max(0, Math.ceil(from - 0.5)), Math.min(pixels, Math.floor(from + extent + 0.5))] as const;
  const step = extent / covered;
  const reach = Math.max(1, step);
  const first = new Int32Array(cells);
  const weights = Array.from({ length: cells }, (_, cell) => {
    const part = Math.min(cell + 1, start + covered) - Math.max(cell, start);
    const centre = from + (cell + 0.5 - start) * step;
    const begin = Math.max(seen[0], Math.floor(centre - reach));
    const end = Math.min(seen[1], Math.ceil(centre + reach));
    if (part <= 0 || end <= begin) return new Float64Array(0);
    first[cell] = begin;
    const taps = Float64Array.from({ length: end - begin }, (_tap, tap) => Math.max(0, 1 - Math.abs(begin + tap + 0.5 - centre) / reach));
    let sum = 0;
    for (const tap of taps) sum += tap;
    return sum === 0 ? taps : taps.map((tap) => (tap * Math.min(1, part)) / sum);
  });
  return { seen, first, weights };
}

/** Every channel, cell by cell. */
function scaled(rows: Rows, across: Taps, down: Taps): Float64Array[] {
  const width = across.weights.length;
  const height = down.weights.length;
  const results = rows.channels.map(() => new Float64Array(width * height));
  const narrow = new Float64Array(width);
  const readers = new Map<number, number[]>();
  for (const [cell, weights] of down.weights.entries()) {
    for (let y = down.first[cell]; y < down.first[cell] + weights.length; y++) readers.set(y, [...(readers.get(y) ?? []), cell]);
  }
  for (const [y, cells] of readers) {
    rows.read(y, across.seen);
    for (const [channel, result] of results.entries()) {
      narrowed(rows.channels[channel], across, narrow);
      for (const cell of cells) {
        const weight = down.weights[cell][y - down.first[cell]];
        for (let x = 0; x < width; x++) result[cell * width + x] += narrow[x] * weight;
      }
    }
  }
  return results;
}

function narrowed(row: Float64Array, { first, weights }: Taps, narrow: Float64Array): void {
  for (let cell = 0; cell < narrow.length; cell++) {
    const taps = weights[cell];
    const at = first[cell];
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++) sum += row[at + tap] * taps[tap];
    narrow[cell] = sum;
  }
}
