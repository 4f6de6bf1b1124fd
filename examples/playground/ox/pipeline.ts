/** The row of pictures from the drawing to the answer, as far as the walk has come. */
import { colorCell } from "../ui/colors.ts";
import { byId, make, setLabel, setText } from "../ui/dom.ts";
import { NumberMap } from "../ui/numberMap.ts";
import { fixed, percent } from "../ui/numbers.ts";
import type { Look } from "./lab.ts";
import { LARGEST_WEIGHT, type Pooling } from "./state.ts";
import { filledAt, LETTERS, MAP, type Place, POOLED, placeOf, poolWindowAt, SIDE, type Stage, windowAt } from "./walk.ts";

const magnitude = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs).filter(Number.isFinite), 0);
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

export class Pipeline {
  readonly permuted = new NumberMap("Permuted drawing, as the network gets it", SIDE, SIDE);
  readonly map = new NumberMap("Feature map, 4 by 4", MAP, MAP);
  readonly relu = new NumberMap("After ReLU, 4 by 4", MAP, MAP);
  readonly pool = new NumberMap("After pooling, 2 by 2", POOLED, POOLED);
  readonly flat = new NumberMap("Flattened, four numbers", 4, 1);
  readonly hidden = new NumberMap("Hidden layer, four units", 4, 1);
  private readonly bars = LETTERS.map((letter) => new AnswerBar(letter));

  constructor(jump: (stage: Stage) => void) {
    for (const name of ["permuted", "map", "relu", "pool", "flat", "hidden"] as const) byId(`ox-${name}`).replaceChildren(this[name].element);
    byId("ox-answer").replaceChildren(...this.bars.map(({ element }) => element));
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-jump]")) {
      button.addEventListener("click", () => jump(button.dataset.jump as Stage));
    }
  }

  show(look: Look, step: number, view: { readonly pooling: Pooling; readonly drawn: readonly HTMLElement[]; readonly isPermuted: boolean }): void {
    const place = placeOf(step);
    const active = activeCells(place);
    const filled = (stage: Stage) => filledAt(step, stage);
    const isUnderFilter = new Set(active.image);
    view.drawn.forEach((cell, pixel) => {
      cell.classList.toggle("active", !view.isPermuted && isUnderFilter.has(pixel));
    });
    if (view.isPermuted) this.permuted.show(look.input, { scale: 1, active: active.image, palette: "ink" });
    const scale = magnitude(look.map);
    this.map.show(look.map, { scale, filled: filled("convolution"), active: active.map });
    this.relu.show(look.relu, { scale, filled: filled("relu") ? MAP * MAP : 0, active: active.relu });
    this.pool.show(look.pool, { scale, filled: filled("pooling"), active: active.pool });
    this.flat.show(look.flat, { scale, filled: filled("flatten") ? 4 : 0, active: active.flat });
    this.hidden.show(look.hidden, { scale: magnitude(look.hidden), filled: filled("hidden"), active: active.hidden });
    this.bars.forEach((bar, letter) => {
      const isKnown = place.stage === "softmax";
      bar.show(isKnown ? look.output[letter]! : null, place.stage === "softmax" || (place.stage === "scores" && place.index === letter));
    });
    setText(byId("ox-pool-title"), view.pooling === "max" ? "max pooling" : "mean pooling");
    for (const figure of document.querySelectorAll<HTMLElement>("#ox-pipeline [data-stage]")) {
      figure.classList.toggle("current", figure.dataset.stage!.split(" ").includes(place.stage));
    }
  }
}

interface ActiveCells {
  readonly image?: readonly number[];
  readonly map?: readonly number[];
  readonly relu?: readonly number[];
  readonly pool?: readonly number[];
  readonly flat?: readonly number[];
  readonly hidden?: readonly number[];
}

/** What a step reads, and what it writes. */
function activeCells({ stage, index }: Place): ActiveCells {
  if (stage === "convolution") return { image: windowAt(index), map: [index] };
  if (stage === "pooling") return { relu: poolWindowAt(index), pool: [index] };
  if (stage === "hidden") return { flat: range(4), hidden: [index] };
  if (stage === "scores") return { hidden: range(4) };
  return {};
}

/** A letter, a bar as long as its share, the share in percent. */
export class AnswerBar {
  readonly element: HTMLElement;
  private readonly length = make("span", { class: "length" });
  private readonly text = make("span", { class: "share" });

  constructor(private readonly letter: (typeof LETTERS)[number]) {
    const track = make("span", { class: "track" }, this.length);
    this.element = make("div", { class: `answer-bar letter-${letter}`, role: "img" }, make("b", {}, letter), track, this.text);
  }

  show(share: number | null, isActive = false): void {
    this.length.style.width = `${100 * (share ?? 0)}%`;
    setText(this.text, share === null ? "–" : percent(share));
    this.element.classList.toggle("active", isActive);
    setLabel(this.element, `${this.letter}: ${share === null ? "not computed yet" : percent(share)}`);
  }
}

/** The nine weights and the bias as inputs, each with where the gradient pushes it. */
export class FilterEditor {
  private readonly inputs: readonly HTMLInputElement[];
  private readonly pushes: readonly HTMLElement[];

  /** `refused` hears of what was typed and left, but is no weight. */
  constructor(element: HTMLElement, biasElement: HTMLElement, edited: (values: number[]) => void, refused: () => void) {
    const names = range(9).map((index) => `Filter weight, row ${Math.floor(index / 3) + 1}, column ${(index % 3) + 1}`);
    this.inputs = [...names, "Filter bias"].map((name) =>
      make("input", {
        type: "number",
        step: "0.1",
        min: String(-LARGEST_WEIGHT),
        max: String(LARGEST_WEIGHT),
        "aria-label": name,
        autocomplete: "off",
      }),
    );
    this.pushes = this.inputs.map(() => make("span", { class: "push" }));
    const cells = this.inputs.map((input, index) => make("span", { class: "weight" }, input, this.pushes[index]!));
    element.replaceChildren(...cells.slice(0, -1));
    biasElement.replaceChildren(cells.at(-1)!);
    for (const input of this.inputs) {
      input.addEventListener("input", () => {
        const values = this.inputs.map((each) => (each === input ? each.valueAsNumber : Number(each.dataset.exact)));
        const isGood = Number.isFinite(input.valueAsNumber) && Math.abs(input.valueAsNumber) <= LARGEST_WEIGHT;
        input.setAttribute("aria-invalid", String(!isGood));
        if (isGood) edited(values.map(Math.fround));
      });
      input.addEventListener("blur", () => {
        if (input.ariaInvalid === "true") refused();
        this.write(input);
      });
    }
  }

  /** An input that somebody is typing in keeps its text. */
  show(look: Look): void {
    const values = [...look.filter, look.bias];
    const scale = magnitude(look.filter);
    this.inputs.forEach((input, index) => {
      input.dataset.exact = String(values[index]);
      if (document.activeElement !== input) this.write(input);
      colorCell(input.parentElement!, index < 9 ? values[index]! / (scale || 1) : 0);
      this.showPush(this.pushes[index]!, -look.gradient[index]!);
    });
  }

  private showPush(element: HTMLElement, push: number): void {
    const arrow = Math.abs(push) < 0.00005 ? "·" : push > 0 ? "▲" : "▼";
    setText(element, `${arrow} ${fixed(Math.abs(push), Math.abs(push) < 0.0995 ? 3 : 2).replace(/^0/, "")}`);
    setLabel(element, `gradient pushes ${push > 0 ? "up" : "down"} by ${fixed(Math.abs(push), 3)}`);
  }

  private write(input: HTMLInputElement): void {
    input.removeAttribute("aria-invalid");
    const text = Number(input.dataset.exact).toFixed(2);
    const shown = Number(text) === 0 ? "0.00" : text;
    if (input.value !== shown) input.value = shown;
  }
}
