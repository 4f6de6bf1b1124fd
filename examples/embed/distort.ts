/** Digits as hands on a screen draw them: turned, leaning, a little larger or smaller, not quite in the middle, with a thin or a broad pen. */
import { permutation, uniform } from "../../src/random.ts";
import { countOf, type Digits, PIXELS, SIDE } from "../tour/digitsData.ts";

/** Streams of the seed, one a second per epoch. */
const ORDER = 101;
const DRAWS = 100_001;

/** Numbers drawn for an image. */
const DRAWN = 6;

/** Largest turn and lean in radians, largest shift in pixels. */
const TURN = 0.2;
const LEAN = 0.2;
const SHIFT = 3;
const SMALLEST = 0.7;
const LARGEST = 1.15;

export interface Plan {
  readonly batchSize: number;
  readonly seed: number;
}

/** A function that gives the batches of an epoch, for `fit`: all digits in a new order, each distorted anew. */
export function distortedBatches(digits: Digits, { batchSize, seed }: Plan): () => Generator<{ x: Float32Array; y: Uint8Array }> {
  let epoch = 0;
  return function* () {
    const count = countOf(digits);
    const order = permutation(count, seed, ORDER + epoch);
    const draws = uniform(seed, DRAWS + epoch, new Float32Array(DRAWN * count));
    epoch++;
    for (let first = 0; first < count; first += batchSize) {
      const chosen = order.subarray(first, first + batchSize);
      const x = new Float32Array(chosen.length * PIXELS);
      chosen.forEach((image, index) => {
        const drawn = draws.subarray(DRAWN * (first + index), DRAWN * (first + index + 1));
        distort(digits.x.subarray(image * PIXELS, (image + 1) * PIXELS), x.subarray(index * PIXELS, (index + 1) * PIXELS), drawn);
      });
      yield { x, y: Uint8Array.from(chosen, (image) => digits.y[image]!) };
    }
  };
}

/** source → target, both [28, 28], by six numbers in [0, 1): turn, lean, size, shift down and right, breadth of the pen. */
function distort(source: Float32Array, target: Float32Array, [turn, lean, size, down, right, pen]: Float32Array | number[]): void {
  const angle = between(-TURN, TURN, turn!);
  const zoom = 1 / between(SMALLEST, LARGEST, size!);
  const [cos, sin, tilt] = [Math.cos(angle) * zoom, Math.sin(angle) * zoom, between(-LEAN, LEAN, lean!)];
  const middle = (SIDE - 1) / 2;
  // A small digit has more room to move.
  const room = SHIFT * zoom;
  const [shiftY, shiftX] = [between(-room, room, down!), between(-room, room, right!)];
  const ink = between(0.8, 2, pen!);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const fromY = y - middle - shiftY;
      const fromX = x - middle - shiftX + tilt * fromY;
      const value = blended(source, middle + cos * fromY - sin * fromX, middle + sin * fromY + cos * fromX);
      target[y * SIDE + x] = Math.min(1, ink * value);
    }
  }
}

/** Between the four pixels around a place; outside is paper. */
function blended(image: Float32Array, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const at = (row: number, column: number) => (row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : image[row * SIDE + column]!);
  const upper = between(at(top, left), at(top, left + 1), x - left);
  return between(upper, between(at(top + 1, left), at(top + 1, left + 1), x - left), y - top);
}

function between(low: number, high: number, part: number): number {
  return low + (high - low) * part;
}
