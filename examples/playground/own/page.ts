/** The third part: any model of a .safetensors file. */

import { pixelsOf } from "../../../src/image/pixels.ts";
import { FileFormatError, load, type Model } from "../../../src/index.ts";
import { DrawPad } from "../network/drawPad.ts";
import { type Drawn, Inspector } from "../network/inspector.ts";
import { type Stroke, strokePixels } from "../network/strokes.ts";
import { byId, setText } from "../ui/dom.ts";
import { counted } from "../ui/numbers.ts";

/** Larger files are refused before they are read. */
const MOST_BYTES = 256 * 2 ** 20;

export class OwnPage {
  private inspector: Inspector | undefined;
  /** Of the latest file: an older one that was slow to read comes too late. */
  private latest = 0;
  /** What is open, in a line. */
  private about = "";
  private strokes: readonly Stroke[] = [];
  private readonly pad = new DrawPad(byId<HTMLCanvasElement>("own-pad"), {
    begun: () => {
      byId("own-pad-hint").hidden = true;
    },
    drawn: (strokes) => this.draw(strokes),
    pen: (state) => setText(byId("own-live"), state === "down" ? "Pen down." : "Pen up."),
  });

  constructor() {
    onFile("own-file", "own-choose", (file) => this.openFile(file));
    onFile("own-image", "own-choose-image", (file) => this.openImage(file));
    byId("own-clear").addEventListener("click", () => this.clear());
    byId("own-example").addEventListener("click", () => this.openExample());
    for (const name of ["dragenter", "dragover", "dragleave", "drop"] as const) document.addEventListener(name, (event) => this.drag(event));
  }

  readonly isOpen = true;

  get hash(): Record<string, string> {
    return { part: "own" };
  }

  /** Files are taken everywhere in this part; in the others a file that was let fall must not replace the page. */
  private drag(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const isHere = !byId("part-own").hidden;
    byId("own-drop").classList.toggle("over", isHere && event.type !== "drop" && event.type !== "dragleave");
    if (!isHere) event.dataTransfer.dropEffect = "none";
    else if (event.type === "drop") {
      const [file] = event.dataTransfer.files;
      void (file?.type.startsWith("image/") && this.inspector ? this.openImage(file) : this.openFile(file));
    }
  }

  private async openFile(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    if (file.size > MOST_BYTES)
      return this.refuse(file.name, `it has ${Math.round(file.size / 2 ** 20)} MB, this page takes at most ${MOST_BYTES / 2 ** 20}`);
    await this.take(file.name, async () => load(await file.arrayBuffer()));
  }

  private async openExample(): Promise<void> {
    await this.take("digits.safetensors", () => load(new URL("../models/digits.safetensors", location.href)));
  }

  private async take(name: string, read: () => Promise<Model>): Promise<void> {
    const number = ++this.latest;
    setText(byId("own-status"), `Reading ${name} …`);
    try {
      const model = await read();
      if (number === this.latest) this.show(name, model);
      else model.dispose();
    } catch (reason) {
      if (number !== this.latest) return;
      const isFormat = reason instanceof FileFormatError;
      this.refuse(name, `${(reason as Error).message}${isFormat ? ". Wanted: a file written by model.save() or model.toBytes()" : ""}`);
    }
  }

  /** What was open stays open. */
  private refuse(name: string, why: string): void {
    setText(byId("own-status"), this.about);
    byId("own-problem").hidden = false;
    setText(byId("own-problem"), `${name} cannot be shown: ${why.replace(/^load: /, "")}.`);
  }

  private show(name: string, model: Model): void {
    this.inspector?.dispose();
    this.inspector = new Inspector("own", model, () => {});
    const { inspector } = this;
    byId("own-problem").hidden = true;
    byId("own-open").hidden = false;
    const sizes = `${counted(model.layers.length, "layer")}, ${counted(model.countParams(), "weight")}`;
    this.about = `${name}: ${sizes}, input ${model.inputShapes.map((shape) => shape.join("×")).join(", ")}.`;
    setText(byId("own-status"), this.about);
    byId("own-asking").hidden = !inspector.takesPictures;
    byId("own-unaskable").hidden = inspector.takesPictures;
    for (const id of ["own-answer-box", "own-saliency-figure", "own-saliency-caption"]) byId(id).hidden = !inspector.namesClasses;
    const first = inspector.view.layers.find(({ convolution }) => convolution !== null);
    if (first && inspector.takesPictures) inspector.view.select({ layer: first.name, channel: 0, at: inspector.view.middleOf(first.name) });
    if (inspector.takesPictures) this.clear();
  }

  private clear(): void {
    this.strokes = [];
    this.pad.show([]);
    byId("own-pad-hint").hidden = false;
    void this.inspector?.ask(this.drawn());
  }

  private draw(strokes: readonly Stroke[]): void {
    this.strokes = strokes;
    void this.inspector?.ask(this.drawn());
  }

  private async openImage(file: File | undefined): Promise<void> {
    if (file === undefined || this.inspector === undefined) return;
    try {
      const pixels = await pixelsOf(file, "image");
      this.pad.show([], { image: await createImageBitmap(file), kind: "picture" });
      byId("own-pad-hint").hidden = true;
      byId("own-problem").hidden = true;
      await this.inspector.ask({ pixels, kind: "drawing" });
    } catch (reason) {
      this.refuse(file.name, (reason as Error).message.replace(/^image: /, ""));
    }
  }

  private drawn(): Drawn {
    const pixels = strokePixels(this.strokes, this.inspector?.model.preprocessing?.invert ? "black" : "white");
    return { pixels, kind: this.strokes.length === 0 ? "empty" : "drawing" };
  }
}

/** The button opens the dialogue of the input, which nobody sees. */
function onFile(id: string, button: string, opened: (file: File | undefined) => Promise<void>): void {
  const input = byId<HTMLInputElement>(id);
  byId(button).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    void opened(input.files?.[0]);
    // So that the same file, changed meanwhile, can be chosen again.
    input.value = "";
  });
}
