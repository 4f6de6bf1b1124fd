/** Reads the fields of a step out of a run file; every way to read one checks it. */
import type { Tensor } from "../../build/records.ts";
import { ALIGNMENT } from "../machine/state.ts";
import type { PlacedField, Region } from "../program.ts";

/** Where an array lies and how long it is. */
export interface Extents {
  readonly region: Region;
  readonly offset: number;
  readonly bytes: number;
}

interface StepPlace {
  readonly at: string;
  readonly section: "prepare" | "forward";
  readonly capacity: number;
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  readonly tensors: readonly Tensor[];
  readonly places: ReadonlyMap<string, Extents>;
  readonly scratch: unknown;
  readonly scratchBytes: unknown;
  fail(problem: string): never;
}

export class StepReader {
  private readonly placed: Record<string, PlacedField> = {};

  constructor(
    private readonly fields: Readonly<Record<string, unknown>>,
    private readonly place: StepPlace,
  ) {}

  /** All fields as checked. Fails when the step lacks one; a field that no check has seen is our own fault. */
  complete(known: readonly string[]): Readonly<Record<string, PlacedField>> {
    for (const name of known) {
      if (!Object.hasOwn(this.placed, name)) throw new Error(`internal: no contract covers ${this.place.at} field ${name}`);
    }
    return this.placed;
  }

  fail(field: string, problem: string): never {
    return this.place.fail(`${this.place.at}: field ${field} ${problem}`);
  }

  whole(field: string, atLeast: number, atMost = 2 ** 31 - 1): number {
    const value = this.given(field);
    if (!Number.isInteger(value) || (value as number) < atLeast || (value as number) > atMost) {
      this.fail(field, `is ${shown(value)}, needs a whole number from ${atLeast} to ${atMost}`);
    }
    return this.keep(field, value as number);
  }

  real(field: string): number {
    const value = this.given(field);
    if (typeof value !== "number" || !Number.isFinite(value)) this.fail(field, `is ${shown(value)}, needs a finite number`);
    return this.keep(field, value as number);
  }

  choice(field: string, choices: readonly number[]): number {
    const value = this.given(field);
    if (!choices.includes(value as number)) this.fail(field, `is ${shown(value)}, needs one of ${choices.join(", ")}`);
    return this.keep(field, value as number);
  }

  absent(field: string): void {
    if (this.given(field) !== null) this.fail(field, "must be null");
    this.placed[field] = null;
  }

  tensor(field: string): Tensor {
    const value = this.given(field);
    const number = isObject(value) && Object.keys(value).length === 1 ? value.tensor : undefined;
    const tensor = this.place.tensors[number as number];
    if (!Number.isInteger(number) || tensor === undefined) return this.fail(field, "names no tensor");
    if (tensor.pixelStride === 0 && !["left", "right"].includes(field))
      this.fail(field, "is a broadcast tensor, which only operands of binaryOutput may be");
    this.placed[field] = { tensor: number as number };
    return tensor;
  }

  /** A tensor that is written. */
  target(field: string): Tensor {
    if (this.place.section !== "forward") this.fail(field, "is written outside of section forward");
    return this.tensor(field);
  }

  /** A tensor of the size of `other`. */
  like(field: string, other: Tensor): Tensor {
    const tensor = this.tensor(field);
    const same = tensor.height === other.height && tensor.width === other.width && tensor.channels === other.channels;
    if (!same) this.fail(field, `is ${sizes(tensor)}, needs ${sizes(other)}`);
    return tensor;
  }

  isNull(field: string): boolean {
    return this.given(field) === null;
  }

  /** An array of at least `count` floats that is read. */
  floats(field: string, count: number): void {
    this.array(field, count);
  }

  floatsOrNull(field: string, count: number): void {
    if (this.isNull(field)) this.placed[field] = null;
    else this.array(field, count);
  }

  /** An array of at least `count` floats that is written: among what section prepare makes, and there alone. */
  targetFloats(field: string, count: number): void {
    if (this.place.section !== "prepare" || this.array(field, count) !== "prepared")
      this.fail(field, "is written, and not a prepared array of section prepare");
  }

  /** Working memory of `bytes` that shares nothing with the tensors of the step: kernels keep addresses in it. */
  scratch(bytes: number, tensors: readonly Tensor[]): void {
    const { scratch, scratchBytes, arenaBytes, capacity } = this.place;
    const isPlace = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= arenaBytes;
    if (!isPlace(scratch) || !isPlace(scratchBytes)) this.fail("scratch", "does not lie in the arena");
    const [from, length] = [scratch as number, scratchBytes as number];
    if (length < bytes) this.fail("scratchBytes", `is ${length}, needs ${bytes}`);
    if (from % ALIGNMENT !== 0 || from + length > arenaBytes) this.fail("scratch", "does not lie in the arena");
    for (const tensor of tensors) {
      const { begin, end } = reachOf(tensor, capacity);
      if (begin < from + length && from < end) this.fail("scratch", "overlaps a tensor of the step");
    }
  }

  noScratch(): void {
    if (this.place.scratchBytes !== 0 || this.place.scratch !== 0) this.fail("scratch", "is given to a kernel that has none");
  }

  private array(field: string, count: number): Region {
    const value = this.given(field);
    const found = isObject(value) && Object.keys(value).length === 1 ? this.extents(value) : undefined;
    if (found === undefined) return this.fail(field, "names no array");
    if (found.bytes < 4 * count) this.fail(field, `needs ${count} floats, has ${Math.floor(found.bytes / 4)}`);
    this.placed[field] = { region: found.region, offset: found.offset };
    return found.region;
  }

  private extents({ weight, prepared }: Readonly<Record<string, unknown>>): Extents | undefined {
    if (typeof weight === "string") return this.place.places.get(weight);
    if (!Number.isInteger(prepared) || (prepared as number) < 0 || (prepared as number) % 4 !== 0) return undefined;
    return { region: "prepared", offset: prepared as number, bytes: this.place.preparedBytes - (prepared as number) };
  }

  private given(field: string): unknown {
    const value = Object.hasOwn(this.fields, field) ? this.fields[field] : undefined;
    return value === undefined ? this.fail(field, "is missing") : value;
  }

  private keep(field: string, value: number): number {
    this.placed[field] = value;
    return value;
  }
}

/** Addresses from the first byte to behind the last one of `capacity` images and their halos. */
export function reachOf(tensor: Tensor, capacity: number): { readonly begin: number; readonly end: number } {
  const { base, height, width, channels, pixelStride, rowStride, imageStride, haloTop, haloBottom, haloLeft, haloRight } = tensor;
  const last = (capacity - 1) * imageStride + (height - 1 + haloBottom) * rowStride + (width - 1 + haloRight) * pixelStride + channels;
  return { begin: base - 4 * (haloTop * rowStride + haloLeft * pixelStride), end: base + 4 * last };
}

export function sizes({ height, width, channels }: Tensor): string {
  return `[${height}, ${width}, ${channels}]`;
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : value === null ? "null" : "no number";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
