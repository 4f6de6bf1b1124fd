/** The first part of the page: O or X, one filter, every number. */
import { onTheme } from "../ui/colors.ts";
import { byId, download, setText } from "../ui/dom.ts";
import { flushHash } from "../ui/hash.ts";
import { LossChart } from "../ui/lossChart.ts";
import { counted, fixed } from "../ui/numbers.ts";
import { codeOf } from "./code.ts";
import { type Comparison, NAMES, SideBySide, showComparison } from "./compare.ts";
import { DrawGrid, nudgePad } from "./drawGrid.ts";
import { type Drawing, EMPTY, letter, moved, placements } from "./drawings.ts";
import { KINDS, Lab } from "./lab.ts";
import { drawLinks } from "./links.ts";
import { permute } from "./permutation.ts";
import { FilterEditor, Pipeline } from "./pipeline.ts";
import { deadSentence } from "./sentences.ts";
import {
  fromHash,
  GOOD_SEED,
  LARGEST_SEED,
  LARGEST_WEIGHT,
  MOST_STEPS,
  type OxState,
  type Pooling,
  stepsOf,
  toHash,
  UNLUCKY_SEED,
  withMove,
} from "./state.ts";
import { showStep } from "./stepPanel.ts";
import { type Speed, trainUnseen, trainVisibly } from "./trainer.ts";
import { Transport } from "./transport.ts";
import { firstStepOf } from "./walk.ts";

const RUN = 600;
const STUCK = "The drawing cannot move further that way.";
export const START: OxState = { drawing: letter(1), seed: GOOD_SEED, pooling: "max", permuted: false, step: 1, moves: [] };

export class OxPage {
  private state = START;
  private lab: Lab | undefined;
  private training: AbortController | undefined;
  private restarts = 0;
  /** Of the latest restart: until then nothing may change the networks. */
  private restarted: Promise<void> = Promise.resolve();
  private showing: Promise<void> | undefined;
  private isStale = false;
  private readonly grid = new DrawGrid(byId("ox-grid"), { drawn: (drawing) => this.draw(drawing), nudged: (down, right) => this.nudge(down, right) });
  private readonly pipeline = new Pipeline((stage) => this.go(firstStepOf(stage)));
  private readonly editor = new FilterEditor(
    byId("ox-filter"),
    byId("ox-bias"),
    (filter) => void this.edit(filter),
    () => this.say(`A weight is a number from −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}.`, "draw"),
  );
  private readonly transport = new Transport((step) => this.go(step));
  private readonly chart = new LossChart();
  private readonly sides = new SideBySide();
  /** What the lines between the pictures were drawn for. */
  private linked = "";
  private chartAge = 0;

  /** `changed` gets the state for the address. */
  constructor(private readonly changed: (hash: Record<string, string>) => void) {
    byId("ox-chart").replaceChildren(this.chart.element);
    nudgePad(byId("ox-nudge"), (down, right) => this.nudge(down, right));
    const on = (id: string, act: () => void) => byId(id).addEventListener("click", act);
    on("ox-draw-o", () => this.draw(letter(0)));
    on("ox-draw-x", () => this.draw(letter(1)));
    on("ox-clear", () => this.draw(EMPTY));
    on("ox-train", () => (this.training ? this.training.abort() : this.train(RUN)));
    on("ox-train-one", () => this.train(1));
    on("ox-restart", () => this.restart({ moves: [] }));
    on("ox-lucky", () => this.restart({ seed: GOOD_SEED, moves: [] }));
    on("ox-unlucky", () => this.restart({ seed: UNLUCKY_SEED, moves: [] }));
    on("ox-download", () => this.download());
    on("ox-copy-code", () => this.copyCode());
    on("ox-copy-link", () => this.copyLink());
    byId("ox-permute").addEventListener("change", () => this.restart({ permuted: byId<HTMLInputElement>("ox-permute").checked }));
    byId("ox-seed").addEventListener("change", () => this.changeSeed());
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name="ox-pooling"]')) {
      input.addEventListener("change", () => this.update({ pooling: input.value as Pooling }));
    }
    onTheme(() => this.show());
    new ResizeObserver(() => drawLinks(this.state.step, this.state.permuted)).observe(byId("ox-pipeline"));
  }

  get hash(): Record<string, string> {
    return toHash(this.state);
  }

  get isOpen(): boolean {
    return this.lab !== undefined;
  }

  /** Shows what the address says. */
  async open(hash: URLSearchParams): Promise<void> {
    await this.restart(fromHash(hash, START));
  }

  private go(step: number): void {
    this.update({ step });
  }

  private draw(drawing: Drawing): void {
    this.say("", "draw");
    this.update({ drawing });
  }

  private nudge(down: number, right: number): void {
    const drawing = moved(this.state.drawing, down, right);
    // Said again at the next edge.
    this.say("", "draw");
    if (drawing === null) this.say(STUCK, "draw");
    else this.update({ drawing });
  }

  private async edit(filter: number[]): Promise<void> {
    this.say("", "draw");
    await this.restarted;
    this.lab?.setFilter(filter);
    this.update({ moves: withMove(this.state.moves, { filter }) });
  }

  private changeSeed(): void {
    const input = byId<HTMLInputElement>("ox-seed");
    const seed = input.valueAsNumber;
    const isGood = Number.isInteger(seed) && seed >= 0 && seed <= LARGEST_SEED;
    if (isGood) void this.restart({ seed, moves: [] });
    else {
      input.value = String(this.state.seed);
      this.say(`A seed is a whole number from 0 to ${LARGEST_SEED}.`);
    }
  }

  private update(change: Partial<OxState>): void {
    this.state = { ...this.state, ...change };
    this.changed(this.hash);
    void this.show();
  }

  /** New networks, and everything again that happened to them. */
  private restart(change: Partial<OxState>): Promise<void> {
    this.training?.abort();
    this.say("");
    this.state = { ...this.state, ...change };
    this.restarted = this.renew(++this.restarts);
    return this.restarted;
  }

  private async renew(number: number): Promise<void> {
    const { seed, permuted, moves } = this.state;
    const lab = await Lab.create(seed, permuted);
    for (const move of moves) {
      if ("steps" in move)
        await trainUnseen(
          () => lab.train(),
          move.steps,
          () => number !== this.restarts,
        );
      else lab.setFilter(move.filter);
    }
    if (number !== this.restarts) {
      lab.dispose();
      return this.restarted;
    }
    const old = this.lab;
    this.lab = lab;
    await this.show();
    old?.dispose();
    this.changed(this.hash);
  }

  private async train(steps: number): Promise<void> {
    if (this.training !== undefined) return;
    const left = MOST_STEPS - stepsOf(this.state.moves);
    if (left <= 0) return this.say(`${counted(MOST_STEPS, "step")} are the most that a link can repeat. Start over to train again.`);
    const control = new AbortController();
    this.training = control;
    this.say("");
    this.showTraining();
    await this.restarted;
    const { restarts: number } = this;
    const lab = this.lab!;
    const done = await trainVisibly(
      {
        step: async () => {
          await lab.train();
          if (number === this.restarts) this.state = { ...this.state, moves: withMove(this.state.moves, { steps: 1 }) };
        },
        show: () => {
          this.changed(this.hash);
          return this.show();
        },
        speed: () => byId<HTMLSelectElement>("ox-speed").value as Speed,
      },
      Math.min(steps, left),
      control.signal,
    );
    this.training = undefined;
    this.showTraining();
    await this.show();
    if (number !== this.restarts || done === 0) return;
    this.changed(this.hash);
    const losses = KINDS.map((kind) => `${NAMES[kind]} ${fixed(lab.losses[kind].at(-1)!, 3)}`).join(", ");
    this.say(`Stopped after ${counted(stepsOf(this.state.moves), "step")}. Loss: ${losses}.`);
  }

  private showTraining(): void {
    const button = byId("ox-train");
    setText(button, this.training ? "Pause training" : "Train");
    // Numbers that change sixty times a second are nothing to listen to.
    for (const id of ["ox-sentence", "ox-verdict"]) byId(id).setAttribute("aria-live", this.training ? "off" : "polite");
  }

  /** Draws the state; calls during another are done once after it. */
  private async show(): Promise<void> {
    if (this.lab === undefined) return;
    this.isStale = true;
    this.showing ??= this.showNewest();
    await this.showing;
  }

  private async showNewest(): Promise<void> {
    try {
      while (this.isStale) {
        this.isStale = false;
        await this.showAll(this.lab!, this.state);
      }
    } finally {
      this.showing = undefined;
    }
  }

  private async showAll(lab: Lab, state: OxState): Promise<void> {
    const looks = { max: await lab.look("max", state.drawing), mean: await lab.look("mean", state.drawing) };
    const look = looks[state.pooling];
    const where = placements(state.drawing);
    const results: Comparison[] = [];
    for (const kind of KINDS) {
      const [share, ...places] = await lab.probabilitiesOfX(kind, [state.drawing, ...(where?.drawings ?? [])]);
      results.push({ kind, share: share!, places, scores: await lab.scores(kind) });
    }
    const dead = await lab.deadLayer(state.pooling);
    this.grid.show(state.drawing);
    this.pipeline.show(look, state.step, { pooling: state.pooling, drawn: this.grid.cells, isPermuted: state.permuted });
    this.editor.show(look);
    this.transport.show(state.step);
    showStep(look, state.step, state.pooling);
    showComparison(results, where, state);
    this.sides.show(looks);
    this.showChart(lab);
    byId("ox-dead").hidden = dead === null;
    setText(byId("ox-dead-text"), dead === null ? "" : deadSentence(dead, look));
    this.showControls(state);
    const links = `${state.step} ${state.permuted}`;
    if (links !== this.linked) drawLinks(state.step, state.permuted);
    this.linked = links;
  }

  /** While training, with every fourth picture. */
  private showChart(lab: Lab): void {
    this.chartAge = this.training ? (this.chartAge + 1) % 4 : 0;
    if (this.chartAge === 0) this.chart.show(KINDS.map((kind) => ({ name: NAMES[kind], style: kind, values: lab.losses[kind] })));
  }

  private showControls(state: OxState): void {
    setText(byId("ox-steps"), counted(stepsOf(state.moves), "step"));
    const seed = byId<HTMLInputElement>("ox-seed");
    if (document.activeElement !== seed) seed.value = String(state.seed);
    byId<HTMLInputElement>("ox-permute").checked = state.permuted;
    byId<HTMLInputElement>(`ox-pooling-${state.pooling}`).checked = true;
    byId("ox-pipeline").classList.toggle("permuted", state.permuted);
  }

  private download(): void {
    if (this.lab === undefined) return;
    const { pooling, seed, moves } = this.state;
    download(`ox-${pooling}-seed${seed}-${stepsOf(moves)}steps.safetensors`, this.lab.models[pooling].toBytes(), "application/octet-stream");
    this.say("Downloaded. Drop the file into “Your own model” above, or give it to load().", "take");
  }

  private async copyCode(): Promise<void> {
    if (this.lab === undefined) return;
    const { state } = this;
    const code = codeOf(this.lab.models[state.pooling], state, state.permuted ? permute(state.drawing) : state.drawing);
    await this.copy(code, "The code is in the clipboard: TypeScript that makes this network and asks it about this drawing.");
  }

  private async copyLink(): Promise<void> {
    this.changed(this.hash);
    flushHash();
    await this.copy(location.href, "The link is in the clipboard: it opens exactly this moment.");
  }

  private async copy(text: string, done: string): Promise<void> {
    const box = byId<HTMLTextAreaElement>("ox-copied");
    box.value = text;
    byId("ox-copied-box").hidden = false;
    const isCopied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    this.say(isCopied ? done : "The browser gives no clipboard here: copy the text from the box below.", "take");
    if (!isCopied) box.select();
  }

  /** Beside what was touched: elsewhere on the page nobody would see it. */
  private say(text: string, place: "draw" | "train" | "take" = "train"): void {
    setText(byId(`ox-${place}-status`), text);
  }
}
