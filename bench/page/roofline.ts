/** Williams, Waterman and Patterson 2009: what a kernel reaches, against what arithmetic and memory of the machine allow it. */
import { around, type Color, escapeHtml, LETTER, line, logScale, mark, round, svg, text } from "./svg.ts";

export interface RooflinePoint {
  readonly name: string;
  /** FLOP really done per byte that must be moved. */
  readonly intensity: number;
  readonly gflops: number;
  readonly color: Color;
}

export interface Roof {
  readonly name: string;
  /** GFLOP/s, or GB/s. */
  readonly limit: number;
}

export interface RooflineParts {
  readonly points: readonly RooflinePoint[];
  /** Flat. */
  readonly peaks: readonly Roof[];
  /** Slopes. */
  readonly bandwidths: readonly Roof[];
  /** Of the colours, in their order. */
  readonly series: readonly { readonly name: string; readonly color: Color }[];
}

const WIDTH = 760;
const HEIGHT = 470;
const PLOT = { left: 52, right: 740, top: 30, bottom: 424 };
const LABEL_HEIGHT = 11;
const SMALL_LETTER = 5.1;

export function roofline({ points, peaks, bandwidths, series }: RooflineParts): string {
  const top = Math.max(...peaks.map(({ limit }) => limit));
  const x = logScale(around([...points.map(({ intensity }) => intensity), 0.05, 64], 1.6), [PLOT.left, PLOT.right]);
  const y = logScale([Math.min(...points.map(({ gflops }) => gflops), 2) / 1.5, top * 3], [PLOT.bottom, PLOT.top]);
  const taken: Box[] = points.map((point) => ({ x: x.at(point.intensity) - 4, y: y.at(point.gflops) - 4, width: 8, height: 8 }));
  const parts = axes(x, y);
  const limits = [...peaks].sort((a, b) => b.limit - a.limit);
  const fastest = Math.max(...bandwidths.map(({ limit }) => limit));
  limits.forEach(({ name, limit }, index) => {
    const words = `${name}: ${limit.toFixed(1)} GFLOP/s`;
    const knee = x.at(limit / fastest);
    // The highest has its name above it, the others below, where the kernels that move data do not come.
    const base = y.at(limit) + (index === 0 ? -5 : 14 * index);
    taken.push({ x: knee + 14, y: base - 11, width: words.length * LETTER, height: 14 });
    parts.push(line("limit", [knee, y.at(limit)], [PLOT.right, y.at(limit)]), text(knee + 14, base, words, { of: "axis" }));
  });
  for (const roof of bandwidths) parts.push(...slope(roof, { x, y, top, taken }));
  series.forEach(({ name, color }, index) => {
    const at = PLOT.left + 140 * index;
    parts.push(`<g class="series s${color}">${mark(color, at + 6, 8)}</g>`, text(at + 16, 12, name));
  });
  parts.push(...named(points, { x, y, taken }));
  return svg(
    { width: WIDTH, height: HEIGHT },
    "Roofline: every kernel by its arithmetic per byte and its rate. The numbers are in the table below.",
    parts,
  );
}

type Scale = ReturnType<typeof logScale>;

function axes(x: Scale, y: Scale): string[] {
  return [
    ...y.ticks.flatMap((tick) => [
      line("grid", [PLOT.left, y.at(tick)], [PLOT.right, y.at(tick)]),
      text(PLOT.left - 6, y.at(tick) + 4, `${tick}`, { anchor: "end" }),
    ]),
    ...x.ticks.map((tick) => text(x.at(tick), PLOT.bottom + 16, `${tick}`, { anchor: "middle" })),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 36, "FLOP per byte", { anchor: "middle", of: "axis" }),
    text(0, PLOT.top - 4, "GFLOP/s", { of: "axis" }),
  ];
}

function slope({ name, limit }: Roof, { x, y, top, taken }: { x: Scale; y: Scale; top: number; taken: Box[] }): string[] {
  const start = Math.max(x.value(PLOT.left), y.value(PLOT.bottom) / limit);
  const end = top / limit;
  const from: [number, number] = [x.at(start), y.at(start * limit)];
  const to: [number, number] = [x.at(end), y.at(end * limit)];
  const turn = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI;
  const at: [number, number] = [from[0] + 0.12 * (to[0] - from[0]), from[1] + 0.12 * (to[1] - from[1])];
  const words = `${name}: ${limit.toFixed(1)} GB/s`;
  const steps = Array.from({ length: 12 }, (_, index) => (index * words.length * LETTER) / 12);
  const [dx, dy] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  for (const step of steps) taken.push({ x: at[0] + step * dx, y: at[1] + step * dy - 14, width: 12, height: 14 });
  const label = text(at[0], at[1] - 4, words, { of: "axis" }).replace(
    "<text",
    `<text transform="rotate(${round(turn)} ${round(at[0])} ${round(at[1])})"`,
  );
  return [line("limit", from, to), label];
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** A kernel's points are joined, and named once, at the fastest; the name stands where there is room, with a line to it where that is far. */
function named(points: readonly RooflinePoint[], { x, y, taken }: { x: Scale; y: Scale; taken: Box[] }): string[] {
  const parts: string[] = [];
  const names = [...new Set(points.map(({ name }) => name))];
  const groups = names.map((name) => points.filter((point) => point.name === name).sort((a, b) => b.gflops - a.gflops));
  for (const group of groups) {
    const [best] = group;
    const at: [number, number] = [x.at(best.intensity), y.at(best.gflops)];
    if (group.length > 1) parts.push(line("leader", at, [at[0], y.at(group.at(-1)!.gflops)]));
    for (const { name, color, gflops, intensity } of group) {
      const words = `${name}: ${gflops.toFixed(1)} GFLOP/s at ${intensity.toFixed(2)} FLOP per byte`;
      parts.push(`<g class="series s${color}">${mark(color, at[0], y.at(gflops))}<title>${escapeHtml(words)}</title></g>`);
    }
    const box = freeBox(at, best.name.length * SMALL_LETTER, taken);
    taken.push(box);
    const middle: [number, number] = [Math.min(Math.max(at[0], box.x), box.x + box.width), box.y + LABEL_HEIGHT / 2];
    if (Math.hypot(middle[0] - at[0], middle[1] - at[1]) > 14) parts.push(line("leader", at, middle));
    parts.push(text(box.x, box.y + 9, best.name, { of: "small axis" }));
  }
  return parts;
}

/** The nearest place of a label: right, left, above and below, further and further away. */
function freeBox([x, y]: readonly [number, number], width: number, taken: readonly Box[]): Box {
  const inside = (box: Box) => box.x > PLOT.left && box.x + box.width < WIDTH && box.y > PLOT.top - 10 && box.y + box.height < PLOT.bottom;
  for (let distance = 7; distance < 240; distance += 6) {
    for (const turn of [0, 180, 30, -30, 150, -150, 60, -60, 90, -90, 120, -120]) {
      const [dx, dy] = [Math.cos((turn * Math.PI) / 180) * distance, Math.sin((turn * Math.PI) / 180) * distance];
      const box = { x: dx >= -0.01 ? x + dx : x + dx - width, y: y + dy - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT };
      if (inside(box) && !taken.some((other) => overlap(box, other))) return box;
    }
  }
  return { x: x + 7, y: y - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT };
}
