/** Reads the golden files that make_golden.py writes. */
import { readFileSync } from "node:fs";
import { F32_SUM, type MachineName } from "../support/kernels.ts";

export interface GoldenArray {
  readonly shape: readonly number[];
  /** Float32 numbers, exact. */
  readonly data: Float32Array;
}

type Attribute = number | string | string[];
type Shape4 = [number, number, number, number];

/** One case of an op: attributes by the names of the records, arrays in their layouts. */
export class GoldenCase {
  constructor(
    readonly name: string,
    private readonly attributes: Readonly<Record<string, Attribute>>,
    private readonly arrays: Readonly<Record<string, GoldenArray>>,
  ) {}

  has(name: string): boolean {
    return name in this.arrays;
  }

  array(name: string): GoldenArray {
    if (!this.has(name)) throw new Error(`golden case "${this.name}" has no array ${name}; it has ${Object.keys(this.arrays).join(", ")}`);
    return this.arrays[name];
  }

  data(name: string): Float32Array {
    return this.array(name).data;
  }

  /** Shape of an activation. */
  shape4(name: string): Shape4 {
    const { shape } = this.array(name);
    if (shape.length !== 4) throw new Error(`golden case "${this.name}": ${name} has ${shape.length} axes, not 4`);
    return [...shape] as Shape4;
  }

  /** A numeric attribute; the fallback where the case leaves it out. */
  number(name: string, fallback?: number): number {
    const value = this.attributes[name] ?? fallback;
    if (typeof value !== "number") throw new Error(`golden case "${this.name}" has no number ${name}`);
    return value;
  }

  text(name: string): string {
    const value = this.attributes[name];
    if (typeof value !== "string") throw new Error(`golden case "${this.name}" has no text ${name}`);
    return value;
  }

  /** The attributes of these names, all numbers. */
  numbers<N extends string>(...names: N[]): Record<N, number> {
    return Object.fromEntries(names.map((name) => [name, this.number(name)])) as Record<N, number>;
  }

  texts(name: string): readonly string[] {
    return this.attributes[name] as string[];
  }

  toString(): string {
    return this.name;
  }
}

/** All cases of test/golden/<op>.json. */
export function readCases(op: string): GoldenCase[] {
  const file = JSON.parse(readFileSync(new URL(`./${op}.json`, import.meta.url), "utf8")) as {
    cases: { name: string; attributes: Record<string, Attribute>; arrays: Record<string, { shape: number[]; data: number[] }> }[];
  };
  return file.cases.map(({ name, attributes, arrays }) => {
    const exact = Object.entries(arrays).map(([key, { shape, data }]) => [key, { shape, data: Float32Array.from(data) }]);
    return new GoldenCase(name, attributes, Object.fromEntries(exact));
  });
}

/** The names of the cases as rows of test.each, with the case behind each name. */
export function caseRows(op: string, keep: (golden: GoldenCase) => boolean = () => true): [string, GoldenCase][] {
  return readCases(op)
    .filter(keep)
    .map((golden) => [golden.name, golden]);
}

/** Golden numbers are float64 results rounded once to float32: half a unit in the last place, 2^-24. */
export const ROUNDED_ONCE = 6e-8;

/** What a machine may differ by: the float64 one by the rounding of the file alone. */
export function tolerance(machine: MachineName, float32: number = F32_SUM): number {
  return machine === "plain64" ? ROUNDED_ONCE : float32;
}
