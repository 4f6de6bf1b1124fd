/** Reads the fields of a step out of a run file; every way to read one checks it. */
import type { Tensor } from "../../build/records.ts";
import type { Field } from "../field.ts";
import { ALIGNMENT } from "../machine/state.ts";
import { shown } from "../options.ts";
import type { PlacedField, Region } from "../program.ts";

/** Where an array lies and how long it is. */
export interface Extents {
  readonly region: Region;
  readonly offset: number;
  readonly bytes: number;
}

/** What the fields of a program's steps refer to. */
export interface StepContext {
  readonly capacity: number;
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  readonly tensors: readonly Tensor[];
  readonly places: ReadonlyMap<string, Extents>;
}

interface StepPlace extends StepContext {
  readonly section: "prepare" | "forward";
  /** Offset into the arena, at most its length; so is the length of the scratch. */
  readonly scratch: number;
  readonly scratchBytes: number;
}

export class StepReader {
  private readonly placed: Record<string, PlacedField> = {};
  private hasScratch = false;

  constructor(
    private readonly fields: Field,
    private readonly place: StepPlace,
  ) {}

  /** All fields as checked. Fails for scratch that nothing asked for. */
  complete(): Readonly<Record<string, PlacedField>> {
    if (!this.hasScratch && (this.place.scratchBytes !== 0 || this.place.scratch !== 0)) this.fail("scratch", "is given to a kernel that has none");
    return this.placed;
  }

  fail(field: string, problem: string): never {
    return this.fields.get(field).fail(problem);
  }

  wholes(atLeast: number, ...fields: readonly string[]): number[] {
    return fields.map((field) => this.keep(field, this.fields.get(field).whole(atLeast)));
  }

  real(field: string): number {
    return this.keep(field, this.fields.get(field).real());
  }

  choice(field: string, choices: readonly number[]): number {
    return this.keep(field, this.fields.get(field).choice(choices));
  }

  absent(field: string): void {
    if (!this.isNull(field)) this.fail(field, "must be null");
    this.placed[field] = null;
  }

  tensor(field: string): Tensor {
    const given = this.fields.get(field);
    given.allow(["tensor"]);
    const number = given.get("tensor").whole(0, this.place.tensors.length - 1);
    const tensor = this.place.tensors[number];
    if (tensor.pixelStride === 0 && !["left", "right"].includes(field))
      given.fail("is a broadcast tensor, which only operands of binaryOutput may be");
    this.placed[field] = { tensor: number };
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
    return this.fields.get(field).value === null;
  }

  /** An array of at least `count` floats. */
  floats(field: string, count: number): Region {
    const given = this.fields.get(field);
    const { region, offset, bytes } = this.extents(given);
    if (bytes < 4 * count) given.fail(`needs ${count} floats, has ${Math.floor(bytes / 4)}`);
    this.placed[field] = { region, offset };
    return region;
  }

  floatsOrNull(field: string, count: number): void {
    if (this.isNull(field)) this.absent(field);
    else this.floats(field, count);
  }

  /** An array of at least `count` floats that is written: among what section prepare makes, and there alone. */
  targetFloats(field: string, count: number): void {
    if (this.place.section !== "prepare" || this.floats(field, count) !== "prepared")
      this.fail(field, "is written, and not a prepared array of section prepare");
  }

  /** Working memory of `bytes` that shares nothing with the tensors of the step: kernels keep addresses in it. */
  scratch(bytes: number, tensors: readonly Tensor[]): void {
    const { scratch: from, scratchBytes: length, arenaBytes, capacity } = this.place;
    this.hasScratch = true;
    if (length < bytes) this.fail("scratchBytes", `is ${length}, needs ${bytes}`);
    if (from % ALIGNMENT !== 0 || from + length > arenaBytes) this.fail("scratch", "does not lie in the arena");
    for (const tensor of tensors) {
      const { begin, end } = reachOf(tensor, capacity);
      if (begin < from + length && from < end) this.fail("scratch", "overlaps a tensor of the step");
    }
  }

  private extents(given: Field): Extents {
    const { places, preparedBytes } = this.place;
    const weight = given.get("weight");
    if (weight.value !== undefined) {
      given.allow(["weight"]);
      return places.get(weight.text()) ?? weight.fail(`is ${shown(weight.value)}, which is no tensor of the file`);
    }
    given.allow(["prepared"]);
    const prepared = given.get("prepared");
    const offset = prepared.whole(0, preparedBytes);
    if (offset % 4 !== 0) prepared.fail(`is ${offset}, needs a multiple of 4`);
    return { region: "prepared", offset, bytes: preparedBytes - offset };
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

function sizes({ height, width, channels }: Tensor): string {
  return `[${height}, ${width}, ${channels}]`;
}
