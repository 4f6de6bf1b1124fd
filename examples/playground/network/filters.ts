/** The filters of a convolution as pictures: one row of input maps for each. */
import { filterOf, magnitude } from "../../../src/inspect/maps.ts";
import { onTheme } from "../ui/colors.ts";
import { make } from "../ui/dom.ts";
import type { Convolution } from "./layers.ts";
import { paint } from "./paint.ts";

/** More than these pictures are not made. */
const MOST = 512;

export class Filters {
  readonly element: HTMLDetailsElement;

  constructor(
    private readonly name: string,
    private readonly convolution: Convolution,
    life: AbortSignal,
  ) {
    const [height, width, maps, filters] = convolution.kernel.shape as [number, number, number, number];
    const count = maps * filters;
    const summary = make(
      "summary",
      {},
      `Its filters: ${filters}${maps > 1 ? ` × ${maps} maps` : ""}, ${height}×${width}${count > MOST ? `; the first ${MOST} pictures` : ""}`,
    );
    this.element = make("details", { class: "filters" }, summary);
    // Made when somebody looks.
    this.element.addEventListener("toggle", () => this.element.open && this.paint(), { once: true });
    onTheme(() => this.element.open && this.paint(), life);
  }

  private paint(): void {
    const { kernel } = this.convolution;
    const [, , maps, filters] = kernel.shape as [number, number, number, number];
    const scale = magnitude(kernel.data);
    const shown = Math.min(filters, Math.max(1, Math.floor(MOST / maps)));
    const rows = Array.from({ length: shown }, (_, filter) =>
      make(
        "li",
        { "aria-label": `${this.name}, filter ${filter + 1}` },
        ...(maps > 1 ? [make("span", { class: "soft" }, String(filter + 1))] : []),
        ...Array.from({ length: Math.min(maps, MOST) }, (_map, channel) => {
          const canvas = make("canvas", { "aria-hidden": "true" });
          paint(canvas, filterOf(kernel, channel, filter), { scale, palette: "signed" });
          return canvas;
        }),
      ),
    );
    this.element.querySelector("ul")?.remove();
    this.element.append(make("ul", { class: maps > 1 ? "filter-rows deep" : "filter-rows" }, ...rows));
  }
}
