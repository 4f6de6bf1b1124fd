/** The slider over the steps of the walk, with play, pause, and single steps both ways. */
import { byId } from "../ui/dom.ts";
import { STAGE_TITLES } from "./sentences.ts";
import { LAST_STEP, placeOf } from "./walk.ts";

/** Milliseconds that a step stays. */
const PACE = 900;

export class Transport {
  private readonly slider = byId<HTMLInputElement>("ox-slider");
  private readonly playButton = byId<HTMLButtonElement>("ox-play");
  private timer: ReturnType<typeof setInterval> | undefined;
  private step = 0;

  constructor(private readonly go: (step: number) => void) {
    this.slider.max = String(LAST_STEP);
    this.slider.addEventListener("input", () => this.leave(Number(this.slider.value)));
    byId("ox-first").addEventListener("click", () => this.leave(0));
    byId("ox-back").addEventListener("click", () => this.leave(this.step - 1));
    byId("ox-forward").addEventListener("click", () => this.leave(this.step + 1));
    byId("ox-last").addEventListener("click", () => this.leave(LAST_STEP));
    this.playButton.addEventListener("click", () => (this.timer === undefined ? this.play() : this.pause()));
  }

  show(step: number): void {
    this.step = step;
    this.slider.value = String(step);
    this.slider.setAttribute("aria-valuetext", `Step ${step} of ${LAST_STEP}: ${STAGE_TITLES[placeOf(step).stage]}`);
    byId("ox-first").ariaDisabled = String(step === 0);
    byId("ox-back").ariaDisabled = String(step === 0);
    byId("ox-forward").ariaDisabled = String(step === LAST_STEP);
    byId("ox-last").ariaDisabled = String(step === LAST_STEP);
  }

  pause(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.showPlaying();
  }

  private play(): void {
    this.go(this.step === LAST_STEP ? 0 : this.step + 1);
    this.timer = setInterval(() => {
      if (this.step >= LAST_STEP) this.pause();
      else this.go(this.step + 1);
    }, PACE);
    this.showPlaying();
  }

  /** A step chosen by hand ends the playing. */
  private leave(step: number): void {
    this.pause();
    this.go(Math.max(0, Math.min(LAST_STEP, step)));
  }

  private showPlaying(): void {
    const isPlaying = this.timer !== undefined;
    this.playButton.setAttribute("aria-label", isPlaying ? "Pause the walk" : "Play the walk");
    this.playButton.classList.toggle("playing", isPlaying);
    // A sentence a second is too much to listen to.
    byId("ox-sentence").setAttribute("aria-live", isPlaying ? "off" : "polite");
  }
}
