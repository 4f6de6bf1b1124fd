/** Numbers as people read them: a real minus sign, and no "−0.00". */

export function fixed(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** For a narrow cell: at most five characters. */
export function short(value: number): string {
  const size = Math.abs(value);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** "98 %", with a space that no line ends at. */
export function percent(share: number): string {
  const text = (100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0);
  return `${text === "100.0" ? "99.9" : text}\u00a0%`;
}

/** "1 step", "2 steps". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
