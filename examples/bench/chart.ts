/** A case as a list of bars, one for each machine, all from 0 on one scale. */
import { type Row, significant } from "../../bench/report.ts";
import type { Item } from "./plan.ts";

const SVG = "http://www.w3.org/2000/svg";

export interface Bar {
  readonly label: string;
  /** Of the longest bar: 0 to 1. */
  readonly length: number;
  readonly value: string;
  /** "12×" the speed of tuned JavaScript, or of obvious loops where nobody tuned them; "" for that itself. */
  readonly ratio: string;
  readonly isWasm: boolean;
}

/** "WASM relaxed, 2 threads". */
export function machineName({ engine, numerics, threads }: Pick<Row, "engine" | "numerics" | "threads">): string {
  if (engine === "bench-js") return "JavaScript, tuned";
  if (engine === "convlet-plain") return "JavaScript, obvious loops";
  return `WASM ${numerics}${threads > 1 ? `, ${threads} threads` : ""}`;
}

/** Of one case, fastest first. */
export function barsOf(rows: readonly Row[]): Bar[] {
  const longest = Math.max(...rows.map(({ rate }) => rate));
  const base = rows.find(({ engine }) => engine === "bench-js") ?? rows.find(({ engine }) => engine === "convlet-plain");
  return [...rows]
    .sort((a, b) => b.rate - a.rate)
    .map((row) => ({
      label: machineName(row),
      length: row.rate / longest,
      value: `${rateText(row.rate)} ${row.unit}`,
      ratio: base === undefined || row === base ? "" : `${ratioText(row.rate / base.rate)}×`,
      isWasm: row.engine === "convlet",
    }));
}

/** Three digits are more than a measurement is good for. */
function rateText(rate: number): string {
  return rate >= 1000 ? Number(rate.toPrecision(3)).toLocaleString("en") : significant(rate);
}

function ratioText(ratio: number): string {
  return ratio.toFixed(ratio >= 10 ? 0 : ratio >= 0.1 ? 1 : 2);
}

/** Replaces what stands in `place`. */
export function drawCase(place: HTMLElement, { title }: Item, rows: readonly Row[]): void {
  const list = element("ul", "bars");
  list.setAttribute("aria-label", title);
  list.append(...barsOf(rows).map(drawnBar));
  place.replaceChildren(element("h3", "", title), list);
}

function drawnBar({ label, length, value, ratio, isWasm }: Bar): HTMLElement {
  const line = element("li", isWasm ? "wasm" : "js");
  const bar = document.createElementNS(SVG, "svg");
  const rect = document.createElementNS(SVG, "rect");
  bar.setAttribute("aria-hidden", "true");
  for (const [name, size] of Object.entries({ width: `${100 * length}%`, height: "100%", rx: "2" })) rect.setAttribute(name, size);
  bar.append(rect);
  line.append(element("span", "machine", label), bar, element("span", "rate", value), element("span", "ratio", ratio));
  return line;
}

export function element(tag: string, className = "", text = ""): HTMLElement {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
