/** A picture given to a model: first the answer, then, with the next picture of the screen, every map and the saliency. */

import { preprocess } from "../../../src/image/resize.ts";
import type { Classification, Model, Pixels } from "../../../src/index.ts";
import { onTheme } from "../ui/colors.ts";
import { byId, setLabel, setText } from "../ui/dom.ts";
import { Answer } from "./answer.ts";
import { paintInput, paintSaliency } from "./picture.ts";
import { NetworkView, type Selection } from "./view.ts";

export class Inspector {
  readonly view: NetworkView;
  private readonly answer: Answer;
  private readonly inputShape: readonly number[];
  private newest: Pixels | null = null;
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
    this.view = new NetworkView(byId(`${prefix}-layers`), model, chosen);
    onTheme(() => this.last && this.soon());
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
  async ask(pixels: Pixels): Promise<void> {
    this.newest = pixels;
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.newest) {
        const next: Pixels = this.newest;
        this.newest = null;
        await this.compute(next);
      }
    } finally {
      this.isBusy = false;
    }
  }

  /** Nothing drawn: no answer. The maps show what the network makes of empty paper. */
  async askEmpty(pixels: Pixels): Promise<void> {
    await this.ask(pixels);
    this.answer.clear("Nothing is drawn.");
  }

  dispose(): void {
    cancelAnimationFrame(this.picture ?? 0);
    this.last = null;
    this.model.dispose();
  }

  private async compute(pixels: Pixels): Promise<void> {
    const start = performance.now();
    const ranked = this.namesClasses ? await this.model.classify(pixels, { top: this.classes }) : [];
    if (ranked.length > 0) {
      this.answer.show(ranked, this.classes);
      setText(byId(`${this.prefix}-time`), `answered in ${(performance.now() - start).toFixed(1)} ms`);
    }
    this.last = { input: preprocess(pixels, this.inputShape, this.model.preprocessing ?? {}), ranked };
    this.soon();
  }

  private soon(): void {
    cancelAnimationFrame(this.picture ?? 0);
    this.picture = requestAnimationFrame(() => void this.showMaps());
  }

  private async showMaps(): Promise<void> {
    if (this.last === null) return;
    const { input, ranked } = this.last;
    const shape = [1, ...this.inputShape];
    this.view.show({ data: input, shape }, await this.model.activations(input));
    const canvas = byId<HTMLCanvasElement>(`${this.prefix}-input`);
    paintInput(canvas, input, this.inputShape);
    setLabel(canvas, `What the network gets: ${this.inputShape[0]} by ${this.inputShape[1]} pixels`);
    const best = ranked[0];
    if (best === undefined) return;
    const { data } = await this.model.inputGradient(input, Math.min(best.index, this.model.outputShapes[0]![0]! - 1));
    const saliency = byId<HTMLCanvasElement>(`${this.prefix}-saliency`);
    paintSaliency(saliency, data, this.inputShape);
    setLabel(saliency, `Saliency for ${best.label}: which pixels decide`);
    setText(byId(`${this.prefix}-saliency-for`), best.label);
  }
}
