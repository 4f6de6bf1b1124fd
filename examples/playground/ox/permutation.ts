/** One fixed shuffle of the 36 pixels: no information is lost, but neighbours are strangers. */
import { permutation } from "../../../src/random.ts";
import { PIXELS } from "./state.ts";

const SEED = 1;
const STREAM = 2;
const order = permutation(PIXELS, SEED, STREAM);

export function permute(image: readonly number[]): number[] {
  return Array.from(order, (pixel) => image[pixel]!);
}
