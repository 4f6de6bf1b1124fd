/** The second part: a digit drawn by hand, and all maps of a network with two convolutions. */

import { pixelsOf } from "../../../src/image/pixels.ts";
import { load, type Model, type Pixels } from "../../../src/index.ts";
import { DrawPad } from "../network/drawPad.ts";
import { type Drawn, Inspector } from "../network/inspector.ts";
import { type Stroke, strokePixels, strokesOf, strokesText } from "../network/strokes.ts";
import type { Selection } from "../network/view.ts";
import { byId, make, setText } from "../ui/dom.ts";
import { wholeNumber } from "../ui/hash.ts";

const MODELS = "../models/";
const FIRST_SAMPLE = 3;

/** Strokes, or one of the sample digits. */
type Source = { readonly strokes: readonly Stroke[] } | { readonly sample: number };

export class DigitsPage {
  private source: Source = { sample: FIRST_SAMPLE };
  private selection: Selection | null = { layer: "conv1", channel: 0, at: 300 };
  private model: Promise<Model> | undefined;
  private inspector: Inspector | undefined;
  private readonly pad = new DrawPad(byId<HTMLCanvasElement>("digits-pad"), {
    begun: () => this.begin(),
    drawn: (strokes) => this.draw(strokes),
    pen: (state) => setText(byId("digits-live"), state === "down" ? "Pen down." : "Pen up."),
  });

  constructor(private readonly changed: (hash: Record<string, string>) => void) {
    byId("digits-clear").addEventListener("click", () => this.show({ strokes: [] }));
    const samples = Array.from({ length: 10 }, (_, digit) => make("button", { type: "button", "aria-label": `A real ${digit}` }, String(digit)));
    samples.forEach((button, digit) => {
      button.addEventListener("click", () => this.show({ sample: digit }));
    });
    byId("digits-samples").replaceChildren(...samples);
  }

  get hash(): Record<string, string> {
    const { source, selection } = this;
    return {
      part: "digits",
      ...("sample" in source ? { digit: String(source.sample) } : { ink: strokesText(source.strokes) }),
      ...(selection && { layer: encodeURIComponent(selection.layer), map: String(selection.channel + 1), at: String(selection.at) }),
    };
  }

  get isOpen(): boolean {
    return this.inspector !== undefined;
  }

  /** Loads the model once; then shows what the address says. */
  async open(hash: URLSearchParams): Promise<void> {
    if (hash.get("part") === "digits") this.read(hash);
    try {
      setText(byId("digits-time"), this.isOpen ? "" : "loading the model …");
      this.model ??= digitModel();
      const model = await this.model;
      this.inspector ??= new Inspector("digits", model, (selection) => {
        this.selection = selection;
        this.changed(this.hash);
      });
    } catch (reason) {
      this.model = undefined;
      this.complain(`The digit model could not be loaded: ${(reason as Error).message}`);
      return;
    } finally {
      setText(byId("digits-time"), "");
    }
    this.selection = this.inspector.view.select(this.selection);
    await this.show(this.source);
  }

  private complain(text: string | null): void {
    byId("digits-problem").hidden = text === null;
    setText(byId("digits-problem"), text ?? "");
  }

  private read(hash: URLSearchParams): void {
    const strokes = hash.has("ink") ? strokesOf(hash.get("ink")!) : null;
    if (strokes) this.source = { strokes };
    else if (hash.has("digit")) this.source = { sample: wholeNumber(hash.get("digit"), { from: 0, to: 9, fallback: FIRST_SAMPLE }) };
    const layer = hash.get("layer");
    if (layer === null) {
      if (strokes || hash.has("digit")) this.selection = null;
      return;
    }
    const number = (name: string, from: number) => wholeNumber(hash.get(name), { from, to: 1e6, fallback: from });
    this.selection = { layer, channel: number("map", 1) - 1, at: number("at", 0) };
  }

  private begin(): void {
    byId("digits-pad-hint").hidden = true;
    if (this.isOpen) this.complain(null);
    if ("sample" in this.source) this.source = { strokes: [] };
  }

  private draw(strokes: readonly Stroke[]): void {
    this.source = { strokes };
    void this.inspector?.ask(this.drawn(strokes));
    this.changed(this.hash);
  }

  private async show(source: Source): Promise<void> {
    this.source = source;
    this.changed(this.hash);
    if (this.isOpen) this.complain(null);
    const isEmpty = "strokes" in source && source.strokes.length === 0;
    byId("digits-pad-hint").hidden = !isEmpty;
    if ("sample" in source) {
      const pixels = await sample(source.sample).catch((reason: Error) => this.complain(`This digit could not be loaded: ${reason.message}`));
      if (this.source !== source || pixels === undefined) return;
      this.pad.show([], { image: maskOf(pixels), kind: "mask" });
      await this.inspector?.ask({ pixels, kind: "drawing" });
    } else {
      this.pad.show(source.strokes);
      await this.inspector?.ask(this.drawn(source.strokes));
    }
  }

  private drawn(strokes: readonly Stroke[]): Drawn {
    const pixels = strokePixels(strokes, this.inspector?.model.preprocessing?.invert ? "black" : "white");
    return { pixels, kind: strokes.length === 0 ? "empty" : "drawing" };
  }
}

function digitModel(): Promise<Model> {
  return load(new URL(`${MODELS}digits.safetensors`, location.href));
}

/** A digit that the model never saw in training. */
async function sample(digit: number): Promise<Pixels> {
  const response = await fetch(`${MODELS}digit-${digit}.png`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return pixelsOf(await response.blob(), "sample digit");
}

/** Black ink on white as opacity: the pad draws it in its own ink, in any theme. */
function maskOf({ data, width, height }: Pixels): HTMLCanvasElement {
  const canvas = make("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) image.data[pixel * 4 + 3] = 255 - data[pixel * 4]!;
  context.putImageData(image, 0, 0);
  return canvas;
}
