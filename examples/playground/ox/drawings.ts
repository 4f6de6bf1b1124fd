/** Drawings of 6x6 pixels: the two letters, and moving one about. */
import { imageOf, indexAt, letterSets } from "../../tour/letters.ts";
import { PIXELS } from "./state.ts";
import { SIDE } from "./walk.ts";

export type Drawing = readonly number[];

const { seen } = letterSets();

/** In the middle of the image. */
export function letter(index: 0 | 1): Drawing {
  return Array.from(imageOf(seen, indexAt(seen, index, 1, 1)));
}

export const EMPTY: Drawing = new Array<number>(PIXELS).fill(0);

/** Rows and columns of the ink; null without any. */
function bounds(drawing: Drawing): { top: number; left: number; bottom: number; right: number } | null {
  const inked = drawing.flatMap((ink, pixel) => (ink ? [{ row: Math.floor(pixel / SIDE), column: pixel % SIDE }] : []));
  if (inked.length === 0) return null;
  const [rows, columns] = [inked.map(({ row }) => row), inked.map(({ column }) => column)];
  return { top: Math.min(...rows), left: Math.min(...columns), bottom: Math.max(...rows), right: Math.max(...columns) };
}

/** Moved down and right; null where ink would leave the paper, or there is none. */
export function moved(drawing: Drawing, down: number, right: number): Drawing | null {
  const box = bounds(drawing);
  const fits = (low: number, high: number, by: number) => low + by >= 0 && high + by < SIDE;
  if (box === null || !fits(box.top, box.bottom, down) || !fits(box.left, box.right, right)) return null;
  const target = [...EMPTY];
  drawing.forEach((ink, pixel) => {
    if (ink) target[pixel + down * SIDE + right] = 1;
  });
  return target;
}

export interface Placements {
  readonly rows: number;
  readonly columns: number;
  /** Row by row. */
  readonly drawings: readonly Drawing[];
  /** Where the drawing itself stands. */
  readonly current: number;
}

/** Everywhere the drawing could stand. */
export function placements(drawing: Drawing): Placements | null {
  const box = bounds(drawing);
  if (box === null) return null;
  const rows = SIDE - (box.bottom - box.top);
  const columns = SIDE - (box.right - box.left);
  const drawings = Array.from(
    { length: rows * columns },
    (_, index) => moved(drawing, Math.floor(index / columns) - box.top, (index % columns) - box.left)!,
  );
  return { rows, columns, drawings, current: box.top * columns + box.left };
}

/** "seen" or "unseen" where it is one of the letters at one of the nine places of the tour; null for any other drawing. */
export function familiarity(drawing: Drawing): { readonly letter: 0 | 1; readonly place: "seen" | "unseen" } | null {
  const { unseen } = letterSets();
  for (const [place, set] of [
    ["seen", seen],
    ["unseen", unseen],
  ] as const) {
    const found = set.placements.findIndex((_, index) => imageOf(set, index).every((ink, pixel) => ink === drawing[pixel]));
    if (found >= 0) return { letter: set.placements[found]!.letter, place };
  }
  return null;
}
