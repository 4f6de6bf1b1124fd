/** A program file is refused, or runs inside its own memory and ends: whoever wrote it. */
import { describe, expect, test } from "vitest";
import { FIRST_FREE } from "../../build/records.ts";
import { FileFormatError } from "../../src/formats/safetensors.ts";
import { load, type RunModel } from "../../src/run.ts";
import { samplesFor } from "../support/exportable.ts";
import { changed, files, type Loose } from "../support/programFiles.ts";
import { readSafetensors } from "../support/safetensors.ts";

/** Small, fast, seeded: for choices, not for statistics. */
function chooser(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

/** All places of a JSON value: [holder, key]. */
function places(value: Loose, found: [Loose, string | number][] = []): [Loose, string | number][] {
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    if (typeof value[key] === "object" && value[key] !== null) places(value[key], found);
  }
  return found;
}

const HOSTILE = [
  -1,
  0,
  1,
  2,
  3,
  5,
  8,
  64,
  255,
  4096,
  65536,
  2 ** 20,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  1e308,
  0.5,
  null,
  "1",
  true,
  [],
  {},
];
const NUDGES = [-64, -4, -1, 1, 4, 64];

function mutate(json: Loose, choose: (below: number) => number): void {
  const all = places(json.programs);
  const numbers = all.filter(([holder, key]) => typeof holder[key] === "number");
  for (let changes = 1 + choose(3); changes > 0; changes--) {
    const [holder, key] = choose(4) === 0 ? all[choose(all.length)] : numbers[choose(numbers.length)];
    const kind = choose(6);
    if (kind === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (kind === 0) delete holder[key];
    else if (kind <= 2 && typeof holder[key] === "number") holder[key] += NUDGES[choose(NUDGES.length)];
    else if (kind === 3) {
      const [other, otherKey] = numbers[choose(numbers.length)];
      holder[key] = other[otherKey];
    } else holder[key] = HOSTILE[choose(HOSTILE.length)];
  }
}

/** Everything of a model's memory that no program may write: constants and header but for its first words, weights, tables. */
function untouchable(model: RunModel): Uint8Array {
  const { memory, file, prepared } = model as Loose;
  const bytes = new Uint8Array(memory.buffer);
  const arena = Math.min(...[...prepared.values()].map((each: Loose) => each.arena));
  const preparedBytes = file.programs.map((program: Loose) => program.preparedBytes);
  const copy = bytes.slice(0, arena);
  // The run header, and where `prepare` writes.
  copy.fill(0, 64, 128);
  let at = FIRST_FREE + file.stateBytes;
  for (const [index, program] of file.programs.entries()) {
    at = Math.ceil((at + (index === 0 ? 64 : 0)) / 64) * 64;
    copy.fill(0, at, at + preparedBytes[index]);
    at = Math.ceil((at + preparedBytes[index] + 64) / 64) * 64;
    at =
      Math.ceil(
        (at +
          44 * program.tensors.length +
          program.steps.length * 20 +
          4 * program.steps.reduce((sum: number, step: Loose) => sum + Object.keys(step.fields).length, 0)) /
          64,
      ) * 64;
  }
  return copy;
}

describe("random mutations either are refused or run to their end, writing where they may", () => {
  const MUTATIONS = 200;

  test.each([...files.keys()])("%s", { timeout: 120_000 }, async (name) => {
    const choose = chooser(12345);
    const counts = { refused: 0, ran: 0 };
    for (let round = 0; round < MUTATIONS; round++) {
      const bytes = changed(name, (json) => mutate(json, choose));
      let model: RunModel;
      try {
        model = await load(bytes, { machine: "wasm", numerics: "strict" });
      } catch (reason) {
        expect(reason, `round ${round}`).toBeInstanceOf(FileFormatError);
        counts.refused++;
        continue;
      }
      for (const count of [1, 4]) {
        const x = samplesFor(model, count);
        await model.predictAll(x.length === 1 ? x[0] : x);
        if (count === 1) continue;
        const before = untouchable(model);
        await model.predictAll(x.length === 1 ? x[0] : x);
        expect(Buffer.compare(untouchable(model), before), `round ${round}`).toBe(0);
        const { memory, file } = model as Loose;
        const { tensors } = readSafetensors(bytes);
        for (const [{ name: weight }, offset] of file.offsets) {
          const { data } = tensors.get(weight)!;
          expect(
            Buffer.compare(
              Buffer.from(memory.buffer, FIRST_FREE + offset, data.byteLength),
              Buffer.from(data.buffer, data.byteOffset, data.byteLength),
            ),
          ).toBe(0);
        }
      }
      model.dispose();
      counts.ran++;
    }
    // Neither side is empty: the mutations are neither all obvious nor all harmless.
    expect(counts.refused).toBeGreaterThan(MUTATIONS / 4);
    expect(counts.ran).toBeGreaterThan(MUTATIONS / 50);
  });
});
