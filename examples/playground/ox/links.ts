/** Lines from what a step reads to what it writes, where the pictures stand side by side. */
import { byId, makeSvg } from "../ui/dom.ts";
import { placeOf, type Stage } from "./walk.ts";

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const ACTIVE = ".active";

/** From where to where, as selectors: all that match a selector are one box. */
function routes(stage: Stage, isPermuted: boolean): readonly (readonly [string, string])[] {
  const image = isPermuted ? "#ox-permuted" : "#ox-grid";
  switch (stage) {
    case "convolution":
      return [
        [`${image} ${ACTIVE}`, "#ox-filter"],
        ["#ox-filter", `#ox-map ${ACTIVE}`],
      ];
    case "relu":
      return [["#ox-map", "#ox-relu"]];
    case "pooling":
      return [[`#ox-relu ${ACTIVE}`, `#ox-pool ${ACTIVE}`]];
    case "flatten":
      return [["#ox-pool", "#ox-flat"]];
    case "hidden":
      return [["#ox-flat", `#ox-hidden ${ACTIVE}`]];
    case "scores":
      return [["#ox-hidden", `#ox-answer ${ACTIVE}`]];
    case "softmax":
      return [["#ox-hidden", "#ox-answer"]];
    case "image":
      return [];
  }
}

/** Measures the page: to be called when the step, the pictures or the width change, not with every number. */
export function drawLinks(step: number, isPermuted: boolean): void {
  const svg = byId<SVGSVGElement>("ox-links");
  const frame = byId("ox-pipeline").getBoundingClientRect();
  const shapes = routes(placeOf(step).stage, isPermuted).flatMap(([from, to]) => {
    const [source, target] = [boxOf(from, frame), boxOf(to, frame)];
    const isBeside = source && target && target.left > source.right && target.top < source.bottom && source.top < target.bottom;
    return isBeside ? [beam(source, target)] : [];
  });
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  svg.replaceChildren(...shapes);
}

function beam(source: Box, target: Box): SVGElement {
  const points = [
    [source.right, source.top],
    [target.left, target.top],
    [target.left, target.bottom],
    [source.right, source.bottom],
  ];
  return makeSvg("polygon", { points: points.map((point) => point.map(Math.round).join(",")).join(" ") });
}

function boxOf(selector: string, frame: DOMRect): Box | null {
  const boxes = Array.from(document.querySelectorAll(`#ox-pipeline ${selector}`), (element) => element.getBoundingClientRect()).filter(
    ({ width }) => width > 0,
  );
  if (boxes.length === 0) return null;
  return {
    left: Math.min(...boxes.map(({ left }) => left)) - frame.left,
    right: Math.max(...boxes.map(({ right }) => right)) - frame.left,
    top: Math.min(...boxes.map(({ top }) => top)) - frame.top,
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)) - frame.top,
  };
}
