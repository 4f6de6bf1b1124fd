/** The same drawing given to three networks, here and at every other place it could stand. */
import { colorCell } from "../ui/colors.ts";
import { byId, childrenOf, make, setLabel, setText } from "../ui/dom.ts";
import { NumberMap } from "../ui/numberMap.ts";
import { percent } from "../ui/numbers.ts";
import { familiarity, type Placements } from "./drawings.ts";
import type { Kind, Look, Scores } from "./lab.ts";
import type { OxState, Pooling } from "./state.ts";
import { LETTERS, UNDECIDED } from "./walk.ts";

export const NAMES: Readonly<Record<Kind, string>> = { max: "CNN, max pooling", mean: "CNN, mean pooling", mlp: "MLP" };

export interface Comparison {
  readonly kind: Kind;
  /** Probability of X for the drawing at each of its places; empty without ink. */
  readonly places: readonly number[];
  readonly share: number;
  readonly scores: Scores;
}

const SEEN_IMAGES = 10;
const UNSEEN_IMAGES = 8;

export function showComparison(results: readonly Comparison[], where: Placements | null, state: OxState): void {
  for (const { kind, places, share, scores } of results) {
    const row = byId(`ox-row-${kind}`);
    row.classList.toggle("walked", kind === state.pooling);
    setText(row.querySelector(".says")!, answerText(share));
    setText(row.querySelector(".seen")!, countText(scores.seen, SEEN_IMAGES));
    setText(row.querySelector(".unseen")!, countText(scores.unseen, UNSEEN_IMAGES));
    showPlaces(row.querySelector(".places")!, NAMES[kind], places, where);
  }
  setText(byId("ox-verdict"), verdict(results, state));
}

export function answerOf(shareOfX: number): readonly [0 | 1, number] {
  return shareOfX > 0.5 ? [1, shareOfX] : [0, 1 - shareOfX];
}

/** "X, 98 %". */
function answerText(shareOfX: number): string {
  const letter = letterText(shareOfX);
  return letter === "?" ? "undecided" : `${letter}, ${percent(answerOf(shareOfX)[1])}`;
}

function letterText(shareOfX: number): string {
  const [answer, sure] = answerOf(shareOfX);
  return sure < UNDECIDED ? "?" : LETTERS[answer];
}

function countText(share: number, images: number): string {
  return `${Math.round(share * images)} of ${images}`;
}

/** A little map: the answer for every place where the drawing could stand. */
function showPlaces(element: Element, name: string, places: readonly number[], where: Placements | null): void {
  const [map] = childrenOf(element, 1, () => make("span", { class: "places-map", role: "img" })) as readonly [HTMLElement];
  const { rows, columns, current } = where ?? { rows: 0, columns: 1, current: -1 };
  map.style.setProperty("--columns", String(columns));
  childrenOf(map, places.length, () => make("span", { class: "place" })).forEach((cell, index) => {
    setText(cell, letterText(places[index]!));
    cell.classList.toggle("active", index === current);
    // Blue for O, orange for X, pale where the network is unsure.
    colorCell(cell, (places[index]! - 0.5) * 1.6);
  });
  const rowText = (row: number) => places.slice(row * columns, (row + 1) * columns).map(letterText);
  const texts = Array.from({ length: rows }, (_, row) => rowText(row).join(" "));
  setLabel(map, `${name}, answers at every place of the drawing: ${texts.join("; ") || "there is no ink"}`);
}

function verdict(results: readonly Comparison[], state: OxState): string {
  const known = familiarity(state.drawing);
  const shareOf = (kind: Kind) => results.find((one) => one.kind === kind)!.share;
  if (answerOf(shareOf(state.pooling))[1] < UNDECIDED) return "The CNN cannot decide: half O, half X.";
  const [cnn, mlp] = [answerOf(shareOf(state.pooling))[0], answerOf(shareOf("mlp"))[0]];
  const agreement = cnn === mlp ? `Both say ${LETTERS[cnn]}` : `The CNN says ${LETTERS[cnn]}, the MLP says ${LETTERS[mlp]}`;
  if (known === null) return `${agreement}. This drawing is none of the letters they train on.`;
  const right = (answer: number) => answer === known.letter;
  const truth = `It is an ${LETTERS[known.letter]}`;
  const place = known.place === "seen" ? "at a place seen in training" : "at a place never seen in training";
  const who = right(cnn) === right(mlp) ? `both are ${right(cnn) ? "right" : "wrong"}` : `only the ${right(cnn) ? "CNN" : "MLP"} is right`;
  return `${agreement}. ${truth} ${place}: ${who}.`;
}

/** Each pooling with its own network: the map after ReLU, and what is kept of it. */
export class SideBySide {
  private readonly maps = (["max", "mean"] as const).map((pooling) => ({
    pooling,
    relu: new NumberMap(`${NAMES[pooling]}: after ReLU`, 4, 4),
    pool: new NumberMap(`${NAMES[pooling]}: after pooling`, 2, 2),
    answer: byId(`ox-side-${pooling}`).querySelector(".side-answer")!,
  }));

  constructor() {
    for (const { pooling, relu, pool } of this.maps) {
      for (const map of [relu, pool]) map.element.classList.add("mini");
      const element = byId(`ox-side-${pooling}`);
      element.querySelector(".side-relu")!.replaceChildren(relu.element);
      element.querySelector(".side-pool")!.replaceChildren(pool.element);
    }
  }

  show(looks: Readonly<Record<Pooling, Look>>): void {
    for (const { pooling, relu, pool, answer } of this.maps) {
      const look = looks[pooling];
      const scale = Math.max(...look.relu);
      relu.show(look.relu, { scale });
      pool.show(look.pool, { scale });
      setText(answer, answerText(look.output[1]!));
    }
  }
}
