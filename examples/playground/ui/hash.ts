/** The state of the page in the hash of its address: what a teacher shares. */

/** Browsers refuse more than about 100 changes of the address in 30 s. */
const PAUSE = 400;

/** Marks the entries of the tab's history that this visit made. */
const VISIT = String(performance.timeOrigin);

let timer: ReturnType<typeof setTimeout> | undefined;
let pending: string | undefined;

export function readHash(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}

type Parameters = Readonly<Record<string, string>>;

/** Soon, and once for many changes. The history of the tab gets no entry. */
export function writeHash(parameters: Parameters): void {
  pending = textOf(parameters);
  timer ??= setTimeout(flushHash, PAUSE);
}

/** At once, as a new entry: the browser's Back returns to `left`. */
export function pushHash(left: Parameters, parameters: Parameters): void {
  pending = textOf(left);
  flushHash();
  history.pushState(VISIT, "", textOf(parameters));
}

/** Whether this visit made the entry that the tab is at. */
export function isOwnEntry(): boolean {
  return history.state === VISIT;
}

function textOf(parameters: Parameters): string {
  return `#${Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join("&")}`;
}

/** At once: before the address is copied. */
export function flushHash(): void {
  clearTimeout(timer);
  timer = undefined;
  if (pending !== undefined && pending !== location.hash) history.replaceState(VISIT, "", pending);
  pending = undefined;
}

/** A whole number of the hash within [from, to], or `fallback`. */
export function wholeNumber(text: string | null, { from, to, fallback }: { from: number; to: number; fallback: number }): number {
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= from && value <= to ? value : fallback;
}
