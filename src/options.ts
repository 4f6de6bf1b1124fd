/** Checks of what users pass. Every message says where, what it got and what it needs. */

/** What a file keeps of an optimizer, schedule, loss, metric or initializer, and what `x({ name, config })` revives. */
export interface Named {
  readonly name: string;
  readonly config?: object;
}

/** Limits of a number option, in its own unit. */
export interface Limits {
  readonly whole?: boolean;
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
}

/** The entry `name` of a table; RangeError with the known names. */
export function byName<T>(kind: string, table: Readonly<Record<string, T>>, name: unknown): T {
  if (typeof name !== "string") throw new TypeError(`${kind}: got ${shown(name)}, needs a name or an object made by one of ${listed(table)}`);
  if (Object.hasOwn(table, name)) return table[name] as T;
  throw new RangeError(`unknown ${kind} "${name}"; known: ${listed(table)}`);
}

/** What a name, or the { name, config } that a file keeps, stands for. `spec` itself where it is that already: where it has the method `own`. */
export function revived<T>(kind: string, factories: Readonly<Record<string, (config: never) => T>>, spec: unknown, own?: string): T {
  if (typeof spec !== "object" || spec === null) return byName(kind, factories, spec)(undefined as never);
  // Arrays have methods too.
  if (own !== undefined && own in spec && "config" in spec) return spec as T;
  const { name, config = {} } = spec as Partial<Named>;
  return byName(kind, factories, name ?? spec)(config as never);
}

/** Refuses options outside `known`: a misspelt one would silently be its default. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${where}: got ${shown(options)}, needs an object of options`);
  }
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw new TypeError(`${where}: unknown option "${option}"; known: ${known.join(", ")}`);
  }
}

/** `value` if it is a finite number within `limits`; TypeError for another kind, RangeError for another value. */
export function checkNumber(where: string, option: string, value: unknown, limits: Limits = {}): number {
  if (typeof value !== "number") throw new TypeError(`${where}: ${option} is ${shown(value)}, needs ${neededNumber(limits)}`);
  const { whole = false, atLeast = -Infinity, above = -Infinity, atMost = Infinity, below = Infinity } = limits;
  const kind = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (!kind || value < atLeast || value <= above || value > atMost || value >= below) {
    throw new RangeError(`${where}: ${option} is ${value}, needs ${neededNumber(limits)}`);
  }
  return value;
}

/** `value` if it is true or false. */
export function checkFlag(where: string, option: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${where}: ${option} is ${shown(value)}, needs true or false`);
  return value;
}

/** Undefined, or an AbortSignal. */
export function checkSignal(where: string, signal: unknown): void {
  if (signal === undefined || typeof (signal as AbortSignal | null)?.throwIfAborted === "function") return;
  throw new TypeError(`${where}: signal is ${shown(signal)}, needs an AbortSignal`);
}

/** `value` if it is one of a few words. */
export function checkChoice<T>(where: string, option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  const Kind = typeof value === typeof choices[0] ? RangeError : TypeError;
  throw new Kind(`${where}: ${option} is ${shown(value)}, needs ${choices.map(shown).join(" or ")}`);
}

/** What `attempt` gives; its TypeErrors and RangeErrors begin with `where`. */
export function within<T>(where: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    if (cause instanceof RangeError) throw new RangeError(`${where}: ${cause.message}`, { cause });
    if (cause instanceof TypeError) throw new TypeError(`${where}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** A value in a message. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  const kind = value.constructor?.name ?? "Object";
  return kind === "Object" ? "an object" : `a ${kind}`;
}

function listed(table: object): string {
  return Object.keys(table).join(", ");
}

function neededNumber({ whole, atLeast, above, atMost, below }: Limits): string {
  const limits: string[] = [];
  if (atLeast !== undefined) limits.push(`≥ ${atLeast}`);
  if (above !== undefined) limits.push(`> ${above}`);
  if (atMost !== undefined) limits.push(`≤ ${atMost}`);
  if (below !== undefined) limits.push(`< ${below}`);
  return [whole ? "a whole number" : "a finite number", limits.join(" and ")].filter(Boolean).join(" ");
}
