/** The loss of some networks over the steps of training, as a small SVG. */
import { make, makeSvg, setLabel } from "./dom.ts";
import { fixed } from "./numbers.ts";

export interface LossSeries {
  readonly name: string;
  /** A class of the style sheet: colour and dashes. */
  readonly style: string;
  readonly values: readonly number[];
}

const WIDTH = 420;
const HEIGHT = 200;
const PLOT = { left: 34, right: 408, top: 10, bottom: 172 };
/** More points than this are not seen. */
const POINTS = 300;

export class LossChart {
  readonly element: HTMLElement;
  private readonly svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "loss-chart" });
  private readonly legend = make("ul", { class: "legend" });

  constructor() {
    this.element = make("div", {}, this.svg, this.legend);
  }

  show(series: readonly LossSeries[]): void {
    const steps = Math.max(0, ...series.map(({ values }) => values.length));
    const span = Math.max(20, steps);
    const largest = Math.max(0.8, ...series.flatMap(({ values }) => thinned(values).map(({ value }) => value)));
    const toX = (step: number) => PLOT.left + (step / span) * (PLOT.right - PLOT.left);
    const toY = (value: number) => PLOT.bottom - (Math.min(value, largest) / largest) * (PLOT.bottom - PLOT.top);
    const paths = series.map(({ values, style }) => {
      const points = thinned(values).filter(({ value }) => Number.isFinite(value));
      const path = points.map(({ step, value }, index) => `${index === 0 ? "M" : "L"}${toX(step).toFixed(1)} ${toY(value).toFixed(1)}`).join("");
      return makeSvg("path", { d: path, class: `curve ${style}` });
    });
    this.svg.replaceChildren(...axes(largest, span, toX, toY), ...paths, ...(steps ? [] : [emptyText()]));
    setLabel(this.svg, `Loss curve: ${steps ? series.map(summary).join("; ") : "not trained yet"}`);
    this.legend.replaceChildren(...series.map((one) => legendItem(one)));
  }
}

function summary({ name, values }: LossSeries): string {
  return `${name} from ${fixed(values[0]!, 3)} to ${fixed(values.at(-1)!, 3)} after ${values.length} steps`;
}

function legendItem({ name, style, values }: LossSeries): HTMLElement {
  const sample = makeSvg("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, makeSvg("path", { d: "M1 4H27", class: `curve ${style}` }));
  const last = values.length ? fixed(values.at(-1)!, 3) : "–";
  return make("li", {}, sample, ` ${name} `, make("b", {}, last));
}

function emptyText(): SVGElement {
  const place = { x: (PLOT.left + PLOT.right) / 2, y: (PLOT.top + PLOT.bottom) / 2, "text-anchor": "middle" };
  return makeSvg("text", place, "Press Train, and the loss is drawn here.");
}

function axes(largest: number, span: number, toX: (step: number) => number, toY: (value: number) => number): SVGElement[] {
  const tick = largest > 2 ? Math.ceil(largest / 4) : 0.2;
  const rows = Array.from({ length: Math.floor(largest / tick + 1e-9) + 1 }, (_, index) => index * tick);
  const columns = [0, Math.round(span / 2), span];
  return [
    ...rows.flatMap((value) => [
      makeSvg("line", { class: "grid", x1: PLOT.left, x2: PLOT.right, y1: toY(value), y2: toY(value) }),
      makeSvg("text", { x: PLOT.left - 6, y: toY(value) + 4, "text-anchor": "end" }, String(Number(value.toFixed(2)))),
    ]),
    ...columns.map((step, index) =>
      makeSvg("text", { x: toX(step), y: PLOT.bottom + 16, "text-anchor": ["start", "middle", "end"][index]! }, index === 1 ? "step" : String(step)),
    ),
  ];
}

/** At most POINTS of the values, the last one among them. */
function thinned(values: readonly number[]): { readonly step: number; readonly value: number }[] {
  const every = Math.max(1, Math.ceil(values.length / POINTS));
  return values.flatMap((value, step) => (step % every === 0 || step === values.length - 1 ? [{ step, value }] : []));
}
