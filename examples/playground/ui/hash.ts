/** The state of the page in the hash of its address: what a teacher shares. */

/** Browsers refuse more than about 100 changes of the address in 30 s. */
const PAUSE = 400;

let timer: ReturnType<typeof setTimeout> | undefined;
let pending: string | undefined;

export function readHash(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}

/** Soon, and once for many changes. The history of the tab gets no entry. */
export function writeHash(parameters: Readonly<Record<string, string>>): void {
  pending = `#${Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join("&")}`;
  timer ??= setTimeout(flushHash, PAUSE);
}

/** At once: before the address is copied. */
export function flushHash(): void {
  clearTimeout(timer);
  timer = undefined;
  if (pending !== undefined && pending !== location.hash) history.replaceState(history.state, "", pending);
  pending = undefined;
}

/** A whole number of the hash within [from, to], or `fallback`. */
export function wholeNumber(text: string | null, { from, to, fallback }: { from: number; to: number; fallback: number }): number {
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= from && value <= to ? value : fallback;
}
