/** A program file that does not keep its promises is refused with one clear error that names the field. */
import { describe, expect, test } from "vitest";
import { FileFormatError, type NamedTensor } from "../../src/formats/safetensors.ts";
import { load } from "../../src/run.ts";
import { changed, files, type Loose, stepOf } from "../support/programFiles.ts";

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
      "programs has 0 entries, needs 1 to 16",
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
      "programs[0].tensors[0].base is -4, needs a whole number from 0 to",
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
      "programs[0].tensors[0] has strides that let pixels overlap",
    ],
    ["a million rows seen at once", (json) => void Object.assign(json.programs[0].tensors[0], { height: 2 ** 30, rowStride: 0 }), "overlap"],
    [
      "a port that is no tensor",
      (json) => {
        json.programs[0].inputs[0] = 99;
      },
      "programs[0].inputs[0] is 99, needs a whole number from 0 to",
    ],
    [
      "a port by name",
      (json) => {
        json.programs[0].outputs[0] = "length";
      },
      'programs[0].outputs[0] is "length", needs a whole number from 0 to',
    ],
    [
      "an output of another size",
      (json) => {
        json.outputs[0].shape = [4];
      },
      "programs[0].outputs[0] is a tensor that does not hold [4]",
    ],
    [
      "class names of another number",
      (json) => {
        json.classNames = ["a"];
      },
      "classNames has 1 entries, needs 3",
    ],
    [
      "an unknown kernel",
      (json) => {
        json.programs[0].steps[0].kernel = "adamUpdate";
      },
      'steps[0].kernel is "adamUpdate", needs one of copy, ',
    ],
    [
      "a kernel by prototype",
      (json) => {
        json.programs[0].steps[0].kernel = "toString";
      },
      'steps[0].kernel is "toString", needs one of copy, ',
    ],
    [
      "another section",
      (json) => {
        json.programs[0].steps[0].section = "update";
      },
      'section is "update", needs one of prepare, forward',
    ],
    [
      "an unknown field",
      (json) => {
        stepOf(json, "pool2dOutput").fields.more = 1;
      },
      '(pool2dOutput "maxPooling2d") has no "more", knows input, output, ',
    ],
    [
      "a missing field",
      (json) => void delete stepOf(json, "pool2dOutput").fields.kind,
      '(pool2dOutput "maxPooling2d").kind is missing, needs one of 1, 2',
    ],
    [
      "a weight that is not there",
      (json) => {
        stepOf(json, "packWeights").fields.weight = { weight: "x" };
      },
      '.weight.weight is "x", which is no tensor of the file',
    ],
    [
      "a weight too small",
      (json) => {
        stepOf(json, "packWeights").fields.weight = { weight: "conv2d/bias" };
      },
      ").weight needs 45 floats, has 5",
    ],
    [
      "panels past the prepared",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { prepared: 2 ** 20 };
      },
      ".panels.prepared is 1048576, needs a whole number from 0 to",
    ],
    [
      "writing to weights",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { weight: "dense/kernel" };
      },
      ").panels is written, and not a prepared",
    ],
    [
      "an arena offset for an array",
      (json) => {
        stepOf(json, "packWeights").fields.panels = { arena: 0 };
      },
      '.panels has no "arena", knows prepared',
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
      ").groups is 0, needs a whole number from 1",
    ],
    [
      "an unknown algorithm",
      (json) => {
        stepOf(json, "conv2dOutput").fields.algorithm = 77;
      },
      ").algorithm is 77, needs one of",
    ],
    [
      "Winograd where it does not fit",
      (json) => {
        stepOf(json, "conv2dOutput").fields.algorithm = 3;
      },
      /\)\.(?:panels|scratchBytes|algorithm) /,
    ],
    ["no scratch", (json) => void delete stepOf(json, "conv2dOutput").scratchBytes, ").scratchBytes is 0, needs"],
    [
      "scratch past the arena",
      (json) => {
        stepOf(json, "conv2dOutput").scratch = 64 * 2 ** 20;
      },
      "steps[2].scratch is 67108864, needs a whole number from 0 to",
    ],
    [
      "scratch that lies askew",
      (json) => {
        stepOf(json, "conv2dOutput").scratch += 4;
      },
      ").scratch does not lie in the arena",
    ],
    ["scratch that the step writes to", overlappingScratch, ").scratch overlaps a tensor of the step"],
    [
      "scratch for a kernel without",
      (json) => {
        stepOf(json, "pool2dOutput").scratchBytes = 64;
      },
      ").scratch is given to a kernel that has none",
    ],
    [
      "a pooling window beside the image",
      (json) => {
        stepOf(json, "pool2dOutput").fields.padTop = 2;
      },
      ").padTop leaves a window without rows",
    ],
    [
      "a pooling window whose end no number reaches",
      (json) => {
        stepOf(json, "pool2dOutput").fields.windowWidth = 2 ** 31 - 1;
      },
      ").windowWidth makes the last window end beyond 2^31 columns",
    ],
    [
      "an argmax nobody reads",
      (json) => {
        stepOf(json, "pool2dOutput").fields.argmax = { prepared: 0 };
      },
      ").argmax must be null",
    ],
    [
      "operands of unequal size",
      (json) => {
        stepOf(json, "softmaxOutput").fields.input = { tensor: 0 };
      },
      ").input is [8, 8, 1], needs [1, 1, 3]",
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
      "programs[0].steps has 10001 entries, needs 0 to 10000",
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

  test("a step that adds, as only gradients are", async () => {
    const bytes = changed("branches", (json) => {
      stepOf(json, "binaryOutput").fields.write = 1;
    });
    expect(await refusal(bytes)).toContain(").write is 1, needs one of 0");
  });

  test("a broadcast tensor where it would be written", async () => {
    const bytes = changed("branches", (json) => {
      const [program] = json.programs;
      const number = program.tensors.findIndex(({ pixelStride }: Loose) => pixelStride === 0);
      expect(number).toBeGreaterThanOrEqual(0);
      stepOf(json, "softmaxOutput").fields.output = { tensor: number };
    });
    expect(await refusal(bytes)).toContain(").output is a broadcast tensor");
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
