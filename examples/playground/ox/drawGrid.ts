/** The paper of 6x6 pixels: mouse, finger, or arrow keys and Space. */
import { make, setLabel } from "../ui/dom.ts";
import type { Drawing } from "./drawings.ts";
import { SIDE } from "./walk.ts";

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export interface DrawGridEvents {
  drawn(drawing: Drawing): void;
  nudged(down: number, right: number): void;
}

export class DrawGrid {
  readonly cells: readonly HTMLButtonElement[];
  private drawing: number[] = [];
  /** Ink that the finger leaves; null while none is down. */
  private pen: number | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly events: DrawGridEvents,
  ) {
    this.cells = Array.from({ length: SIDE * SIDE }, (_, pixel) => make("button", { type: "button", class: "pixel", tabindex: pixel ? "-1" : "0" }));
    element.replaceChildren(...this.cells);
    element.addEventListener("pointerdown", (event) => this.start(event));
    element.addEventListener("pointermove", (event) => this.paint(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      element.addEventListener(end, (event) => (event as PointerEvent).isPrimary && this.lift());
    element.addEventListener("keydown", (event) => this.key(event));
    // Screen readers press a button by a click without a pointer.
    element.addEventListener("click", (event) => event.detail === 0 && this.toggle(this.indexOf(event.target)));
  }

  show(drawing: Drawing): void {
    this.drawing = [...drawing];
    this.cells.forEach((cell, pixel) => {
      const ink = drawing[pixel] === 1;
      cell.setAttribute("aria-pressed", String(ink));
      setLabel(cell, `Row ${Math.floor(pixel / SIDE) + 1}, column ${(pixel % SIDE) + 1}`);
    });
  }

  private start(event: PointerEvent): void {
    const pixel = this.indexOf(event.target);
    if (pixel < 0 || event.button !== 0 || !event.isPrimary) return;
    // The element keeps the pointer, so that a stroke may begin on one pixel and end outside.
    this.element.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.focus(pixel);
    this.pen = this.drawing[pixel] ? 0 : 1;
    this.set(pixel, this.pen);
  }

  private paint(event: PointerEvent): void {
    if (this.pen === null || !event.isPrimary) return;
    const pixel = this.indexOf(document.elementFromPoint(event.clientX, event.clientY));
    if (pixel >= 0) this.set(pixel, this.pen);
  }

  private lift(): void {
    this.pen = null;
  }

  private key(event: KeyboardEvent): void {
    const pixel = this.indexOf(event.target);
    const arrow = ARROWS[event.key];
    if (pixel < 0 || arrow === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) {
      this.events.nudged(arrow[0], arrow[1]);
      return;
    }
    const row = Math.min(SIDE - 1, Math.max(0, Math.floor(pixel / SIDE) + arrow[0]));
    const column = Math.min(SIDE - 1, Math.max(0, (pixel % SIDE) + arrow[1]));
    this.focus(row * SIDE + column);
  }

  private focus(pixel: number): void {
    this.cells.forEach((cell, index) => {
      cell.tabIndex = index === pixel ? 0 : -1;
    });
    this.cells[pixel]!.focus({ preventScroll: true });
  }

  private toggle(pixel: number): void {
    if (pixel >= 0) this.set(pixel, this.drawing[pixel] ? 0 : 1);
  }

  private set(pixel: number, ink: number): void {
    if (this.drawing[pixel] === ink) return;
    this.drawing[pixel] = ink;
    this.events.drawn([...this.drawing]);
  }

  private indexOf(target: EventTarget | null): number {
    return this.cells.indexOf(target as HTMLButtonElement);
  }
}

/** Four buttons around a middle; arrow keys do the same while one of them has the focus. */
export function nudgePad(element: HTMLElement, nudged: (down: number, right: number) => void): void {
  for (const button of element.querySelectorAll<HTMLButtonElement>("button[data-key]")) {
    const [down, right] = ARROWS[button.dataset.key!]!;
    button.addEventListener("click", () => nudged(down, right));
  }
  element.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    nudged(arrow[0], arrow[1]);
    element.querySelector<HTMLButtonElement>(`[data-key="${event.key}"]`)?.focus();
  });
}
