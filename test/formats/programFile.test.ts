/** A run file is refused with one clear error, or runs inside its own memory and ends: whoever wrote it. */
import { describe, expect, test } from "vitest";
import { FIRST_FREE } from "../../build/records.ts";
import { PROGRAM_KEY } from "../../src/formats/programFile.ts";
import { FileFormatError, type NamedTensor, readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { exportProgram } from "../../src/index.ts";
import { load, type RunModel } from "../../src/run.ts";
import { exportable, samplesFor } from "../support/exportable.ts";

// biome-ignore lint/suspicious/noExplicitAny: the tests put into the JSON what must not be there.
type Loose = any;

const files = new Map(Object.entries(exportable).map(([name, build]) => [name, exportProgram(build({ machine: "plain" }), { batchSize: 3 })]));

/** The file with its JSON changed and a right checksum. */
function changed(name: string, change: (json: Loose, tensors: NamedTensor[]) => Loose): Uint8Array {
  const { tensors, metadata } = readSafetensors(files.get(name)!);
  const list = [...tensors].map(([key, tensor]) => ({ name: key, ...tensor }) as NamedTensor);
  const json = JSON.parse(metadata.get(PROGRAM_KEY)!);
  const replaced = change(json, list);
  return writeSafetensors(list, { [PROGRAM_KEY]: typeof replaced === "string" ? replaced : JSON.stringify(json) });
}

const stepOf = (json: Loose, kernel: string) => json.programs[0].steps.find((step: Loose) => step.kernel === kernel);

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    (await load(bytes, { machine: "plain" })).dispose();
  } catch (reason) {
    expect(reason).toBeInstanceOf(FileFormatError);
    return (reason as Error).message;
  }
  return "accepted";
}

describe("refuses, naming the field,", () => {
  const net = "plainConvolution";
  const cases: [string, (json: Loose, tensors: NamedTensor[]) => Loose, string | RegExp][] = [
    ["text that is no JSON", () => "{", 'metadata "convlet.program" is no JSON'],
    ["a key that comes twice", () => '{"format":1,"format":1}', 'metadata "convlet.program" names "format" twice'],
    [
      "a newer format",
      (json) => {
        json.format = 2;
      },
      "format 2 is newer than this library, which runs up to 1; update it",
    ],
    [
      "no programs",
      (json) => {
        json.programs = [];
      },
      "programs is empty",
    ],
    ["programs out of order", (json) => void json.programs.reverse(), "programs must grow in capacity"],
    [
      "a capacity of 0",
      (json) => {
        json.programs[0].capacity = 0;
      },
      /programs\[0\]\.capacity is 0, needs a whole number from 1 to 65536/,
    ],
    [
      "a huge arena",
      (json) => {
        json.programs[0].arenaBytes = 2 ** 40;
      },
      /programs\[0\]\.arenaBytes is 1099511627776, needs a whole number/,
    ],
    [
      "a fractional arena",
      (json) => {
        json.programs[0].arenaBytes = 64.5;
      },
      /arenaBytes is 64.5/,
    ],
    [
      "an arena too small",
      (json) => {
        json.programs[0].arenaBytes = 64;
      },
      "does not lie in the arena of 64 bytes",
    ],
    [
      "a tensor before the arena",
      (json) => {
        json.programs[0].tensors[0].base = -4;
      },
      "programs[0].tensors[0].base is -4, needs a whole number ≥ 0",
    ],
    [
      "a tensor between two floats",
      (json) => {
        json.programs[0].tensors[0].base += 2;
      },
      "programs[0].tensors[0] does not lie in the arena",
    ],
    [
      "a tensor past the arena",
      (json) => {
        json.programs[0].tensors[0].base += 2 ** 20;
      },
      "programs[0].tensors[0] does not lie in the arena",
    ],
    [
      "a halo before the arena",
      (json) => {
        json.programs[0].tensors[0].haloTop = 1;
      },
      /tensors\[0\]/,
    ],
    [
      "pixels that overlap",
      (json) => {
        json.programs[0].tensors[0].rowStride = 1;
      },
      "programs[0].tensors[0]: its strides let pixels overlap",
    ],
    ["a million rows seen at once", (json) => void Object.assign(json.programs[0].tensors[0], { height: 2 ** 30, rowStride: 0 }), "overlap"],
    [
      "a port that is no tensor",
      (json) => {
        json.programs[0].inputs[0] = 99;
      },
      "programs[0].inputs[0] is no tensor's number",
    ],
    [
      "a port by name",
      (json) => {
        json.programs[0].outputs[0] = "length";
      },
      "programs[0].outputs[0] is no tensor's number",
    ],
    [
      "an output of another size",
      (json) => {
        json.outputs[0].shape = [4];
      },
      "programs[0].outputs[0]: its tensor does not hold [4]",
    ],
    [
      "class names of another number",
      (json) => {
        json.classNames = ["a"];
      },
      "classNames must be 3 texts",
    ],
    [
      "an unknown kernel",
      (json) => {
        json.programs[0].steps[0].kernel = "adamUpdate";
      },
      'there is no kernel "adamUpdate"',
    ],
    [
      "a kernel by prototype",
      (json) => {
        json.programs[0].steps[0].kernel = "toString";
      },
      'there is no kernel "toString"',
    ],
    [
      "another section",
      (json) => {
        json.programs[0].steps[0].section = "update";
      },
      'section must be "prepare" or "forward"',
    ],
    [
      "an unknown field",
      (json) => {
        stepOf(json, "pool2dOutput").fields.more = 1;
      },
      'pool2dOutput has no field "more"',
    ],
    ["a missing field", (json) => void delete stepOf(json, "pool2dOutput").fields.kind, "field kind is missing"],
    [
      "a weight that is not there",
      (json) => {
        stepOf(json, "packWeights").fields.weight = { weight: "x" };
      },
      "field weight names no array",
    ],
    [
      "a weight too small",
      (json) => {
        stepOf(json, "packWeights").fields.weight = { weight: "conv2d/bias" };
      },
      "field weight needs 45 floats, has 5",
    ],
    [
      "panels past the prepared",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { prepared: 2 ** 20 };
      },
      "field panels needs",
    ],
    [
      "writing to weights",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { weight: "dense/kernel" };
      },
      "field panels is written, and not a prepared",
    ],
    [
      "an arena offset for an array",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { arena: 0 };
      },
      "field panels names no array",
    ],
    [
      "a window past the halo",
      (json) => {
        stepOf(json, "conv2dOutput").fields.windowHeight = 4;
      },
      "makes the window reach past the halo's rows",
    ],
    [
      "a stride past the image",
      (json) => {
        stepOf(json, "conv2dOutput").fields.strideX = 2;
      },
      "makes the window reach past the halo's columns",
    ],
    [
      "a dilation that overflows",
      (json) => {
        stepOf(json, "conv2dOutput").fields.dilationY = 2 ** 31 - 1;
      },
      "reach past the halo's rows",
    ],
    [
      "groups of 0",
      (json) => {
        stepOf(json, "conv2dOutput").fields.groups = 0;
      },
      "field groups is 0, needs a whole number from 1",
    ],
    [
      "an unknown algorithm",
      (json) => {
        stepOf(json, "conv2dOutput").fields.algorithm = 77;
      },
      "field algorithm is 77, needs one of",
    ],
    [
      "Winograd where it does not fit",
      (json) => {
        stepOf(json, "conv2dOutput").fields.algorithm = 3;
      },
      /field (?:panels|scratchBytes|algorithm)/,
    ],
    ["no scratch", (json) => void delete stepOf(json, "conv2dOutput").scratchBytes, "field scratchBytes is 0, needs"],
    [
      "scratch past the arena",
      (json) => {
        stepOf(json, "conv2dOutput").scratch = 64 * 2 ** 20;
      },
      "field scratch does not lie in the arena",
    ],
    [
      "scratch that lies askew",
      (json) => {
        stepOf(json, "conv2dOutput").scratch += 4;
      },
      "field scratch does not lie in the arena",
    ],
    ["scratch that the step writes to", overlappingScratch, "field scratch overlaps a tensor of the step"],
    [
      "scratch for a kernel without",
      (json) => {
        stepOf(json, "pool2dOutput").scratchBytes = 64;
      },
      "field scratch is given to a kernel that has none",
    ],
    [
      "a pooling window beside the image",
      (json) => {
        stepOf(json, "pool2dOutput").fields.padTop = 2;
      },
      "field padTop leaves a window without rows",
    ],
    [
      "a pooling window whose end no number reaches",
      (json) => {
        stepOf(json, "pool2dOutput").fields.windowWidth = 2 ** 31 - 1;
      },
      "field windowWidth makes the last window end beyond 2^31 columns",
    ],
    [
      "an argmax nobody reads",
      (json) => {
        stepOf(json, "pool2dOutput").fields.argmax = { prepared: 0 };
      },
      "field argmax must be null",
    ],
    [
      "operands of unequal size",
      (json) => {
        stepOf(json, "softmaxOutput").fields.input = { tensor: 0 };
      },
      "field input is [8, 8, 1], needs [1, 1, 3]",
    ],
    [
      "weights of 64 bits",
      (_, tensors) => void Object.assign(tensors[0], { dtype: "F64", data: Float64Array.from(tensors[0].data) }),
      "is not of float32",
    ],
    [
      "steps without end",
      (json) => {
        json.programs[0].steps = new Array(10_001).fill(json.programs[0].steps[0]);
      },
      "more than 10000",
    ],
    [
      "preprocessing of the wrong kind",
      (json) => {
        json.preprocessing = { trim: -1 };
      },
      "preprocessing: trim is -1",
    ],
  ];

  function overlappingScratch(json: Loose): void {
    const [program] = json.programs;
    const step = stepOf(json, "conv2dOutput");
    step.scratch = program.tensors[step.fields.output.tensor].base;
    program.arenaBytes += 2 ** 16;
  }

  test.each(cases)("%s", async (_, change, message) => {
    const found = await refusal(changed(net, change));
    expect(found).toMatch(/^load: /);
    if (typeof message === "string") expect(found).toContain(message);
    else expect(found).toMatch(message);
  });

  test("a broadcast tensor where it would be written", async () => {
    const bytes = changed("branches", (json) => {
      const [program] = json.programs;
      const number = program.tensors.findIndex(({ pixelStride }: Loose) => pixelStride === 0);
      expect(number).toBeGreaterThanOrEqual(0);
      stepOf(json, "softmaxOutput").fields.output = { tensor: number };
    });
    expect(await refusal(bytes)).toContain("field output is a broadcast tensor");
  });

  test("every prefix of a file, and every change of a byte of it", async () => {
    const whole = files.get(net)!;
    for (let length = 0; length < whole.length; length += 97) expect(await refusal(whole.slice(0, length))).toMatch(/^load: /);
    for (let at = 0; at < whole.length; at += 61) {
      const damaged = whole.slice();
      damaged[at] ^= 1 << (at % 8);
      expect(await refusal(damaged), `byte ${at}`).not.toBe("accepted");
    }
  });
});

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
