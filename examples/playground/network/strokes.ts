/** What a pen left on the pad: strokes of points, their form in the address, and as pixels. */
import type { Pixels } from "../../../src/index.ts";

/** x, y, x, y, … whole numbers from 0 to PAD - 1. */
export type Stroke = readonly number[];

export const PAD = 256;
/** Thickness of the pen in units of the pad. */
export const PEN = 20;
/** Numbers in all strokes together; a drawing in an address stays below 6,000 letters. */
const MOST_NUMBERS = 4000;

/** base64url of the bytes, a dot between strokes. */
export function strokesText(strokes: readonly Stroke[]): string {
  return strokes
    .map((stroke) =>
      btoa(String.fromCharCode(...stroke))
        .replace(/\+/g, "-")
        .replace(/\//g, "_")
        .replace(/=/g, ""),
    )
    .join(".");
}

/** null for a text that is no drawing. */
export function strokesOf(text: string): Stroke[] | null {
  if (!/^[\w.-]*$/.test(text)) return null;
  try {
    const strokes = text
      .split(".")
      .filter(Boolean)
      .map((part) => Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0)));
    const isGood = strokes.every((stroke) => stroke.length % 2 === 0) && strokes.flat().length <= MOST_NUMBERS;
    return isGood ? strokes : null;
  } catch {
    return null;
  }
}

export function isFull(strokes: readonly Stroke[]): boolean {
  return strokes.reduce((sum, stroke) => sum + stroke.length, 0) >= MOST_NUMBERS;
}

/** Pixels of a side: enough for any small model, quick to draw. */
const SIDE = 112;

/** The drawing in black on white, or in white on black; the edge of the pen is smooth. */
export function strokePixels(strokes: readonly Stroke[], ink: "black" | "white"): Pixels {
  const cover = new Float32Array(SIDE * SIDE);
  const unit = SIDE / PAD;
  for (const stroke of strokes) {
    for (let index = 0; index < stroke.length; index += 2) {
      const next = Math.min(index + 2, stroke.length - 2);
      const ends = [stroke[index]!, stroke[index + 1]!, stroke[next]!, stroke[next + 1]!].map((value) => (value + 0.5) * unit);
      line(cover, ends as [number, number, number, number], (PEN / 2) * unit);
    }
  }
  const data = new Uint8ClampedArray(SIDE * SIDE * 4);
  cover.forEach((share, pixel) => {
    const value = ink === "white" ? 255 * share : 255 * (1 - share);
    data.set([value, value, value, 255], pixel * 4);
  });
  return { data, width: SIDE, height: SIDE };
}

/** Raises `cover` to how far each pixel lies within `radius` of the line from (x0, y0) to (x1, y1). */
function line(cover: Float32Array, [x0, y0, x1, y1]: readonly [number, number, number, number], radius: number): void {
  const reach = radius + 1;
  const clamp = (value: number) => Math.max(0, Math.min(SIDE - 1, value));
  const [left, right] = [clamp(Math.floor(Math.min(x0, x1) - reach)), clamp(Math.ceil(Math.max(x0, x1) + reach))];
  const [top, bottom] = [clamp(Math.floor(Math.min(y0, y1) - reach)), clamp(Math.ceil(Math.max(y0, y1) + reach))];
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length2 = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
      const along = length2 > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / length2)) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const share = Math.max(0, Math.min(1, radius + 0.5 - distance));
      const pixel = y * SIDE + x;
      if (share > cover[pixel]!) cover[pixel] = share;
    }
  }
}
