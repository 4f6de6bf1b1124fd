import { imageOf, type LetterSet, SIDE } from "./letters.ts";
import type { Model, OxDesign } from "./oxNetworks.ts";

const WINDOW = 3;
const MAP = SIDE - WINDOW + 1;
const POOLED = MAP / 2;
/** A power of two: the nudged weight loses nothing in float32. */
const NUDGE = 2 ** -7;

/** One step of gradient descent into the only filter of a network, by hand. */
export interface FilterStep {
  readonly image: number;
  /** dLoss/d feature map [4, 4] */
  readonly mapGradient: readonly number[];
  /** The nine sums of patch times gradient [3, 3]. */
  readonly sums: readonly number[];
  /** The same nine, from `model.gradients`. */
  readonly library: readonly number[];
  /** The same nine, from moving each weight a little both ways. */
  readonly nudged: readonly number[];
  readonly rate: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly lossBefore: number;
  readonly lossAfter: number;
}

/** A network of one filter, and what pools its map. */
interface Subject {
  readonly model: Model;
  readonly pooling: OxDesign["pooling"];
}

/** For the image of `set` whose error reaches most positions of the map; null where no error arrives at all. */
export async function stepIntoFilter({ model, pooling }: Subject, set: LetterSet, rate: number): Promise<FilterStep | null> {
  let best = { image: -1, reached: 0, mapGradient: [] as number[] };
  for (const image of set.placements.keys()) {
    const mapGradient = await gradientAtMap({ model, pooling }, imageOf(set, image), set.y[image]!);
    const reached = mapGradient.filter((value) => value !== 0).length;
    if (reached > best.reached) best = { image, reached, mapGradient };
  }
  return best.reached ? takeStep(model, set, { image: best.image, mapGradient: best.mapGradient, rate }) : null;
}

async function takeStep(model: Model, set: LetterSet, start: Pick<FilterStep, "image" | "mapGradient" | "rate">): Promise<FilterStep> {
  const [pixels, label] = [imageOf(set, start.image), set.y[start.image]!];
  const layer = model.getLayer("filter");
  const [kernel, bias] = layer.getWeights();
  const lossWith = (weights: ArrayLike<number>) => {
    layer.setWeights([{ data: Float32Array.from(weights), shape: kernel!.shape }, bias!]);
    return lossOf(model, pixels, label);
  };
  const before = Array.from(kernel!.data);
  const sums = patchSums(pixels, start.mapGradient);
  const nudged: number[] = [];
  for (const index of before.keys()) {
    const moved = (by: number) => before.map((weight, at) => (at === index ? weight + by : weight));
    nudged.push(((await lossWith(moved(NUDGE))) - (await lossWith(moved(-NUDGE)))) / (2 * NUDGE));
  }
  const after = before.map((weight, index) => weight - start.rate * sums[index]!);
  const lossAfter = await lossWith(after);
  const lossBefore = await lossWith(before);
  const library = Array.from((await model.gradients(pixels, Uint8Array.of(label)))["filter/kernel"]!.data);
  return { ...start, sums, library, nudged, before, after, lossBefore, lossAfter };
}

/** gradient[y, x] = sum over the map of image[outY + y, outX + x] * mapGradient[outY, outX] */
export function patchSums(image: ArrayLike<number>, mapGradient: readonly number[]): number[] {
  const sums = new Array<number>(WINDOW * WINDOW).fill(0);
  for (let outY = 0; outY < MAP; outY++) {
    for (let outX = 0; outX < MAP; outX++) {
      for (let y = 0; y < WINDOW; y++) {
        for (let x = 0; x < WINDOW; x++) sums[y * WINDOW + x]! += image[(outY + y) * SIDE + outX + x]! * mapGradient[outY * MAP + outX]!;
      }
    }
  }
  return sums;
}

/** The chain rule from the two probabilities back to the 4x4 feature map of a network with one filter. */
async function gradientAtMap({ model, pooling }: Subject, image: Float32Array, label: number): Promise<number[]> {
  const values = await model.activations(image, ["filter", "hidden", "output"]);
  const atOutput = Array.from(values.output!.data, (probability, letter) => probability - (letter === label ? 1 : 0));
  const hidden = values.hidden!.data;
  const atHidden = backThrough(model, "output", atOutput).map((gradient, unit) => (hidden[unit]! > 0 ? gradient : 0));
  const atPool = backThrough(model, "hidden", atHidden);
  const map = values.filter!.data;
  const atMap = new Array<number>(MAP * MAP).fill(0);
  for (const [cell, gradient] of atPool.entries()) {
    const window = [0, 1, MAP, MAP + 1].map((offset) => (Math.floor(cell / POOLED) * MAP + (cell % POOLED)) * 2 + offset);
    const winner = window.reduce((best, index) => (map[index]! > map[best]! ? index : best));
    const receivers = pooling === "max" ? [winner] : window;
    for (const index of receivers) atMap[index] = map[index]! > 0 ? gradient / receivers.length : 0;
  }
  return atMap;
}

/** Input gradient of a dense layer: kernel [inputs, units] times the gradient of its units. */
function backThrough(model: Model, layer: string, gradient: readonly number[]): number[] {
  const kernel = model.getLayer(layer).getWeights()[0]!.data;
  return Array.from({ length: kernel.length / gradient.length }, (_, input) =>
    gradient.reduce((sum, value, unit) => sum + value * kernel[input * gradient.length + unit]!, 0),
  );
}

async function lossOf(model: Model, image: Float32Array, label: number): Promise<number> {
  return -Math.log((await model.predict(image)).data[label]!);
}
