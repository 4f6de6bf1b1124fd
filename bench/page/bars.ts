/** Horizontal bars, a label before each and its value behind; and points on a scale of ratios. */
import { type Color, escapeHtml, LETTER, line, logScale, mark, round, shortened, svg, text } from "./svg.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is written. */
  readonly words: string;
  readonly color: Color;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 400;
const ROW = 16;
const THICK = 11;
const GAP = 12;
/** A longer label is cut. */
const MOST_LABEL = 26;

/** Every group has its own scale, from 0 to its largest value, but for `full`: then all have that one, and its end is marked. */
export function barRows(groups: readonly BarGroup[], { label, full }: { label: string; full?: number }): string {
  const bars = groups.flatMap((group) => group.bars);
  const left = 8 + LETTER * Math.min(MOST_LABEL, Math.max(...bars.map((bar) => bar.label.length)));
  const right = WIDTH - 10 - LETTER * Math.max(...bars.map(({ words }) => words.length));
  const parts: string[] = [];
  let y = 0;
  for (const { title, bars: own } of groups) {
    const most = full ?? Math.max(...own.map(({ value }) => value));
    parts.push(text(0, y + 12, title, { of: "name" }));
    y += 20;
    const top = y;
    for (const bar of own) {
      const width = Math.max(1, (Math.min(bar.value, 1.02 * most) / most) * (right - left));
      const rect = `<rect x="${round(left)}" y="${round(y + 1)}" width="${round(width)}" height="${THICK}"/>`;
      const hint = `<title>${escapeHtml(`${title}, ${bar.label}: ${bar.words}`)}</title>`;
      parts.push(text(left - 6, y + 10.5, shortened(bar.label, MOST_LABEL), { anchor: "end" }));
      const end = left + width + 5;
      const crossesEnd = full !== undefined && end < right + 4 && end + LETTER * bar.words.length > right - 4;
      parts.push(`<g class="bar s${bar.color}">${rect}${hint}</g>`, text(crossesEnd ? right + 5 : end, y + 10.5, bar.words, { of: "axis" }));
      y += ROW;
    }
    if (full !== undefined) parts.push(line("limit", [right, top - 1], [right, y - 2]));
    y += GAP;
  }
  return svg({ width: WIDTH, height: y - GAP + 4 }, `Bars: ${label}. The numbers are in the table below.`, parts);
}

export interface RatioRow {
  readonly label: string;
  readonly points: readonly { readonly series: Color; readonly value: number }[];
}

const RATIO_WIDTH = 760;
const RATIO_ROW = 24;
const TOP = 44;

/** A row of points each, on a scale of powers of ten with a line at 1. `series` are named in the order of their colours; "": not drawn. */
export function ratioRows(rows: readonly RatioRow[], { label, series }: { label: string; series: readonly string[] }): string {
  const values = rows.flatMap(({ points }) => points.map(({ value }) => value));
  const left = 12 + LETTER * Math.max(...rows.map((row) => row.label.length));
  const bottom = TOP + RATIO_ROW * rows.length;
  const scale = logScale([Math.min(0.3, ...values) / 1.2, Math.max(3, ...values) * 1.5], [left, RATIO_WIDTH - 20]);
  const parts = scale.ticks.flatMap((tick) => [
    line(tick === 1 ? "limit" : "grid", [scale.at(tick), TOP - 8], [scale.at(tick), bottom]),
    text(scale.at(tick), bottom + 16, `${tick}x`, { anchor: "middle" }),
  ]);
  let x = left;
  series.forEach((name, index) => {
    if (name === "") return;
    parts.push(`<g class="series s${index}">${mark(index, x, 10)}</g>`, text(x + 10, 14, name));
    x += 34 + LETTER * name.length;
  });
  rows.forEach((row, index) => {
    const y = TOP + RATIO_ROW * (index + 0.5);
    parts.push(text(left - 12, y + 4, row.label, { anchor: "end", of: "axis" }));
    // The last drawn lies on top: the first series counts most.
    for (const { series: number, value } of row.points.toReversed()) {
      const words = `${row.label}: ${value.toFixed(2)}x of ${series[number]}`;
      parts.push(`<g class="series s${number}">${mark(number, scale.at(value), y)}<title>${escapeHtml(words)}</title></g>`);
      parts.push(text(scale.at(value), y - 6, value < 10 ? value.toFixed(2) : value.toFixed(0), { anchor: "middle", of: "small" }));
    }
  });
  return svg({ width: RATIO_WIDTH, height: bottom + 24 }, `Points: ${label}. The numbers are in the table below.`, parts);
}
