/** What a network says: the classes with their shares, and one sentence for screen readers when the pen rests. */
import type { Classification } from "../../../src/index.ts";
import { byId, make, setText } from "../ui/dom.ts";
import { percent } from "../ui/numbers.ts";

/** With so many classes all are shown, in their own order; with more, the best. */
const FEW = 10;
const BEST = 5;
/** Milliseconds without a change before the sentence is spoken. */
const REST = 600;

export class Answer {
  private readonly list: HTMLElement;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly prefix: "digits" | "own") {
    this.list = byId(`${prefix}-answer`);
  }

  /** `classes` is how many the model knows; `ranked` holds them, the best first. */
  show(ranked: readonly Classification[], classes: number): void {
    const shown = classes <= FEW ? [...ranked].sort((a, b) => a.index - b.index) : ranked.slice(0, BEST);
    const best = ranked[0]!;
    this.list.classList.toggle("two-columns", shown.length === FEW && shown.every(({ label }) => label.length <= 2));
    if (this.list.childElementCount !== shown.length) this.list.replaceChildren(...shown.map(() => bar()));
    shown.forEach(({ label, index, probability }, row) => {
      const element = this.list.children[row] as HTMLElement;
      const [name, track, share] = Array.from(element.children) as [HTMLElement, HTMLElement, HTMLElement];
      setText(name, label);
      (track.firstElementChild as HTMLElement).style.width = `${100 * probability}%`;
      setText(share, percent(probability));
      element.classList.toggle("best", index === best.index);
    });
    setText(byId(`${this.prefix}-says`), `${best.label}, ${percent(best.probability)}`);
    this.speak(`The network says ${best.label}, ${percent(best.probability)}.`);
  }

  clear(text: string): void {
    this.list.replaceChildren();
    setText(byId(`${this.prefix}-says`), "–");
    this.speak(text);
  }

  private speak(text: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => setText(byId(`${this.prefix}-live`), text), REST);
  }
}

function bar(): HTMLElement {
  return make(
    "li",
    { class: "class-bar" },
    make("span", { class: "name" }),
    make("span", { class: "track", "aria-hidden": "true" }, make("span", { class: "length" })),
    make("span", { class: "share" }),
  );
}
