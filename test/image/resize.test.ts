/** Pictures to inputs: against the definition of the filter, and what each option does. */
import { describe, expect, test } from "vitest";
import type { Pixels } from "../../src/image/pixels.ts";
import type { Preprocessing } from "../../src/image/preprocessing.ts";
import { preprocess } from "../../src/image/resize.ts";
import { seededRandom } from "../support/kernels.ts";

/** Opaque noise. */
function noise(width: number, height: number): Pixels {
  const random = seededRandom(width * 100 + height);
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, at) => (at % 4 === 3 ? 255 : (random() + 1) * 128));
  return { data, width, height };
}

/** Every pixel from `colour(x, y)`: grey, or [red, green, blue, alpha]. */
function picture(width: number, height: number, colour: (x: number, y: number) => number | readonly number[]): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let index = 0; index < width * height; index++) {
    const value = colour(index % width, Math.floor(index / width));
    data.set(typeof value === "number" ? [value, value, value, 255] : value, index * 4);
  }
  return { data, width, height };
}

const raw: Preprocessing = { scale: 1 };

/** The filter as it is defined: each cell is the mean of all pixels under a triangle twice as wide as a cell (at least two pixels). */
function stretched({ data, width, height }: Pixels, outWidth: number, outHeight: number, channel: number): number[] {
  const reachX = Math.max(1, width / outWidth);
  const reachY = Math.max(1, height / outHeight);
  return Array.from({ length: outWidth * outHeight }, (_, cell) => {
    const centreX = (((cell % outWidth) + 0.5) * width) / outWidth;
    const centreY = ((Math.floor(cell / outWidth) + 0.5) * height) / outHeight;
    let [sum, weights] = [0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const weight = Math.max(0, 1 - Math.abs(x + 0.5 - centreX) / reachX) * Math.max(0, 1 - Math.abs(y + 0.5 - centreY) / reachY);
        sum += weight * data[(y * width + x) * 4 + channel];
        weights += weight;
      }
    }
    return sum / weights;
  });
}

describe("the filter", () => {
  test.each([
    [7, 5, 7, 5],
    [13, 11, 5, 3],
    [3, 2, 7, 9],
    [17, 4, 5, 11],
    [1, 1, 3, 2],
    [64, 1, 1, 3],
  ])("%i x %i pixels to %i x %i", (width, height, outWidth, outHeight) => {
    const pixels = noise(width, height);
    const result = preprocess(pixels, [outHeight, outWidth, 3], { ...raw, fit: "fill" });
    for (const channel of [0, 1, 2]) {
      const expected = stretched(pixels, outWidth, outHeight, channel);
      for (const [cell, value] of expected.entries()) expect(result[cell * 3 + channel]).toBeCloseTo(value, 4);
    }
  });

  test("an input of the picture's size gets its very pixels", () => {
    const pixels = noise(6, 4);
    const result = preprocess(pixels, [4, 6, 3], raw);
    expect([...result]).toEqual([...pixels.data].filter((_, at) => at % 4 !== 3));
  });
});

describe("options", () => {
  /** Black | white, 8 x 4. */
  const halves = picture(8, 4, (x) => (x < 4 ? 0 : 255));

  test("cover cuts off what stands over, in the middle", () => {
    const marked = picture(8, 4, (x) => (x < 2 || x > 5 ? 9 : 100 + x));
    expect([...preprocess(marked, [4, 4, 1], { ...raw, fit: "cover" })].slice(0, 4).map(Math.round)).toEqual([102, 103, 104, 105]);
    const tall = picture(2, 6, (_, y) => 10 * y);
    expect([...preprocess(tall, [2, 2, 1], raw)].map(Math.round)).toEqual([20, 20, 30, 30]);
  });

  test("contain keeps all, with bars of the background", () => {
    const result = preprocess(halves, [8, 8, 1], { ...raw, fit: "contain", background: 77 });
    const rows = Array.from({ length: 8 }, (_, row) => [...result.slice(row * 8, row * 8 + 8)].map(Math.round));
    const [bar, inside] = [new Array(8).fill(77), [0, 0, 0, 0, 255, 255, 255, 255]];
    expect(rows).toEqual([bar, bar, inside, inside, inside, inside, bar, bar]);
  });

  test("grey is luma, three channels are red, green, blue", () => {
    const red = picture(1, 1, () => [200, 100, 50, 255]);
    expect(preprocess(red, [1, 1, 1], raw)[0]).toBeCloseTo(0.299 * 200 + 0.587 * 100 + 0.114 * 50, 4);
    expect([...preprocess(red, [1, 1, 3], raw)]).toEqual([200, 100, 50]);
  });

  test("transparent pixels show the background", () => {
    const glass = picture(1, 1, () => [200, 200, 200, 51]);
    expect(preprocess(glass, [1, 1, 1], raw)[0]).toBeCloseTo(40, 4);
    expect(preprocess(glass, [1, 1, 1], { ...raw, background: 100 })[0]).toBeCloseTo(120, 4);
  });

  test("invert makes ink of chalk, and its background is white", () => {
    const ink = picture(2, 1, (x) => (x === 0 ? [0, 0, 0, 255] : [0, 0, 0, 0]));
    expect([...preprocess(ink, [1, 2, 1], { ...raw, invert: true })]).toEqual([255, 0]);
  });

  test("scale, mean and std", () => {
    const grey = picture(1, 1, () => [255, 51, 0, 255]);
    expect([...preprocess(grey, [1, 1, 3], {})].map((value) => Math.round(value * 1000) / 1000)).toEqual([1, 0.2, 0]);
    const result = preprocess(grey, [1, 1, 3], { mean: [0.5, 0.2, 0.1], std: [0.25, 1, 0.5] });
    expect([...result].map((value) => Math.round(value * 1000) / 1000)).toEqual([2, 0, -0.2]);
  });

  describe("trim", () => {
    /** A bar of 4 x 8 pixels with its corner at (left, top), on 40 x 40. */
    const bar = (left: number, top: number) => picture(40, 40, (x, y) => (x >= left && x < left + 4 && y >= top && y < top + 8 ? 255 : 0));
    const options: Preprocessing = { ...raw, trim: 2 };

    test("makes the same of a drawing, wherever it stands and however large it is", () => {
      const expected = preprocess(bar(0, 0), [12, 12, 1], options);
      for (const [left, top] of [
        [36, 32],
        [7, 21],
      ]) {
        expect(preprocess(bar(left, top), [12, 12, 1], options)).toEqual(expected);
      }
      const doubled = picture(80, 80, (x, y) => (x >= 30 && x < 38 && y >= 9 && y < 25 ? 255 : 0));
      const larger = preprocess(doubled, [12, 12, 1], options);
      for (const [cell, value] of expected.entries()) expect(Math.abs(larger[cell] - value)).toBeLessThan(60);
    });

    test("leaves so many cells on the longer side, and puts the centre of mass in the middle", () => {
      const result = preprocess(bar(5, 5), [12, 12, 1], options);
      const filled = [...result.keys()].filter((cell) => result[cell] > 128);
      expect([Math.min(...filled.map((cell) => Math.floor(cell / 12))), Math.max(...filled.map((cell) => Math.floor(cell / 12)))]).toEqual([2, 9]);
      expect([Math.min(...filled.map((cell) => cell % 12)), Math.max(...filled.map((cell) => cell % 12))]).toEqual([4, 7]);
    });

    test("a lopsided drawing stays inside", () => {
      const lopsided = picture(20, 20, (x, y) => (y === 10 && (x < 4 || x === 19) ? 255 : 0));
      const result = preprocess(lopsided, [10, 10, 1], { ...raw, trim: 1 });
      const columns = [...result.keys()].filter((cell) => result[cell] > 2).map((cell) => cell % 10);
      expect(Math.max(...columns)).toBe(9);
      expect(Math.min(...columns)).toBeGreaterThanOrEqual(1);
    });

    test("nothing is lost where pixels like the first are passed over: a drawing in its corner, and bytes that no word fits", () => {
      const drawn = (x: number, y: number) => (x < 3 && y < 5 ? 255 : x === 11 && y % 3 === 0 ? 90 : 0);
      const mirrored = picture(12, 14, (x, y) => drawn(11 - x, y));
      // Mirrored, the first pixel is empty; otherwise it is ink, and no pixel may be passed over.
      const [plain, other] = [picture(12, 14, drawn), mirrored].map((pixels) => [...preprocess(pixels, [6, 6, 1], { ...raw, trim: 1 })]);
      const rows = Array.from({ length: 6 }, (_, row) => other.slice(6 * row, 6 * row + 6).reverse());
      for (const [cell, value] of rows.flat().entries()) expect(value).toBeCloseTo(plain[cell], 3);
      const bytes = new Uint8Array(mirrored.data.length + 1).subarray(1);
      bytes.set(mirrored.data);
      expect([...preprocess({ ...mirrored, data: bytes }, [6, 6, 1], { ...raw, trim: 1 })]).toEqual(other);
    });

    test("an empty drawing is all background", () => {
      expect([
        ...preprocess(
          picture(5, 9, () => 0),
          [4, 4, 1],
          options,
        ),
      ]).toEqual(new Array(16).fill(0));
    });
  });
});
