/** A pad to draw on: mouse, finger or pen; or arrow keys, with Space to put the pen down and to lift it. */
import { onTheme } from "../ui/colors.ts";
import { setLabel } from "../ui/dom.ts";
import { isFull, PAD, PEN, type Stroke } from "./strokes.ts";

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};
/** Units that an arrow key moves the pen; with Shift a small step. */
const STRIDE = 8;
const SMALL_STRIDE = 2;
/** Points nearer than this to the last one are left out. */
const NEAR = 3;

export interface DrawPadEvents {
  /** After every point. */
  drawn(strokes: readonly Stroke[]): void;
  /** The pen of the keyboard went down or up. */
  pen(state: "down" | "up"): void;
  /** Before the first point of a stroke. */
  begun(): void;
}

/** A picture on the pad; a "mask" is drawn in the colour of the ink, by its opacity. */
export interface Background {
  readonly image: HTMLCanvasElement | ImageBitmap;
  readonly kind: "mask" | "picture";
}

export class DrawPad {
  private strokes: number[][] = [];
  private stroke: number[] | null = null;
  private background: Background | null = null;
  /** Of the keyboard's pen; null until an arrow key was pressed. */
  private cursor: { x: number; y: number; isDown: boolean } | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly events: DrawPadEvents,
  ) {
    canvas.width = canvas.height = 2 * PAD;
    canvas.tabIndex = 0;
    canvas.role = "application";
    setLabel(canvas, "Drawing pad. Arrow keys move the pen, Space puts it down and lifts it.");
    canvas.addEventListener("pointerdown", (event) => this.start(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => (event as PointerEvent).isPrimary && this.lift());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.hideCursor());
    onTheme(() => this.paint());
  }

  /** Strokes, or a picture that the first stroke wipes away. */
  show(strokes: readonly Stroke[], background: Background | null = null): void {
    this.strokes = strokes.map((stroke) => [...stroke]);
    this.background = background;
    this.stroke = null;
    if (this.cursor) this.cursor.isDown = false;
    this.paint();
  }

  private start(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.begin(this.pointOf(event));
  }

  private move(event: PointerEvent): void {
    if (this.stroke === null || this.cursor !== null || !event.isPrimary) return;
    // A fast pen leaves several points between two pictures.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) this.add(this.pointOf(each));
    this.changed();
  }

  private lift(): void {
    if (this.cursor === null) this.stroke = null;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    if (arrow === undefined && event.key !== " ") return;
    event.preventDefault();
    this.cursor ??= { x: PAD / 2, y: PAD / 4, isDown: false };
    const { cursor } = this;
    if (arrow === undefined) {
      cursor.isDown = !cursor.isDown;
      if (cursor.isDown) this.begin(cursor);
      else this.stroke = null;
      this.events.pen(cursor.isDown ? "down" : "up");
    } else {
      const stride = event.shiftKey ? SMALL_STRIDE : STRIDE;
      cursor.x = Math.max(0, Math.min(PAD - 1, cursor.x + arrow[0] * stride));
      cursor.y = Math.max(0, Math.min(PAD - 1, cursor.y + arrow[1] * stride));
      if (cursor.isDown) this.add(cursor);
    }
    this.changed();
  }

  private hideCursor(): void {
    this.cursor = null;
    this.stroke = null;
    this.paint();
  }

  private begin(point: { readonly x: number; readonly y: number }): void {
    this.events.begun();
    this.background = null;
    this.stroke = [point.x, point.y];
    this.strokes.push(this.stroke);
    this.changed();
  }

  private add({ x, y }: { readonly x: number; readonly y: number }): void {
    const { stroke } = this;
    if (stroke === null || isFull(this.strokes)) return;
    const isNear = Math.hypot(x - stroke.at(-2)!, y - stroke.at(-1)!) < NEAR && this.cursor === null;
    if (!isNear) stroke.push(x, y);
  }

  private changed(): void {
    if (this.stroke !== null) this.events.drawn(this.strokes);
    this.paint();
  }

  private pointOf(event: PointerEvent): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    const unit = (offset: number, size: number) => Math.max(0, Math.min(PAD - 1, Math.round((offset / size) * PAD)));
    return { x: unit(event.clientX - box.left, box.width), y: unit(event.clientY - box.top, box.height) };
  }

  private paint(): void {
    const context = this.canvas.getContext("2d")!;
    const style = getComputedStyle(this.canvas);
    context.setTransform(2, 0, 0, 2, 0, 0);
    context.clearRect(0, 0, PAD, PAD);
    if (this.background) {
      drawCovering(context, this.background.image);
      if (this.background.kind === "mask") tint(context, style.color);
    }
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: style.color });
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(stroke[0]!, stroke[1]!);
      for (let index = 0; index < stroke.length; index += 2) context.lineTo(stroke[index]!, stroke[index + 1]!);
      context.stroke();
    }
    if (this.cursor) this.paintCursor(context, style.outlineColor);
  }

  private paintCursor(context: CanvasRenderingContext2D, color: string): void {
    const { x, y, isDown } = this.cursor!;
    Object.assign(context, { lineWidth: 2, strokeStyle: color, fillStyle: color });
    context.beginPath();
    context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
    if (isDown) context.fill();
    context.stroke();
  }
}

/** The middle of the picture, cut to a square. */
function drawCovering(context: CanvasRenderingContext2D, image: Background["image"]): void {
  const side = Math.min(image.width, image.height);
  context.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, PAD, PAD);
}

function tint(context: CanvasRenderingContext2D, color: string): void {
  context.globalCompositeOperation = "source-atop";
  context.fillStyle = color;
  context.fillRect(0, 0, PAD, PAD);
  context.globalCompositeOperation = "source-over";
}
