import type { Format } from "./data.ts";

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** Escaped text, numbers kept with their % sign, in which *this* is emphasis and `this` is code. */
export function inline(text: string): string {
  return escapeHtml(text)
    .replace(/ %/g, "\u00a0%")
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\*([^*\s][^*]*)\*/g, "<em>$1</em>");
}

export function formatted(value: number | null, format: Format): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (format === "percent") return `${(value * 100).toFixed(1)} %`;
  if (format === "integer") return Math.round(value).toLocaleString("en");
  return value === 0 ? "0" : Math.abs(value) < 0.01 ? value.toExponential(1) : value.toFixed(value >= 10 ? 1 : 3);
}
