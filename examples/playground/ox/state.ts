/** What the first part of the page shows, and its form in the address. */
import { wholeNumber } from "../ui/hash.ts";
import { LAST_STEP } from "./walk.ts";

export type Pooling = "max" | "mean";

/** Nine weights row by row, then the bias. */
export type FilterValues = readonly number[];

/** What happened to the networks since their first weights: training steps, or a filter written by hand. */
export type Move = { readonly steps: number } | { readonly filter: FilterValues };

export interface OxState {
  /** [36] of 0 and 1, row by row. */
  readonly drawing: readonly number[];
  readonly seed: number;
  readonly pooling: Pooling;
  /** Whether a fixed permutation shuffles the pixels before the networks see them. */
  readonly permuted: boolean;
  /** Of the walk through the network. */
  readonly step: number;
  readonly moves: readonly Move[];
}

export const PIXELS = 36;
export const FILTER_VALUES = 10;
export const LARGEST_SEED = 4294967295;
/** A filter weight written by hand stays below this. */
export const LARGEST_WEIGHT = 99;
/** Training steps a link may ask to repeat: more cannot be trained. */
export const MOST_STEPS = 20_000;

/** Its filter becomes a stroke detector, with max and with mean pooling. */
export const GOOD_SEED = 16;
/** All nine weights of its filter are negative: born dead. */
export const UNLUCKY_SEED = 565;

export function toHash(state: OxState): Record<string, string> {
  const run = state.moves.map((move) => ("steps" in move ? String(move.steps) : `f${move.filter.map(shortest).join("_")}`)).join("~");
  return {
    part: "ox",
    draw: drawingText(state.drawing),
    seed: String(state.seed),
    pool: state.pooling,
    step: String(state.step),
    ...(state.permuted && { mix: "1" }),
    ...(run && { run }),
  };
}

/** What the hash does not say, or says wrongly, comes from `fallback`. */
export function fromHash(hash: URLSearchParams, fallback: OxState): OxState {
  const pool = hash.get("pool");
  return {
    drawing: drawingOf(hash.get("draw")) ?? fallback.drawing,
    seed: wholeNumber(hash.get("seed"), { from: 0, to: LARGEST_SEED, fallback: fallback.seed }),
    pooling: pool === "max" || pool === "mean" ? pool : fallback.pooling,
    permuted: hash.get("mix") === "1",
    step: wholeNumber(hash.get("step"), { from: 0, to: LAST_STEP, fallback: fallback.step }),
    moves: movesOf(hash.get("run") ?? ""),
  };
}

/** One more training step, or filter: neighbours of a kind become one. */
export function withMove(moves: readonly Move[], move: Move): Move[] {
  const last = moves.at(-1);
  const before = moves.slice(0, -1);
  if (last === undefined) return [move];
  if ("steps" in last && "steps" in move) return [...before, { steps: last.steps + move.steps }];
  if ("filter" in last && "filter" in move) return [...before, move];
  return [...moves, move];
}

export function stepsOf(moves: readonly Move[]): number {
  return moves.reduce((sum, move) => sum + ("steps" in move ? move.steps : 0), 0);
}

export function drawingText(drawing: readonly number[]): string {
  return Array.from({ length: PIXELS / 4 }, (_, nibble) =>
    drawing
      .slice(nibble * 4, nibble * 4 + 4)
      .reduce((bits, ink) => bits * 2 + ink, 0)
      .toString(16),
  ).join("");
}

function drawingOf(text: string | null): number[] | null {
  if (text === null || !/^[0-9a-f]{9}$/i.test(text)) return null;
  return [...text].flatMap((digit) => [3, 2, 1, 0].map((bit) => (Number.parseInt(digit, 16) >> bit) & 1));
}

function movesOf(text: string): Move[] {
  const moves: Move[] = [];
  for (const part of text.split("~").filter(Boolean)) {
    if (part.startsWith("f")) {
      const filter = part.slice(1).split("_").map(Number);
      const isGood = filter.length === FILTER_VALUES && filter.every((value) => Number.isFinite(value) && Math.abs(value) <= LARGEST_WEIGHT);
      if (!isGood) return moves;
      moves.push({ filter: filter.map(Math.fround) });
    } else {
      const steps = wholeNumber(part, { from: 1, to: MOST_STEPS - stepsOf(moves), fallback: 0 });
      if (steps === 0) return moves;
      moves.push({ steps });
    }
  }
  return moves;
}

/** The fewest digits that give the same float32. */
export function shortest(value: number): string {
  const wanted = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(wanted.toPrecision(digits));
    if (Math.fround(text) === wanted) return String(text);
  }
  return String(Number(wanted.toPrecision(9)));
}
