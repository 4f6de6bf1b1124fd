/**
 * <convlet-classifier model="digits.safetensors" top="3">: says what is drawn on it, dropped on it, pasted or picked.
 * `open(picture)` and `classify(source)` do the same from a script; event "classified" carries the answers in `detail`. Colours are inherited; the
 * custom property --accent colours the bars.
 */
import { type Classification, type ImageSource, load } from "../../src/index.ts";
import { STYLE, TEMPLATE } from "./template.ts";

type Model = Awaited<ReturnType<typeof load>>;

const PAPER = 320;
const PEN = 22;
const STEP = 10;
const DEFAULT_TOP = 3;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
};

export class ConvletClassifier extends HTMLElement {
  static readonly observedAttributes = ["model"];

  private readonly root = this.attachShadow({ mode: "open" });
  private readonly pen: CanvasRenderingContext2D;
  private model: Promise<Model> | undefined;
  private loading = new AbortController();
  private isDrawing = false;
  private place: readonly [number, number] = [PAPER / 2, PAPER / 4];
  /** Of the latest picture: an answer to an older one comes too late. */
  private latest = 0;

  constructor() {
    super();
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    this.root.adoptedStyleSheets = [style];
    this.root.innerHTML = TEMPLATE;
    this.pen = this.paper.getContext("2d", { willReadFrequently: true })!;
    this.listenToPaper();
    this.listenToPictures();
  }

  connectedCallback(): void {
    if (this.model === undefined) void this.loadModel();
  }

  disconnectedCallback(): void {
    this.forgetModel();
  }

  attributeChangedCallback(): void {
    if (!this.isConnected) return;
    this.forgetModel();
    void this.loadModel();
  }

  /** Answers, the best first, which are shown too. Rejects with what is wrong with the model or the picture. */
  async classify(source: ImageSource): Promise<readonly Classification[]> {
    const number = ++this.latest;
    try {
      if (this.model === undefined)
        throw new Error(this.hasAttribute("model") ? "this element is not in a page" : 'the attribute "model" is missing');
      const answers = await (await this.model).classify(source, { top: Number(this.getAttribute("top") ?? DEFAULT_TOP) });
      if (number === this.latest) this.show(answers);
      return answers;
    } catch (reason) {
      if (number === this.latest) this.complain(reason as Error);
      throw reason;
    }
  }

  /** Shows a picture on the paper and classifies it. What is wrong with it stands on the page. */
  async open(picture: Blob): Promise<void> {
    this.clear();
    this.inner("hint").hidden = true;
    const answered = this.classify(picture).catch(() => {});
    const number = this.latest;
    const bitmap = await createImageBitmap(picture).catch(() => undefined);
    await answered;
    if (bitmap === undefined || number !== this.latest) return;
    const factor = Math.min(PAPER / bitmap.width, PAPER / bitmap.height);
    const [width, height] = [bitmap.width * factor, bitmap.height * factor];
    this.pen.imageSmoothingEnabled = factor < 1;
    this.pen.drawImage(bitmap, (PAPER - width) / 2, (PAPER - height) / 2, width, height);
    bitmap.close();
  }

  clear(): void {
    this.latest++;
    this.pen.clearRect(0, 0, PAPER, PAPER);
    this.place = [PAPER / 2, PAPER / 4];
    this.inner("hint").hidden = false;
    this.inner("answers").replaceChildren();
    this.say("Nothing drawn yet.");
  }

  private inner<T extends HTMLElement>(id: string): T {
    return this.root.getElementById(id) as T;
  }

  private get paper(): HTMLCanvasElement {
    return this.inner("paper");
  }

  private async loadModel(): Promise<void> {
    const address = this.getAttribute("model");
    if (address === null) return this.say("No model yet.");
    this.setAttribute("aria-busy", "true");
    this.say("Loading the model …");
    const model = load(new URL(address, document.baseURI), { signal: this.loading.signal });
    this.model = model;
    try {
      await model;
      if (this.model !== model) return;
      // What was drawn before has an answer now, or another one.
      if (this.inner("hint").hidden) this.classify(this.paper).catch(() => {});
      else this.say("Nothing drawn yet.");
    } catch (reason) {
      if (this.model === model) this.complain(reason as Error);
    } finally {
      if (this.model === model) this.removeAttribute("aria-busy");
    }
  }

  private forgetModel(): void {
    this.loading.abort();
    this.loading = new AbortController();
    this.latest++;
    this.model?.then(
      (model) => model.dispose(),
      () => {},
    );
    this.model = undefined;
    this.removeAttribute("aria-busy");
    this.inner("answers").replaceChildren();
  }

  private listenToPaper(): void {
    const at = ({ offsetX, offsetY }: PointerEvent) => {
      const factor = PAPER / this.paper.clientWidth;
      return [offsetX * factor, offsetY * factor] as const;
    };
    this.paper.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      this.paper.setPointerCapture(event.pointerId);
      this.isDrawing = true;
      this.place = at(event);
      this.drawTo(this.place);
    });
    this.paper.addEventListener("pointermove", (event) => {
      if (this.isDrawing && event.isPrimary) this.drawTo(at(event));
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.paper.addEventListener(end, ({ isPrimary }) => {
        if (isPrimary) this.isDrawing = false;
      });
    }
    this.paper.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const within = (value: number) => Math.min(PAPER - PEN, Math.max(PEN, value));
      const next = [within(this.place[0] + step[0]), within(this.place[1] + step[1])] as const;
      if (event.shiftKey) this.place = next;
      else this.drawTo(next);
    });
    this.inner("clear").addEventListener("click", () => this.clear());
  }

  private listenToPictures(): void {
    const stage = this.inner("stage");
    const chooser = this.inner<HTMLInputElement>("file");
    const open = (file: File | undefined) => {
      if (file !== undefined) void this.open(file);
    };
    chooser.addEventListener("change", () => {
      open(chooser.files?.[0]);
      chooser.value = "";
    });
    this.addEventListener("paste", (event) => open(event.clipboardData?.files[0]));
    for (const type of ["dragover", "dragleave", "drop"] as const) {
      stage.addEventListener(type, (event) => {
        event.preventDefault();
        stage.classList.toggle("over", type === "dragover");
        if (type === "drop") open((event as DragEvent).dataTransfer?.files[0]);
      });
    }
  }

  private drawTo(next: readonly [number, number]): void {
    const { pen } = this;
    Object.assign(pen, { lineWidth: PEN, lineCap: "round", strokeStyle: "black" });
    pen.beginPath();
    pen.moveTo(...this.place);
    pen.lineTo(...next);
    pen.stroke();
    this.place = next;
    this.inner("hint").hidden = true;
    // What is wrong is on the page.
    this.classify(this.paper).catch(() => {});
  }

  private show(answers: readonly Classification[]): void {
    const lines = answers.map(({ label, probability }) => {
      const line = document.createElement("li");
      const [name, bar, share] = ["span", "div", "span"].map((tag) => document.createElement(tag));
      name.textContent = label;
      bar.style.setProperty("--share", String(probability));
      share.textContent = `${Math.round(100 * probability)} %`;
      line.append(name, bar, share);
      return line;
    });
    this.inner("answers").replaceChildren(...lines);
    const [best] = answers;
    this.say(`${best.label}, ${Math.round(100 * best.probability)} %`);
    this.inner("status").classList.add("seen");
    this.dispatchEvent(new CustomEvent("classified", { detail: answers, bubbles: true, composed: true }));
  }

  private say(text: string): void {
    const status = this.inner("status");
    status.classList.remove("bad", "seen");
    status.textContent = text;
  }

  private complain({ message }: Error): void {
    this.inner("answers").replaceChildren();
    this.say(message);
    this.inner("status").classList.add("bad");
  }
}

customElements.define("convlet-classifier", ConvletClassifier);
