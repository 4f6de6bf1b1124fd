/** Maps of numbers as pictures: one pixel a number, scaled up by the style sheet. */
import type { Map2d } from "../../../src/inspect/maps.ts";
import type { Theme } from "../../../src/inspect/palette.ts";
import { type Palette, rgbOf, theme } from "../ui/colors.ts";

/** Colours of a palette: -1 … 1 (signed) or 0 … 1 (ink) in this many steps. */
const STEPS = 255;
const tables = new Map<string, Uint32Array>();

function table(palette: Palette, inTheme: Theme): Uint32Array {
  const key = `${palette} ${inTheme}`;
  const known = tables.get(key);
  if (known) return known;
  const made = Uint32Array.from({ length: STEPS + 1 }, (_, step) => {
    const share = step / STEPS;
    const [red, green, blue] = rgbOf(palette === "signed" ? 2 * share - 1 : share, palette, inTheme);
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
  tables.set(key, made);
  return made;
}

/** `scale` is what gets the full colour. Numbers that are none are magenta. */
export function paint(canvas: HTMLCanvasElement, map: Map2d, { scale, palette }: { readonly scale: number; readonly palette: Palette }): void {
  if (canvas.width !== map.width || canvas.height !== map.height) Object.assign(canvas, { width: map.width, height: map.height });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(map.width, map.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colors = table(palette, theme());
  const factor = (palette === "signed" ? STEPS / 2 : STEPS) / (scale || 1);
  const middle = palette === "signed" ? STEPS / 2 : 0;
  for (let index = 0; index < pixels.length; index++) {
    const step = Math.round(middle + map.data[index]! * factor);
    pixels[index] = Number.isNaN(step) ? 0xffff00ff : colors[Math.max(0, Math.min(STEPS, step))]!;
  }
  context.putImageData(image, 0, 0);
}
