import type { Map2d } from "../../src/inspect/maps.ts";

/** 6x6 images of a 4x4 letter at nine placements; five of them are trained on, the four between them never shown. */
export const SIDE = 6;
export const NAMES = ["O", "X"] as const;
const GLYPHS = [
  [0b0110, 0b1001, 0b1001, 0b0110],
  [0b1001, 0b0110, 0b0110, 0b1001],
] as const;

export interface LetterSet {
  /** [count, 6, 6, 1], ink is 1 */
  readonly x: Float32Array;
  /** 0 is O, 1 is X */
  readonly y: Uint8Array;
  readonly placements: readonly { letter: 0 | 1; dy: number; dx: number }[];
}

export function letterSets(): { seen: LetterSet; unseen: LetterSet } {
  const all = ([0, 1] as const).flatMap((letter) => [0, 1, 2].flatMap((dy) => [0, 1, 2].map((dx) => ({ letter, dy, dx }))));
  const isSeen = ({ dy, dx }: { dy: number; dx: number }) => (dy + dx) % 2 === 0;
  return { seen: letterSet(all.filter(isSeen)), unseen: letterSet(all.filter((placement) => !isSeen(placement))) };
}

export function imageOf(set: LetterSet, index: number): Float32Array {
  return set.x.slice(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
}

export function pictureOf(set: LetterSet, index: number): Map2d {
  return { data: imageOf(set, index), height: SIDE, width: SIDE };
}

export function indexAt(set: LetterSet, letter: 0 | 1, dy: number, dx: number): number {
  return set.placements.findIndex((placement) => placement.letter === letter && placement.dy === dy && placement.dx === dx);
}

/** Pixels of ink that an image of `set` has in common, on average, with the images of `letter` in `others`. */
export function meanOverlap(set: LetterSet, others: LetterSet, relation: "same letter" | "other letter"): number {
  let shared = 0;
  let pairs = 0;
  for (const [index, mine] of set.placements.entries()) {
    for (const [otherIndex, other] of others.placements.entries()) {
      if ((mine.letter === other.letter) !== (relation === "same letter")) continue;
      const [a, b] = [imageOf(set, index), imageOf(others, otherIndex)];
      shared += a.reduce((sum, ink, pixel) => sum + ink * b[pixel]!, 0);
      pairs++;
    }
  }
  return shared / pairs;
}

function letterSet(placements: LetterSet["placements"]): LetterSet {
  const x = new Float32Array(placements.length * SIDE * SIDE);
  placements.forEach(({ letter, dy, dx }, image) => {
    GLYPHS[letter].forEach((bits, row) => {
      for (let column = 0; column < 4; column++) x[(image * SIDE + dy + row) * SIDE + dx + column] = (bits >> (3 - column)) & 1;
    });
  });
  return { x, y: Uint8Array.from(placements, ({ letter }) => letter), placements };
}
