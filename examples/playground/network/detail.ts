/** One map of a layer, large, and how one of its numbers comes about. */
import { channelOf, hasNegative, type Map2d, magnitude, type Values } from "../../../src/inspect/maps.ts";
import { make, setLabel, setText } from "../ui/dom.ts";
import { NumberMap } from "../ui/numberMap.ts";
import { fixed } from "../ui/numbers.ts";
import type { LayerInfo, WindowShape } from "./layers.ts";
import { paint } from "./paint.ts";
import { cornerOf, type Part, type Position, patchAt, pooledAt, type Sum, sumAt } from "./sums.ts";

/** Float32 sums in another order differ by about this, relative to the largest number of the layer. */
const SAME = 1e-5;
const PACE = 120;
/** Larger windows are shown as pictures. */
const MOST_NUMBERS = 25;

export interface Shown {
  readonly layer: LayerInfo;
  readonly channel: number;
  /** Of the layer. */
  readonly output: Values;
  /** What the layer reads. */
  readonly input: Values;
  readonly inputName: string;
}

export class Detail {
  readonly element = make("div", { class: "detail" });
  private readonly title = make("h4");
  private readonly map = make("canvas", { tabindex: "0", role: "img", class: "large" });
  private readonly inputMap = make("canvas", { role: "img", class: "large" });
  private readonly mapFrame = make("div", { class: "framed" }, this.map);
  private readonly inputFrame = make("div", { class: "framed" }, this.inputMap);
  private readonly inputTitle = make("figcaption");
  private readonly words = make("p", { class: "sum", "aria-live": "polite" });
  private readonly parts = make("ul", { class: "parts-list" });
  private readonly slider = make("input", { type: "range", min: "0", "aria-label": "Position in the map" });
  private readonly play = make("button", { type: "button" }, "Walk");
  private timer: ReturnType<typeof setInterval> | undefined;
  private shown: Shown | null = null;
  private at = 0;

  /** `moved` hears where the window stands. */
  constructor(private readonly moved: (at: number) => void) {
    const outputTitle = make("figcaption", {}, "this map: click a number");
    const step = (by: number) => () => this.go(this.at + by);
    const back = make("button", { type: "button", class: "icon", "aria-label": "Position before" }, "‹");
    const forward = make("button", { type: "button", class: "icon", "aria-label": "Next position" }, "›");
    back.addEventListener("click", step(-1));
    forward.addEventListener("click", step(1));
    this.play.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.map.addEventListener("pointerdown", (event) => this.point(event));
    this.map.addEventListener("keydown", (event) => this.key(event));
    this.element.append(
      this.title,
      make("div", { class: "pair" }, make("figure", {}, this.inputFrame, this.inputTitle), make("figure", {}, this.mapFrame, outputTitle)),
      make("div", { class: "row walk" }, back, this.play, forward, this.slider),
      this.words,
      this.parts,
    );
  }

  show(shown: Shown, at: number): void {
    this.shown = shown;
    const { layer, channel } = shown;
    const [height, width] = layer.shape as [number, number, number];
    this.at = Math.min(at, height * width - 1);
    this.slider.max = String(height * width - 1);
    setText(this.title, `${layer.name}, map ${channel + 1} of ${layer.shape[2]}`);
    this.paint();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    setText(this.play, "Walk");
    this.words.setAttribute("aria-live", "polite");
  }

  private toggle(): void {
    if (this.timer !== undefined) {
      this.stop();
      return;
    }
    setText(this.play, "Pause");
    this.words.setAttribute("aria-live", "off");
    if (this.at >= Number(this.slider.max)) this.at = -1;
    this.timer = setInterval(() => {
      if (this.at >= Number(this.slider.max)) this.stop();
      else this.move(this.at + 1);
    }, PACE);
  }

  private go(at: number): void {
    this.stop();
    this.move(Math.max(0, Math.min(Number(this.slider.max), at)));
  }

  private move(at: number): void {
    this.at = at;
    this.moved(at);
    this.paint();
  }

  private point(event: PointerEvent): void {
    const [height, width] = this.shown!.layer.shape as [number, number, number];
    const box = this.map.getBoundingClientRect();
    const cell = (offset: number, size: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor((offset / size) * count)));
    this.go(cell(event.clientY - box.top, box.height, height) * width + cell(event.clientX - box.left, box.width, width));
  }

  private key(event: KeyboardEvent): void {
    const width = this.shown!.layer.shape[1]!;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width }[event.key];
    if (by === undefined || this.at + by < 0 || this.at + by > Number(this.slider.max)) return;
    event.preventDefault();
    this.go(this.at + by);
  }

  private paint(): void {
    const { layer, channel, output, input, inputName } = this.shown!;
    const width = layer.shape[1]!;
    const position = { y: Math.floor(this.at / width), x: this.at % width };
    const map = channelOf(output, 0, channel);
    const value = map.data[this.at]!;
    this.slider.value = String(this.at);
    this.slider.setAttribute("aria-valuetext", `row ${position.y + 1}, column ${position.x + 1}`);
    paint(this.map, map, { scale: magnitude(output.data), palette: "signed" });
    frame(this.mapFrame, map, { top: position.y, left: position.x, height: 1, width: 1 });
    setLabel(
      this.map,
      `${layer.name}, map ${channel + 1}, ${map.height} by ${map.width}. Row ${position.y + 1}, column ${position.x + 1}: ${fixed(value, 3)}`,
    );
    const window = layer.convolution?.window ?? layer.pooling?.window;
    this.inputFrame.parentElement!.hidden = window === undefined;
    if (window) this.paintInput(window, position, { input, inputName });
    const tolerance = SAME * Math.max(1, magnitude(output.data));
    if (layer.convolution) this.paintSum(sumAt(layer.convolution, input, channel, position), value, tolerance);
    else this.paintOther(position, value, tolerance);
  }

  /** Of many input maps the one that a pooling reads, or the loudest part of a sum. */
  private paintInput(window: WindowShape, position: Position, { input, inputName }: Pick<Shown, "input" | "inputName">): void {
    const { layer, channel } = this.shown!;
    const maps = input.shape[3]!;
    const loudest = layer.convolution ? loudestPart(sumAt(layer.convolution, input, channel, position)) : channel;
    const map = channelOf(input, 0, loudest);
    const isInk = layer.convolution?.source === null && maps === 1 && !hasNegative(input.data);
    paint(this.inputMap, map, { scale: magnitude(input.data), palette: isInk ? "ink" : "signed" });
    const [top, left] = cornerOf(window, position);
    const span = (size: number, dilation: number) => (size - 1) * dilation + 1;
    frame(this.inputFrame, map, { top, left, height: span(window.height, window.dilationY), width: span(window.width, window.dilationX) });
    const which = maps > 1 ? `, map ${loudest + 1} of ${maps}` : "";
    setText(this.inputTitle, `reads ${inputName}${which}`);
    setLabel(this.inputMap, `${inputName}${which}, with the window at row ${top + 1}, column ${left + 1}`);
  }

  private paintSum(sum: Sum, value: number, tolerance: number): void {
    const { activation } = this.shown!.layer.convolution!;
    const count = sum.parts.reduce((total, { filter }) => total + filter.data.length, 0);
    const before = `${count} products add up to ${fixed(sum.products, 3)}, with the bias ${fixed(sum.bias, 3)} to ${fixed(sum.total, 3)}`;
    const then = activation === "linear" ? "" : `; after ${activation === "relu" ? "ReLU" : activation} ${fixed(sum.result ?? value, 3)}`;
    setText(this.words, `${before}${then}. ${checked(sum.result, value, tolerance)}`);
    const [only, ...others] = sum.parts;
    const isSmall = others.length === 0 && only!.patch.data.length <= MOST_NUMBERS;
    this.parts.replaceChildren(...(isSmall ? numbersOf(only!) : this.picturesOf(sum.parts)));
  }

  /** A patch, its filter and their sum for every input map. */
  private picturesOf(parts: readonly Part[]): HTMLElement[] {
    const patchScale = magnitude(parts.flatMap(({ patch }) => Array.from(patch.data)));
    const filterScale = magnitude(parts.flatMap(({ filter }) => Array.from(filter.data)));
    return parts.map(({ patch, filter, sum, channel }) => {
      const name = parts.length > 1 ? `map ${channel + 1}: ` : "";
      const times = make("span", { "aria-hidden": "true" }, "×");
      return make(
        "li",
        {},
        picture(patch, patchScale, `${name}under the window`),
        times,
        picture(filter, filterScale, `${name}filter`),
        make("b", {}, `= ${fixed(sum)}`),
      );
    });
  }

  private paintOther(position: Position, value: number, tolerance: number): void {
    const { layer, channel, input } = this.shown!;
    this.parts.replaceChildren();
    if (layer.pooling === null) {
      setText(this.words, `The number here is ${fixed(value, 3)}.`);
      return;
    }
    const map = channelOf(input, 0, channel);
    const { height, width } = layer.pooling.window;
    const what = layer.pooling.kind === "max" ? "largest" : "mean";
    setText(
      this.words,
      `The ${what} of ${height * width} numbers is ${fixed(value, 3)}. ${checked(pooledAt(layer.pooling, map, position), value, tolerance)}`,
    );
    const patch = patchAt(map, layer.pooling.window, position);
    this.parts.append(make("li", {}, picture(patch, magnitude(input.data), "under the window"), make("b", {}, `→ ${fixed(value)}`)));
  }
}

/** One small filter over one map: every number. */
function numbersOf({ patch, filter }: Part): HTMLElement[] {
  const products = { ...patch, data: Array.from(patch.data, (value, cell) => value * filter.data[cell]!) };
  const blocks = [
    { name: "under the window", map: patch, sign: "×" },
    { name: "the filter", map: filter, sign: "=" },
    { name: "the products", map: products, sign: "" },
  ];
  return blocks.map(({ name, map, sign }) => {
    const numbers = new NumberMap(name, map.height, map.width);
    numbers.show(map.data, { scale: magnitude(map.data) });
    return make(
      "li",
      { class: "numbers" },
      make("figure", {}, numbers.element, make("figcaption", {}, name)),
      make("b", { "aria-hidden": "true" }, sign),
    );
  });
}

function loudestPart({ parts }: Sum): number {
  return parts.reduce((best, part) => (Math.abs(part.sum) > Math.abs(best.sum) ? part : best)).channel;
}

function checked(byHand: number | null, library: number, tolerance: number): string {
  if (byHand === null) return "";
  const difference = Math.abs(byHand - library);
  return difference <= tolerance || Object.is(byHand, library)
    ? "✓ The library’s kernel gives the same."
    : `✗ The library’s kernel gives ${fixed(library, 5)}: a difference of ${difference.toExponential(1)}.`;
}

function picture(map: Map2d, scale: number, name: string): HTMLCanvasElement {
  const numbers = map.data.length <= 25 ? `: ${Array.from(map.data, (value) => fixed(value)).join(" ")}` : "";
  const canvas = make("canvas", { role: "img", "aria-label": name + numbers, title: name });
  paint(canvas, map, { scale, palette: "signed" });
  return canvas;
}

/** Marks a part of the picture, in shares of its size. */
function frame(element: HTMLElement, map: Map2d, box: { top: number; left: number; height: number; width: number }): void {
  const share = (value: number, whole: number) => `${(100 * value) / whole}%`;
  element.style.setProperty("--top", share(box.top, map.height));
  element.style.setProperty("--left", share(box.left, map.width));
  element.style.setProperty("--height", share(box.height, map.height));
  element.style.setProperty("--width", share(box.width, map.width));
}
