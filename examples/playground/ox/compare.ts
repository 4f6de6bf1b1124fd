/** The same drawing given to three networks, here and at every other place it could stand. */
import { cellColors } from "../ui/colors.ts";
import { byId, make, setLabel, setText } from "../ui/dom.ts";
import { fixed, percent } from "../ui/numbers.ts";
import { familiarity, type Placements } from "./drawings.ts";
import type { Kind, Look, Scores } from "./lab.ts";
import type { OxState } from "./state.ts";
import { LETTERS } from "./walk.ts";

export const NAMES: Readonly<Record<Kind, string>> = { max: "CNN, max pooling", mean: "CNN, mean pooling", mlp: "MLP" };

export interface Comparison {
  readonly kind: Kind;
  /** Probability of X for the drawing at each of its places; empty without ink. */
  readonly places: readonly number[];
  readonly share: number;
  readonly scores: Scores;
}

/** Nearer to one half than this is no answer. */
const UNDECIDED = 0.502;

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
  const [answer, sure] = answerOf(shareOfX);
  return sure < UNDECIDED ? "undecided" : `${LETTERS[answer]}, ${percent(sure)}`;
}

function countText(share: number, images: number): string {
  return `${Math.round(share * images)} of ${images}`;
}

/** A little map: the answer for every place where the drawing could stand. */
function showPlaces(element: Element, name: string, places: readonly number[], where: Placements | null): void {
  if (where === null) {
    element.replaceChildren(make("span", { class: "soft" }, "no ink"));
    return;
  }
  const cells = places.map((share, index) => {
    const [answer] = answerOf(share);
    const cell = make("span", { class: `place${index === where.current ? " active" : ""}` }, LETTERS[answer]);
    // Blue for O, orange for X, pale where the network is unsure.
    const colors = cellColors((share - 0.5) * 1.6, "signed");
    cell.style.background = colors.paper;
    cell.style.color = colors.ink;
    return cell;
  });
  const map = make("span", { class: "places-map", role: "img", style: `--columns: ${where.columns}` }, ...cells);
  const rows = Array.from({ length: where.rows }, (_, row) =>
    places
      .slice(row * where.columns, (row + 1) * where.columns)
      .map((share) => LETTERS[answerOf(share)[0]])
      .join(" "),
  );
  setLabel(map, `${name}, answers at every place of the drawing: ${rows.join("; ")}`);
  element.replaceChildren(map);
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

/** Max and mean pooling of the same feature map, both by the library. */
export function showPoolings(looks: { readonly max: Look; readonly mean: Look }): void {
  for (const pooling of ["max", "mean"] as const) {
    const { relu, pool, output } = looks[pooling];
    const element = byId(`ox-side-${pooling}`);
    const scale = Math.max(...relu, 1e-9);
    element.querySelector(".side-relu")!.replaceChildren(miniMap(relu, 4, scale, `${NAMES[pooling]}: after ReLU`));
    element.querySelector(".side-pool")!.replaceChildren(miniMap(pool, 2, scale, `${NAMES[pooling]}: after pooling`));
    setText(element.querySelector(".side-answer")!, answerText(output[1]!));
  }
}

function miniMap(values: Float32Array, columns: number, scale: number, name: string): HTMLElement {
  const cells = Array.from(values, (value) => {
    const cell = make("span", { class: "cell" }, fixed(value, 1));
    const colors = cellColors(value / scale, "signed");
    cell.style.background = colors.paper;
    cell.style.color = colors.ink;
    return cell;
  });
  const map = make("div", { class: "number-map mini", role: "img", style: `--columns: ${columns}` }, ...cells);
  setLabel(map, `${name}: ${Array.from(values, (value) => fixed(value, 2)).join(" ")}`);
  return map;
}
