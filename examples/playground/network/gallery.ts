/** All maps of a layer as small pictures, each a button. */
import { channelOf, magnitude, type Values } from "../../../src/inspect/maps.ts";
import { make, setLabel } from "../ui/dom.ts";
import { fixed } from "../ui/numbers.ts";
import { paint } from "./paint.ts";

/** More maps than these wait behind a button. */
const FIRST = 64;

export class Gallery {
  readonly element: HTMLElement;
  private readonly tiles: HTMLButtonElement[] = [];
  private shown: number;
  private values: Values | null = null;
  private readonly more: HTMLButtonElement;

  constructor(
    private readonly name: string,
    private readonly count: number,
    chosen: (channel: number) => void,
  ) {
    this.shown = Math.min(count, FIRST);
    this.more = make("button", { type: "button", class: "more" }, `Show all ${count} maps`);
    this.more.hidden = count <= FIRST;
    this.element = make("div", { class: count <= 8 ? "gallery few" : "gallery" });
    this.more.addEventListener("click", () => {
      this.shown = this.count;
      this.more.hidden = true;
      this.addTiles(chosen);
      if (this.values) this.show(this.values);
    });
    this.addTiles(chosen);
  }

  /** All maps of a layer share one scale: a pale map is a quiet one. */
  show(values: Values): void {
    this.values = values;
    const scale = magnitude(values.data);
    this.tiles.forEach((tile, channel) => {
      const map = channelOf(values, 0, channel);
      paint(tile.firstElementChild as HTMLCanvasElement, map, { scale, palette: "signed" });
      const strongest = magnitude(map.data);
      setLabel(tile, `${this.name}, map ${channel + 1}: ${strongest === 0 ? "silent" : `strongest ${fixed(strongest)}`}`);
      tile.classList.toggle("silent", strongest === 0);
    });
  }

  select(channel: number | null): void {
    this.tiles.forEach((tile, index) => {
      tile.setAttribute("aria-pressed", String(index === channel));
    });
  }

  private addTiles(chosen: (channel: number) => void): void {
    for (let channel = this.tiles.length; channel < this.shown; channel++) {
      const tile = make("button", { type: "button", class: "tile", "aria-pressed": "false" }, make("canvas"));
      tile.addEventListener("click", () => chosen(channel));
      this.tiles.push(tile);
    }
    this.element.replaceChildren(...this.tiles, this.more);
  }
}
