/** What all drawings of the bench share: texts, and scales by powers of ten. */
import { round } from "../../src/inspect/report/charts.ts";
import { escapeHtml } from "../../src/inspect/report/html.ts";

export { mark, round } from "../../src/inspect/report/charts.ts";
export { escapeHtml };

/** Width of a letter, in the wider of the usual fonts. */
export const LETTER = 6.9;

/** At most so many letters. */
export function shortened(words: string, letters: number): string {
  return words.length <= letters ? words : `${words.slice(0, letters - 1)}…`;
}

export type Color = 0 | 1 | 2 | 3;

export function svg(size: { width: number; height: number }, label: string, parts: readonly string[]): string {
  const { width, height } = size;
  return `<svg viewBox="0 0 ${width} ${round(height)}" role="img" aria-label="${escapeHtml(label)}">${parts.join("")}</svg>`;
}

export type Anchor = "start" | "middle" | "end";

export function text(x: number, y: number, words: string, { anchor = "start", of = "" }: { anchor?: Anchor; of?: string } = {}): string {
  const anchored = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text${of ? ` class="${of}"` : ""} x="${round(x)}" y="${round(y)}"${anchored}>${escapeHtml(words)}</text>`;
}

export function line(of: string, from: readonly [number, number], to: readonly [number, number]): string {
  return `<line class="${of}" x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}"/>`;
}

export interface LogScale {
  at(value: number): number;
  /** The value of a pixel. */
  value(pixel: number): number;
  readonly ticks: readonly number[];
}

/** From `low` to `high`, both above 0, over the pixels `from` to `to`. Ticks: powers of ten; with fewer than two, also their 2- and 5-fold. */
export function logScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): LogScale {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const at = (value: number) => from + ((Math.log10(value) - first) / (last - first || 1)) * (to - from);
  const value = (pixel: number) => 10 ** (first + ((pixel - from) / (to - from)) * (last - first));
  const inside = (tick: number) => tick >= low * 0.999 && tick <= high * 1.001;
  const decades = Array.from({ length: Math.ceil(last) - Math.floor(first) + 1 }, (_, index) => 10 ** (Math.floor(first) + index));
  const tens = decades.filter(inside);
  const ticks = tens.length > 2 ? tens : decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter(inside);
  return { at, value, ticks: ticks.map((tick) => Number(tick.toPrecision(6))) };
}

/** A pair that holds all values, with some room on both sides. */
export function around(values: readonly number[], room = 1.25): [number, number] {
  return [Math.min(...values) / room, Math.max(...values) * room];
}
