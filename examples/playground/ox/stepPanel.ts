/** The step written out: a sentence, the products, their sum, and whether the library says the same. */
import { colorCell } from "../ui/colors.ts";
import { byId, childrenOf, make, setText } from "../ui/dom.ts";
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
  showTerms(byId("ox-terms"), arithmetic?.terms ?? []);
  byId("ox-terms").style.setProperty("--columns", String(arithmetic?.columns ?? 1));
  showLines(byId("ox-lines"), arithmetic?.lines ?? []);
  byId("ox-arithmetic").hidden = arithmetic === null;
  showCheck(look, pooling, arithmetic);
}

function showTerms(list: HTMLElement, terms: readonly Term[]): void {
  const scale = Math.max(...terms.map(({ value }) => Math.abs(value)), 1e-9);
  const item = () => make("li", {}, make("span", { class: "how" }), make("b"), make("span", { class: "how" }));
  childrenOf(list, terms.length, item).forEach((element, index) => {
    const { text, value, isWinner = false } = terms[index]!;
    const [how, result, note] = Array.from(element.children) as [HTMLElement, HTMLElement, HTMLElement];
    setText(how, text && `${text} =`);
    setText(result, fixed(value));
    setText(note, isWinner ? "the largest" : "");
    element.classList.toggle("winner", isWinner);
    colorCell(element, value / scale);
  });
}

function showLines(list: HTMLElement, lines: Arithmetic["lines"]): void {
  const pieces = childrenOf(list, 2 * lines.length, (index) => make(index % 2 === 0 ? "dt" : "dd"));
  lines.forEach(({ label, value }, index) => {
    setText(pieces[2 * index]!, label);
    setText(pieces[2 * index + 1]!, Number.isInteger(value) && Math.abs(value) >= 1 ? fixed(value, 0) : fixed(value, 4));
  });
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
