import { type Block, block, type ColorDepth, pad, paint, visibleWidth } from "./blocks.ts";
import { hasNegative, type Map2d, magnitude } from "./maps.ts";
import { diverging, type Rgb, sequential, textOn } from "./palette.ts";

/** Pictures of small arrays in characters: colour where the terminal has it, signs, shades and digits where it has not. */
export interface PictureOptions {
  readonly depth: ColorDepth;
  /** The value drawn in full ink; the largest magnitude of the map where absent. */
  readonly full?: number | undefined;
  /** Blue below zero, orange above; what the data says where absent. */
  readonly signed?: boolean | undefined;
}

const SHADES = " ░▒▓█";
const BAR_EIGHTHS = " ▏▎▍▌▋▊▉█";

/** Two columns per pixel: nearly square cells. Without colour a signed cell is its sign and a shade. */
export function cells(map: Map2d, options: PictureOptions): Block {
  const ink = inkOf(map, options);
  return rows(map, (value) => {
    if (options.depth !== "none") return paint("  ", { paper: ink.color(value) }, options.depth);
    const shade = shadeOf(ink.share(value));
    if (!ink.signed) return shade + shade;
    return shade === " " ? " ·" : (value < 0 ? "-" : "+") + shade;
  });
}

/** Every value as a number, on its colour. The pictures to read weights and small feature maps from. */
export function numbers(map: Map2d, options: PictureOptions & { digits?: number }): Block {
  const ink = inkOf(map, options);
  const texts = Array.from(map.data, (value) => decimal(Number(value), options.digits ?? 1));
  const width = Math.max(...texts.map(visibleWidth)) + 1;
  return rows(map, (value, index) => {
    const text = pad(texts[index]!, width, "right");
    const paper = ink.color(value);
    return paint(text, { ink: textOn(paper), paper }, options.depth);
  });
}

/** One column per pixel and two pixel rows per line (▀): for maps too large for cells. Without colour, the mean of both in shades. */
export function halfBlocks(map: Map2d, options: PictureOptions): Block {
  const ink = inkOf(map, options);
  const at = (y: number, x: number) => (y < map.height ? Number(map.data[y * map.width + x]) : 0);
  const lines: string[] = [];
  for (let y = 0; y < map.height; y += 2) {
    let line = "";
    for (let x = 0; x < map.width; x++) {
      const [upper, lower] = [at(y, x), at(y + 1, x)];
      if (options.depth !== "none") line += paint("▀", { ink: ink.color(upper), paper: ink.color(lower) }, options.depth);
      else line += shadeOf((ink.share(upper) + ink.share(lower)) / 2);
    }
    lines.push(line);
  }
  return block(lines);
}

/** One horizontal bar per row: label, bar, value; values are 0..1. */
export function bars(
  values: readonly { label: string; share: number }[],
  options: { depth: ColorDepth; width: number; colors?: readonly Rgb[] },
): Block {
  const labelWidth = Math.max(...values.map(({ label }) => visibleWidth(label)));
  const length = Math.max(8, options.width - labelWidth - 7);
  return block(
    values.map(({ label, share }, index) => {
      const bar = pad(barOf(share, length), length);
      const color = options.colors?.[index % options.colors.length];
      return `${pad(label, labelWidth)} ${color ? paint(bar, { ink: color }, options.depth) : bar} ${decimal(share, 3)}`;
    }),
  );
}

/** A ratio as a percentage with one decimal; 100 % and 0 % only where exact. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "-";
  const hundred = share * 100;
  if (hundred === 0 || hundred === 100) return `${hundred} %`;
  const text = Math.min(99.9, Math.max(hundred > 0 ? 0.1 : 0, hundred)).toFixed(1);
  return `${text} %`;
}

/** Fixed decimals, a true minus sign's place kept, never "-0.0". */
export function decimal(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 && text.startsWith("-") ? text.slice(1) : text;
}

function barOf(share: number, length: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share || 0)) * length * 8);
  return "█".repeat(eighths >> 3) + (eighths & 7 ? BAR_EIGHTHS[eighths & 7] : "");
}

function shadeOf(share: number): string {
  if (Number.isNaN(share)) return "?";
  return SHADES[share <= 0 ? 0 : Math.min(SHADES.length - 1, Math.max(1, Math.ceil(share * (SHADES.length - 1))))]!;
}

function inkOf(map: Map2d, options: PictureOptions) {
  const signed = options.signed ?? hasNegative(map.data);
  const full = options.full ?? magnitude(map.data);
  const scaled = (value: number) => (full > 0 ? value / full : Number.isNaN(value) ? value : 0);
  return {
    signed,
    /** How much ink, 0..1, whatever the sign; what is far too small to matter has none. */
    share: (value: number) => {
      const share = Math.min(1, signed ? Math.abs(scaled(value)) : Math.max(0, scaled(value)));
      return share < 0.02 ? 0 : share;
    },
    /** On a terminal zero is dark: most of them are, and light pixels on night are what a digit looks like there. */
    color: (value: number): Rgb => (signed ? diverging(scaled(value)) : sequential(scaled(value), "dark")),
  };
}

function rows(map: Map2d, cell: (value: number, index: number) => string): Block {
  return block(
    Array.from({ length: map.height }, (_, y) =>
      Array.from({ length: map.width }, (_, x) => cell(Number(map.data[y * map.width + x]), y * map.width + x)).join(""),
    ),
  );
}
