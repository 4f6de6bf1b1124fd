/** A small map of numbers: a coloured cell for each, its number inside, and one text for screen readers. */
import { colorCell, type Palette } from "./colors.ts";
import { make, setLabel, setText } from "./dom.ts";
import { fixed, short } from "./numbers.ts";

export interface MapView {
  /** What gets the full colour. */
  readonly scale: number;
  /** Cells that are computed already; the others stay empty. Default all. */
  readonly filled?: number;
  /** Cells the current step is about. */
  readonly active?: readonly number[];
  /** Default "signed". */
  readonly palette?: Palette;
}

export class NumberMap {
  readonly element: HTMLElement;
  readonly cells: readonly HTMLElement[];

  /** `title` begins the text: "Feature map, 4 by 4". */
  constructor(
    private readonly title: string,
    readonly rows: number,
    readonly columns: number,
  ) {
    this.cells = Array.from({ length: rows * columns }, () => make("span", { class: "cell", "aria-hidden": "true" }));
    this.element = make("div", { class: "number-map", role: "img", style: `--columns: ${columns}` }, ...this.cells);
  }

  show(values: ArrayLike<number>, { scale, filled = values.length, active = [], palette = "signed" }: MapView): void {
    this.cells.forEach((cell, index) => {
      const isFilled = index < filled;
      cell.classList.toggle("empty", !isFilled);
      cell.classList.toggle("active", active.includes(index));
      setText(cell, isFilled ? short(values[index]!) : "");
      colorCell(cell, isFilled ? values[index]! / (scale || 1) : null, palette);
    });
    setLabel(this.element, `${this.title}: ${this.textOf(values, filled)}`);
  }

  private textOf(values: ArrayLike<number>, filled: number): string {
    if (filled === 0) return "nothing computed yet";
    const texts = Array.from(values, (value, index) => (index < filled ? fixed(value) : "empty"));
    return Array.from({ length: this.rows }, (_, row) => texts.slice(row * this.columns, (row + 1) * this.columns).join(" ")).join("; ");
  }
}
