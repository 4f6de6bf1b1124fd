/** Time against size, both on scales of powers of ten: a straight line is a power, a bump is an offence. */
import { type Curve, offences } from "../growth.ts";
import { significant } from "../report.ts";
import { around, type Color, escapeHtml, LETTER, line, logScale, round, svg, text } from "./svg.ts";

const WIDTH = 400;
const HEIGHT = 250;
const PLOT = { left: 46, right: 390, bottom: 208 };
const ROW = 17;

/** Strict curves are drawn through, relaxed ones dashed. An offending size has a ring. */
export function growthChart(curves: readonly Curve[]): string {
  const works = [...new Set(curves.map(({ work }) => work))];
  const top = 18 + ROW * Math.ceil((works.length + 1) / 2);
  const { sizes, axis } = curves[0];
  const x = logScale([sizes[0] / 1.1, sizes.at(-1)! * 1.1], [PLOT.left, PLOT.right]);
  const y = logScale(around(curves.flatMap(({ minMs }) => minMs)), [PLOT.bottom, top]);
  const parts = [
    ...y.ticks.flatMap((tick) => [
      line("grid", [PLOT.left, y.at(tick)], [PLOT.right, y.at(tick)]),
      text(PLOT.left - 6, y.at(tick) + 4, `${tick}`, { anchor: "end" }),
    ]),
    ...thinned(sizes, x.at).map((size) => text(x.at(size), PLOT.bottom + 16, `${size}`, { anchor: "middle" })),
    text(0, 12, "ms", { of: "axis" }),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 34, axis, { anchor: "middle", of: "axis" }),
    ...legend(works),
  ];
  for (const curve of curves) {
    const color = works.indexOf(curve.work) as Color;
    const path = curve.sizes.map((size, index) => `${index ? "L" : "M"}${round(x.at(size))} ${round(y.at(curve.minMs[index]))}`).join("");
    const hint = `<title>${escapeHtml(`${curve.work}, ${curve.numerics}`)}</title>`;
    parts.push(`<g class="series s${color}${curve.numerics === "relaxed" ? " dashed" : ""}"><path d="${path}"/>${hint}</g>`);
    parts.push(...rings(curve, { x: x.at, y: y.at }));
  }
  return svg({ width: WIDTH, height: HEIGHT }, `Curves: ${works.join(", ")} by ${axis}. The numbers are in the table below.`, parts);
}

function legend(works: readonly string[]): string[] {
  // The caption says what it is: a gradient is named by what tells it apart.
  const short = works.map((work, index) => (works.length === 1 ? work : index === 0 ? "forward" : work.slice(works[0].length + 2)));
  const items = short.map((words, index) => ({ words, sample: `<g class="series s${index}"><path d="M0 0h20"/></g>` }));
  items.push({ words: "dashed: relaxed", sample: "" });
  return items.map(({ words, sample }, index) => {
    const [x, y] = [PLOT.left + (index % 2) * 176, 8 + ROW * (index >> 1)];
    return `<g transform="translate(${x} ${y})">${sample}${text(sample ? 26 : 0, 4, words)}</g>`;
  });
}

function rings(curve: Curve, { x, y }: { x: (size: number) => number; y: (ms: number) => number }): string[] {
  const found = offences(curve);
  return [...new Set(found.map(({ small }) => small))].map((size) => {
    const own = found.filter(({ small }) => small === size);
    const ratios = own.map(({ large, smallMs, largeMs }) => `${(smallMs / largeMs).toFixed(2)}x of ${large}`).join(", ");
    const words = `${curve.numerics}: ${size} takes ${significant(own[0].smallMs)} ms, ${ratios}`;
    return `<circle class="bad" cx="${round(x(size))}" cy="${round(y(own[0].smallMs))}" r="5"><title>${escapeHtml(words)}</title></circle>`;
  });
}

/** Sizes whose numbers do not touch. */
function thinned(sizes: readonly number[], at: (size: number) => number): number[] {
  const kept: number[] = [];
  for (const size of sizes) {
    const before = kept.at(-1);
    const room = (LETTER * (String(size).length + String(before ?? "").length)) / 2 + 5;
    if (before === undefined || at(size) - at(before) > room) kept.push(size);
  }
  return kept;
}
