/** A value out of a file's JSON, with where it stands: every way to read it checks it, and says what is wrong with it where. */
import { shown } from "./options.ts";

export class Field {
  /** `refuse` throws. */
  constructor(
    readonly value: unknown,
    readonly at: string,
    readonly refuse: (problem: string) => never,
  ) {}

  fail(problem: string): never {
    return this.refuse(`${this.at || "the JSON"} ${problem}`);
  }

  /** A member of an object; its value is undefined where there is none. `name` is none of those that every object has. */
  get(name: string): Field {
    const { at, refuse } = this;
    return new Field(this.members()[name], at === "" ? name : `${at}.${name}`, refuse);
  }

  /** Of an object's members. */
  names(): string[] {
    return Object.keys(this.members());
  }

  /** Refuses an object with members of other names. */
  allow(known: readonly string[]): void {
    const strange = this.names().find((name) => !known.includes(name));
    if (strange !== undefined) this.fail(`has no ${shown(strange)}, knows ${known.join(", ")}`);
  }

  /** An object's members, as they are. */
  members(): Readonly<Record<string, unknown>> {
    const { value } = this;
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : this.needs("an object");
  }

  list(most: number, least = 1): readonly Field[] {
    const { value, at, refuse } = this;
    if (!Array.isArray(value)) return this.needs("a list");
    if (value.length < least || value.length > most) {
      this.fail(`has ${value.length} entries, needs ${least === most ? most : most === Infinity ? `${least} or more` : `${least} to ${most}`}`);
    }
    return value.map((item, index) => new Field(item, `${at}[${index}]`, refuse));
  }

  whole(atLeast: number, atMost = 2 ** 31 - 1): number {
    const { value } = this;
    if (Number.isInteger(value) && (value as number) >= atLeast && (value as number) <= atMost) return value as number;
    return this.needs(`a whole number from ${atLeast} to ${atMost}`);
  }

  real(): number {
    return Number.isFinite(this.value) ? (this.value as number) : this.needs("a finite number");
  }

  text(): string {
    return typeof this.value === "string" ? this.value : this.needs("a text");
  }

  choice<T>(choices: readonly T[]): T {
    return choices.includes(this.value as T) ? (this.value as T) : this.needs(`one of ${choices.join(", ")}`);
  }

  private needs(what: string): never {
    return this.fail(`is ${this.value === undefined ? "missing" : shown(this.value)}, needs ${what}`);
  }
}
