/** Large arrays travel in parts, so that copying them keeps nothing else on the page waiting. */
import { isTyped, type Typed } from "../training/data.ts";
import { turns } from "../training/fit.ts";
import type { Wire } from "./wire.ts";

/** Bytes of a part, and of what goes in one piece. */
const PART = 1 << 20;

/** Copying goes on so long before other work has its turn. Milliseconds. */
const SLICE = 2;

const PLACEHOLDER = "convlet part";

interface Part {
  readonly key: number;
  /** Elements of the whole. */
  readonly length: number;
  readonly offset: number;
  readonly data: Typed;
}

let keys = 0;

/** The same value with large arrays replaced by where they are in the worker, to which they have been sent. */
export async function sentInParts(value: unknown, wire: Wire): Promise<unknown> {
  if (isTyped(value)) return value.byteLength > PART && value.buffer instanceof ArrayBuffer ? sentArray(value, wire) : value;
  if (Array.isArray(value) && value.some((item) => typeof item === "object")) return Promise.all(value.map((item) => sentInParts(item, wire)));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = await Promise.all(Object.entries(value).map(async ([name, item]) => [name, await sentInParts(item, wire)] as const));
  return Object.fromEntries(entries);
}

async function sentArray(array: Typed, wire: Wire): Promise<object> {
  const key = ++keys;
  const step = PART / array.BYTES_PER_ELEMENT;
  const turn = turns(SLICE);
  for (let offset = 0; offset < array.length; offset += step) {
    const data = array.slice(offset, offset + step);
    wire.send("part", [{ key, length: array.length, offset, data }], [data.buffer]);
    await turn();
  }
  return { [PLACEHOLDER]: key };
}

/** Arrays on their way. */
export class Parts {
  private readonly arrays = new Map<number, Typed>();

  add({ key, length, offset, data }: Part): void {
    let array = this.arrays.get(key);
    if (array === undefined) {
      array = new (data.constructor as new (length: number) => Typed)(length);
      this.arrays.set(key, array);
    }
    array.set(data, offset);
  }

  take(key: number): Typed {
    const array = this.arrays.get(key)!;
    this.arrays.delete(key);
    return array;
  }
}

/** The value as it was before `sentInParts`. */
export function assembled<T>(value: T, parts: Parts): T {
  const whole = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.every((each) => typeof each !== "object") ? item : item.map(whole);
    if (typeof item !== "object" || item === null || Object.getPrototypeOf(item) !== Object.prototype) return item;
    if (PLACEHOLDER in item) return parts.take(item[PLACEHOLDER] as number);
    return Object.fromEntries(Object.entries(item).map(([name, each]) => [name, whole(each)]));
  };
  return whole(value) as T;
}
