/** A picture given to a model: first the answer, then, with the next picture of the screen, every map and the saliency. */

import { preprocess } from "../../../src/image/resize.ts";
import type { Classification, Model, Pixels } from "../../../src/index.ts";
import { magnitude } from "../../../src/inspect/maps.ts";
import { onTheme } from "../ui/colors.ts";
import { byId, nextTask, setLabel, setText } from "../ui/dom.ts";
import { Answer } from "./answer.ts";
import { paintInput, paintSaliency } from "./picture.ts";
import { NetworkView, type Selection } from "./view.ts";

/** "empty": there is nothing on it, so there is no answer; the maps show what the network makes of empty paper. */
export interface Drawn {
  readonly pixels: Pixels;
  readonly kind: "drawing" | "empty";
}

export class Inspector {
  readonly view: NetworkView;
  private readonly answer: Answer;
  private readonly life = new AbortController();
  private readonly inputShape: readonly number[];
  private newest: Drawn | null = null;
  private isBusy = false;
  private picture: number | undefined;
  private last: { readonly input: Float32Array; readonly ranked: readonly Classification[] } | null = null;

  /** `prefix` begins the ids of the elements it writes to. */
  constructor(
    private readonly prefix: "digits" | "own",
    readonly model: Model,
    chosen: (selection: Selection | null) => void,
  ) {
    this.answer = new Answer(prefix);
    this.inputShape = model.inputShapes[0]!;
    this.view = new NetworkView(byId(`${prefix}-layers`), model, chosen, this.life.signal);
    // Without a picture there are filters to see, but no maps.
    byId(`${prefix}-layers`).classList.toggle("still", !this.takesPictures);
    onTheme(() => this.last && this.soon(), this.life.signal);
  }

  get takesPictures(): boolean {
    const { inputShape } = this;
    return this.model.inputShapes.length === 1 && inputShape.length === 3 && [1, 3].includes(inputShape[2]!);
  }

  /** Whether it names classes: otherwise there are only maps. */
  get namesClasses(): boolean {
    return this.model.outputShapes.length === 1 && this.model.outputShapes[0]!.length === 1;
  }

  private get classes(): number {
    return Math.max(2, this.model.outputShapes[0]![0]!);
  }

  /** The newest picture wins; one that comes while another is computed waits. */
  async ask(drawn: Drawn): Promise<void> {
    this.newest = drawn;
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.newest) {
        const next: Drawn = this.newest;
        this.newest = null;
        await this.compute(next);
      }
    } finally {
      this.isBusy = false;
    }
  }

  dispose(): void {
    cancelAnimationFrame(this.picture ?? 0);
    this.life.abort();
    this.view.select(null);
    this.last = null;
    this.model.dispose();
  }

  private async compute({ pixels, kind }: Drawn): Promise<void> {
    const start = performance.now();
    const ranked = this.namesClasses && kind === "drawing" ? await this.model.classify(pixels, { top: this.classes }) : [];
    if (ranked.length > 0) this.answer.show(ranked, this.classes);
    else this.answer.clear(kind === "empty" ? "Nothing is drawn." : "");
    setText(byId(`${this.prefix}-time`), ranked.length > 0 ? `answered in ${(performance.now() - start).toFixed(1)} ms` : "");
    this.last = { input: preprocess(pixels, this.inputShape, this.model.preprocessing ?? {}), ranked };
    this.soon();
  }

  private soon(): void {
    cancelAnimationFrame(this.picture ?? 0);
    this.picture = requestAnimationFrame(() => void this.showMaps());
  }

  private async showMaps(): Promise<void> {
    if (this.last === null) return;
    const shown = this.last;
    const { input, ranked } = shown;
    const isCurrent = () => this.last === shown;
    const canvas = byId<HTMLCanvasElement>(`${this.prefix}-input`);
    paintInput(canvas, input, this.inputShape);
    setLabel(canvas, `What the network gets: ${this.inputShape[0]} by ${this.inputShape[1]} pixels`);
    await this.view.show({ data: input, shape: [1, ...this.inputShape] }, await this.model.activations(input), isCurrent);
    await nextTask();
    if (isCurrent()) await this.showSaliency(input, ranked[0]);
  }

  private async showSaliency(input: Float32Array, best: Classification | undefined): Promise<void> {
    const classIndex = best && Math.min(best.index, this.model.outputShapes[0]![0]! - 1);
    const gradient = classIndex === undefined ? new Float32Array(input.length) : (await this.model.inputGradient(input, classIndex)).data;
    const canvas = byId<HTMLCanvasElement>(`${this.prefix}-saliency`);
    paintSaliency(canvas, gradient, this.inputShape);
    const text = best === undefined ? "what decides" : magnitude(gradient) === 0 ? "no pixel decides" : `decides for ${best.label}`;
    setLabel(canvas, `Saliency: ${text}`);
    setText(byId(`${this.prefix}-saliency-text`), text);
  }
}
