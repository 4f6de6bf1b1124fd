/** Colours of cells in the theme of the page: blue is below zero, orange above. */
import { diverging, type Rgb, sequential, type Theme, textOn } from "../../../src/inspect/palette.ts";

/** theme.ts, which runs before the page is drawn, says it. */
export function theme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** Calls back whenever the theme changes, by the system or by the page's button, until `signal` aborts. */
export function onTheme(changed: () => void, signal?: AbortSignal): void {
  document.addEventListener("themechange", changed, signal && { signal });
}

export type Palette = "signed" | "ink";

/** Background of a value from -1 (signed) or 0 (ink) to 1, and a colour to write on it; null takes both away. */
export function colorCell(element: HTMLElement, value: number | null, palette: Palette = "signed"): void {
  const color = value === null ? null : rgbOf(value, palette, theme());
  const key = color?.join() ?? "";
  if (element.dataset.color === key) return;
  element.dataset.color = key;
  element.style.background = color ? css(color) : "";
  element.style.color = color ? css(textOn(color)) : "";
}

export function rgbOf(value: number, palette: Palette, inTheme: Theme): Rgb {
  return palette === "signed" ? diverging(value, inTheme) : sequential(value, inTheme);
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}
