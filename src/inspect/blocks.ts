import { ansi256, type Rgb } from "./palette.ts";

/** Rectangles of text that can be put beside one another. All widths are columns on the screen; colour codes take none. */
export interface Block {
  readonly lines: readonly string[];
  readonly width: number;
}

export type ColorDepth = "none" | "ansi256" | "truecolor";

const ESCAPE = "\u001b[";
// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with the escape character
const COLOR_CODE = /\u001b\[[0-9;]*m/g;

/** What a stream may show: https://no-color.org, FORCE_COLOR, then the terminal's own word. */
export function colorDepth(stream: { isTTY?: boolean | undefined }, env: Readonly<Record<string, string | undefined>>): ColorDepth {
  if (env.NO_COLOR) return "none";
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  if (env.FORCE_COLOR !== undefined && !forced) return "none";
  if (!forced && (!stream.isTTY || env.TERM === "dumb")) return "none";
  return /truecolor|24bit/.test(env.COLORTERM ?? "") ? "truecolor" : "ansi256";
}

export function visibleWidth(line: string): number {
  return [...line.replace(COLOR_CODE, "")].length;
}

/** A block of these lines, each padded to the widest. */
export function block(lines: readonly string[]): Block {
  const width = Math.max(0, ...lines.map(visibleWidth));
  return { lines: lines.map((line) => pad(line, width)), width };
}

export function pad(line: string, width: number, align: "left" | "right" | "center" = "left"): string {
  const missing = Math.max(0, width - visibleWidth(line));
  const before = align === "left" ? 0 : align === "right" ? missing : missing >> 1;
  return " ".repeat(before) + line + " ".repeat(missing - before);
}

export function paint(text: string, colors: { ink?: Rgb; paper?: Rgb }, depth: ColorDepth): string {
  if (depth === "none") return text;
  const code = (layer: 38 | 48, color: Rgb) => (depth === "truecolor" ? `${layer};2;${color.join(";")}` : `${layer};5;${ansi256(color)}`);
  const codes = [colors.ink && code(38, colors.ink), colors.paper && code(48, colors.paper)].filter(Boolean);
  return codes.length ? `${ESCAPE}${codes.join(";")}m${text}${ESCAPE}0m` : text;
}

export function bold(text: string, depth: ColorDepth): string {
  return depth === "none" ? text : `${ESCAPE}1m${text}${ESCAPE}0m`;
}

export function dim(text: string, depth: ColorDepth): string {
  return depth === "none" ? text : `${ESCAPE}2m${text}${ESCAPE}0m`;
}

/** A picture with its title above and a note below. */
export interface Captioned {
  readonly picture: Block;
  readonly title: string;
  readonly note?: string;
}

/** Titles on one line, pictures level, notes on one line. */
export function captioned(items: readonly Captioned[], depth: ColorDepth, between = "  "): Block {
  const height = Math.max(0, ...items.map(({ picture }) => picture.lines.length));
  const hasNotes = items.some(({ note }) => note);
  const columns = items.map(({ picture, title, note = "" }) => {
    const width = Math.max(picture.width, visibleWidth(title), visibleWidth(note));
    const above = (height - picture.lines.length) >> 1;
    const middle = Array.from({ length: height }, (_, row) => pad(picture.lines[row - above] ?? "", width, "center"));
    return [pad(title, width, "center"), ...middle, ...(hasNotes ? [dim(pad(note, width, "center"), depth)] : [])];
  });
  const isMiddle = (row: number) => row === 1 + ((height - 1) >> 1);
  const gap = " ".repeat(visibleWidth(between));
  return block(
    Array.from({ length: height + (hasNotes ? 2 : 1) }, (_, row) => columns.map((column) => column[row]).join(isMiddle(row) ? between : gap)),
  );
}

/** Blocks side by side, their middles level. */
export function beside(blocks: readonly Block[], between = "  "): Block {
  const height = Math.max(0, ...blocks.map((one) => one.lines.length));
  const columns = blocks.map((one) => {
    const above = (height - one.lines.length) >> 1;
    return Array.from({ length: height }, (_, row) => one.lines[row - above] ?? " ".repeat(one.width));
  });
  return block(Array.from({ length: height }, (_, row) => columns.map((column) => column[row]).join(between)));
}

export function stacked(blocks: readonly Block[]): Block {
  return block(blocks.flatMap((one) => one.lines));
}

/** Pictures joined by arrows; what does not fit in `width` columns goes on below. */
export function flow(items: readonly Captioned[], width: number, depth: ColorDepth): Block {
  return stacked(
    inRows(items, width - 2, 3).flatMap((row, index) => (index > 0 ? [block([""]), captioned(row, depth, " → ")] : [captioned(row, depth, " → ")])),
  );
}

/** Pictures side by side, as many in a row as fit in `width` columns. */
export function gallery(items: readonly Captioned[], width: number, depth: ColorDepth): Block {
  return stacked(inRows(items, width, 2).map((row) => captioned(row, depth)));
}

function inRows(items: readonly Captioned[], width: number, gap: number): Captioned[][] {
  const rows: Captioned[][] = [[]];
  let used = 0;
  for (const item of items) {
    const needed = Math.max(item.picture.width, visibleWidth(item.title), visibleWidth(item.note ?? ""));
    if (used > 0 && used + gap + needed > width) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)!.push(item);
    used += needed + (used > 0 ? gap : 0);
  }
  return rows;
}

/** Words of `text` in lines of at most `width` columns. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  // "97.1 %" stays together.
  for (const word of text
    .replace(/ %/g, "\u00a0%")
    .split(/[ \t\n]+/)
    .filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && visibleWidth(last) + 1 + visibleWidth(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.replace(/\u00a0/g, " "));
}

/** First column to the left, all others to the right; a rule under the header. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], depth: ColorDepth): Block {
  const widths = header.map((title, column) => Math.max(visibleWidth(title), ...rows.map((row) => visibleWidth(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    widths.map((width, column) => pad(cells[column] ?? "", width, column === 0 ? "left" : "right")).join("  ");
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width, 2 * (widths.length - 1)));
  return block([bold(line(header), depth), dim(rule, depth), ...rows.map(line)]);
}
