import type { BarsFigure, Curve, Format, LinesFigure } from "./data.ts";
import { escapeHtml, formatted } from "./html.ts";

/** Inline SVG in a small coordinate system: its letters stay readable when a phone scales it down. */
const WIDTH = 400;
const HEIGHT = 250;
const PLOT = { left: 44, right: 388, bottom: 208 };
const ROW = 17;
/** Mean width of a letter at the size of the legend. */
const LETTER = 6.4;

/** Curves differ in colour and in the shape of their points, so that colour alone never tells. */
export function lineChart(figure: LinesFigure): string {
  const values = figure.series.flatMap((series) => series.values).filter((value): value is number => value !== null && Number.isFinite(value));
  const legend = legendOf(figure.series, "line", figure.y.label);
  const y = axis(figure.y.from ?? Math.min(...values), figure.y.to ?? Math.max(...values));
  const xs = figure.x.values;
  const span = Math.max(1e-9, xs.at(-1)! - xs[0]!);
  const toX = (value: number) => PLOT.left + 8 + ((value - xs[0]!) / span) * (PLOT.right - PLOT.left - 16);
  const toY = (value: number) => PLOT.bottom - ((value - y.from) / (y.to - y.from)) * (PLOT.bottom - legend.bottom);
  const curves = figure.series.map((curve, index) => {
    const { name, values: ordinates } = curve;
    const points = xs.flatMap((x, at) => {
      const value = ordinates[at] ?? null;
      return value !== null && Number.isFinite(value)
        ? [{ x: toX(x), y: toY(value), text: `${name}, ${figure.x.label} ${x}: ${formatted(value, figure.y.format)}` }]
        : [];
    });
    const path = points.map((point, at) => `${at ? "L" : "M"}${round(point.x)} ${round(point.y)}`).join("");
    const marks =
      points.length <= 12
        ? points.map((point) => `<g>${mark(curve.color ?? index, point.x, point.y)}<title>${escapeHtml(point.text)}</title></g>`).join("")
        : "";
    return `<g class="${classOf(curve, index)}"><path d="${path}"/>${marks}</g>`;
  });
  const ticks = xs.length <= 12 ? xs : axis(xs[0]!, xs.at(-1)!).ticks.filter((tick) => tick >= xs[0]! && tick <= xs.at(-1)!);
  const xTicks = ticks.map((x) => `<text x="${round(toX(x))}" y="${PLOT.bottom + 16}" text-anchor="middle">${x}</text>`);
  const xLabel = `<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 34}" text-anchor="middle">${escapeHtml(figure.x.label)}</text>`;
  return frame(figure, [legend.svg, grid(y, toY, figure.y.format), ...xTicks, xLabel, ...curves]);
}

export function barChart(figure: BarsFigure): string {
  const legend = legendOf(figure.series, "bar", "");
  const y = axis(0, figure.to ?? Math.max(...figure.series.flatMap(({ values }) => values)));
  const toY = (value: number) => PLOT.bottom - ((value - y.from) / (y.to - y.from)) * (PLOT.bottom - legend.bottom);
  const groupWidth = (PLOT.right - PLOT.left) / figure.labels.length;
  const barWidth = Math.min(40, (groupWidth * 0.72) / figure.series.length);
  const groups = figure.labels.map((label, group) => {
    const middle = PLOT.left + groupWidth * (group + 0.5);
    const columns = figure.series.map(({ name, values }, index) => {
      const x = middle + (index - figure.series.length / 2) * barWidth;
      const top = toY(values[group] ?? 0);
      const text = formatted(values[group] ?? null, figure.format);
      const value = figure.format === "percent" ? text.replace(/ %$/, "") : text;
      const number = `<text class="value" x="${round(x + barWidth / 2)}" y="${round(top - 4)}" text-anchor="middle">${value}</text>`;
      const rect = `<rect x="${round(x + 1)}" y="${round(top)}" width="${round(barWidth - 2)}" height="${round(Math.max(0, PLOT.bottom - top))}"/>`;
      return `<g class="bar s${index}">${rect}${number}<title>${escapeHtml(`${name}, ${label}: ${text}`)}</title></g>`;
    });
    return `${columns.join("")}<text x="${round(middle)}" y="${PLOT.bottom + 16}" text-anchor="middle">${escapeHtml(label)}</text>`;
  });
  return frame(figure, [legend.svg, grid(y, toY, figure.format), ...groups]);
}

function frame(figure: LinesFigure | BarsFigure, parts: readonly string[]): string {
  const names = figure.series.map(({ name }) => name).join(", ");
  const label = `Chart: ${figure.caption.replace(/[*`]/g, "")} Series: ${names}. The numbers are in the table below.`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${parts.join("")}</svg>`;
}

function grid(y: Axis, toY: (value: number) => number, format: Format): string {
  return y.ticks
    .map((tick) => {
      const at = round(toY(tick));
      const text = format === "percent" ? `${round(tick * 100)} %` : `${round(tick)}`;
      return `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/><text x="${PLOT.left - 6}" y="${at + 4}" text-anchor="end">${text}</text>`;
    })
    .join("");
}

/** The axis label and a sample of each curve or bar: on one line if they fit, else the samples below, two in a row. */
function legendOf(series: readonly Curve[], sample: "line" | "bar", label: string): { svg: string; bottom: number } {
  const widthOf = (text: string) => text.length * LETTER;
  const whole = series.reduce((sum, { name }) => sum + widthOf(name) + 36, widthOf(label));
  const inOneRow = whole <= PLOT.right;
  let x = PLOT.right - (whole - widthOf(label)) + 12;
  const items = series.map((curve, index) => {
    const at = inOneRow ? { x, y: ROW / 2 } : { x: PLOT.left + (index % 2) * 172, y: ROW * (1.5 + (index >> 1)) };
    x += widthOf(curve.name) + 36;
    return legendItem(curve, { index, sample, ...at });
  });
  const rows = inOneRow ? 1 : (label ? 1 : 0) + Math.ceil(series.length / 2);
  const axisLabel = label ? `<text class="axis" x="0" y="${ROW / 2 + 4}">${escapeHtml(label)}</text>` : "";
  return { svg: axisLabel + items.join(""), bottom: rows * ROW + 13 };
}

function legendItem(curve: Curve, place: { index: number; sample: "line" | "bar"; x: number; y: number }): string {
  const { index, sample, x, y } = place;
  const text = `<text x="${round(x + 24)}" y="${y + 4}">${escapeHtml(curve.name)}</text>`;
  if (sample === "bar") return `<g class="bar s${index}"><rect x="${round(x + 8)}" y="${y - 5}" width="11" height="11"/></g>${text}`;
  return `<g class="${classOf(curve, index)}"><path d="M${round(x)} ${y}h20"/>${mark(curve.color ?? index, x + 10, y)}</g>${text}`;
}

function classOf(curve: Curve, index: number): string {
  return `series s${curve.color ?? index}${curve.dashed ? " dashed" : ""}`;
}

/** A point: its shape, too, tells the series. */
export function mark(series: number, x: number, y: number): string {
  const [cx, cy] = [round(x), round(y)];
  if (series % 2 === 0) return `<circle cx="${cx}" cy="${cy}" r="3.2"/>`;
  return `<rect x="${round(x - 2.9)}" y="${round(y - 2.9)}" width="5.8" height="5.8"/>`;
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** Four to six round steps that hold [low, high]. */
function axis(low: number, high: number): Axis {
  const spread = high - low || Math.abs(high) || 1;
  const rough = spread / 4;
  const decade = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * decade).find((candidate) => candidate >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-6);
  const last = Math.ceil(high / step - 1e-6);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  return { from: ticks[0]!, to: ticks.at(-1)!, ticks };
}

/** To hundredths of a pixel. */
export function round(value: number): number {
  return Number(value.toFixed(2));
}
