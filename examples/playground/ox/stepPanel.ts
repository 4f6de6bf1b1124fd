/** The step written out: a sentence, the products, their sum, and whether the library says the same. */
import { cellColors } from "../ui/colors.ts";
import { byId, make, setText } from "../ui/dom.ts";
import { fixed } from "../ui/numbers.ts";
import type { Look } from "./lab.ts";
import { STAGE_TITLES, sentenceOf } from "./sentences.ts";
import type { Pooling } from "./state.ts";
import { type Arithmetic, arithmeticOf, LAST_STEP, largestDifference, placeOf, type Term } from "./walk.ts";

/** Float32 sums in another order differ by about this, relative to numbers around 1. */
const SAME = 1e-5;

export function showStep(look: Look, step: number, pooling: Pooling): void {
  const place = placeOf(step);
  const arithmetic = arithmeticOf(place, look, pooling);
  setText(byId("ox-step-count"), `Step ${step} of ${LAST_STEP}`);
  setText(byId("ox-step-title"), STAGE_TITLES[place.stage]);
  setText(byId("ox-sentence"), sentenceOf(place, look, pooling));
  byId("ox-terms").replaceChildren(...(arithmetic ? termsOf(arithmetic) : []));
  byId("ox-terms").style.setProperty("--columns", String(arithmetic?.columns ?? 1));
  byId("ox-lines").replaceChildren(...(arithmetic ? linesOf(arithmetic) : []));
  byId("ox-arithmetic").hidden = arithmetic === null;
  showCheck(look, pooling, arithmetic);
}

function termsOf({ terms }: Arithmetic): HTMLElement[] {
  const scale = Math.max(...terms.map(({ value }) => Math.abs(value)), 1e-9);
  return terms.map((term) => termElement(term, scale));
}

function termElement({ text, value, isWinner }: Term, scale: number): HTMLElement {
  const colors = cellColors(value / scale, "signed");
  const parts = [...(text ? [make("span", { class: "how" }, `${text} =`)] : []), make("b", {}, fixed(value))];
  const element = make("li", isWinner ? { class: "winner" } : {}, ...parts);
  element.style.background = colors.paper;
  element.style.color = colors.ink;
  if (isWinner) element.append(make("span", { class: "how" }, "the largest"));
  return element;
}

function linesOf({ lines }: Arithmetic): HTMLElement[] {
  return lines.flatMap(({ label, value }) => [
    make("dt", {}, label),
    make("dd", {}, Number.isInteger(value) && Math.abs(value) >= 1 ? fixed(value, 0) : fixed(value, 4)),
  ]);
}

function showCheck(look: Look, pooling: Pooling, arithmetic: Arithmetic | null): void {
  const element = byId("ox-check");
  const here = arithmetic?.difference ?? null;
  const whole = largestDifference(look, pooling);
  const isSame = whole <= SAME;
  element.classList.toggle("differs", !isSame);
  const numbers =
    here === null
      ? ""
      : here <= SAME
        ? "The library’s kernel gives the same here. "
        : `Here the library’s kernel differs by ${here.toExponential(1)}. `;
  setText(element, `${isSame ? "✓" : "✗"} ${numbers}Whole walk: largest difference ${whole === 0 ? "0" : whole.toExponential(1)}.`);
}
