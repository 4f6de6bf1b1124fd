/** The playground's own arithmetic and its addresses, against the library. */
import { afterEach, describe, expect, test } from "vitest";
import { layersOf } from "../../examples/playground/network/layers.ts";
import { strokePixels, strokesOf, strokesText } from "../../examples/playground/network/strokes.ts";
import { pooledAt, sumAt } from "../../examples/playground/network/sums.ts";
import { codeOf } from "../../examples/playground/ox/code.ts";
import { letter, moved, placements } from "../../examples/playground/ox/drawings.ts";
import { Lab } from "../../examples/playground/ox/lab.ts";
import { permute } from "../../examples/playground/ox/permutation.ts";
import { fromHash, GOOD_SEED, type Move, type OxState, PIXELS, stepsOf, toHash, UNLUCKY_SEED, withMove } from "../../examples/playground/ox/state.ts";
import { arithmeticOf, filledAt, firstStepOf, LAST_STEP, largestDifference, placeOf, windowAt } from "../../examples/playground/ox/walk.ts";
import * as convlet from "../../src/index.ts";
import { channelOf } from "../../src/inspect/maps.ts";

/** Sums of at most 400 products of numbers around 1, in another order. */
const SAME = 1e-5;

const START: OxState = { drawing: letter(1), seed: GOOD_SEED, pooling: "max", permuted: false, step: 1, moves: [] };
const labs: Lab[] = [];

async function labOf(seed: number, permuted: boolean, moves: readonly Move[] = []): Promise<Lab> {
  const lab = await Lab.create(seed, permuted);
  labs.push(lab);
  for (const move of moves) await lab.repeat(move);
  return lab;
}

afterEach(() => {
  for (const lab of labs.splice(0)) lab.dispose();
});

describe("the walk", () => {
  test("has a step for every number, and each stage begins where the one before ends", () => {
    expect(LAST_STEP).toBe(29);
    expect(placeOf(firstStepOf("pooling"))).toEqual({ stage: "pooling", index: 0 });
    expect(placeOf(LAST_STEP)).toEqual({ stage: "softmax", index: 0 });
    expect([0, 1, 16, 17].map((step) => filledAt(step, "convolution"))).toEqual([0, 1, 16, 16]);
    expect(windowAt(5)).toEqual([7, 8, 9, 13, 14, 15, 19, 20, 21]);
  });

  test.each(["max", "mean"] as const)("%s: every number by hand is the library's", async (pooling) => {
    const lab = await labOf(GOOD_SEED, false, [{ steps: 40 }]);
    const look = await lab.look(pooling, letter(0));
    expect(largestDifference(look, pooling)).toBeLessThan(SAME);
    const wrong = { ...look, map: look.map.map((value, index) => (index === 5 ? value + 0.01 : value)) };
    expect(arithmeticOf(placeOf(firstStepOf("convolution") + 5), wrong, pooling)!.difference).toBeGreaterThan(0.009);
    expect(largestDifference({ ...look, map: look.map.map(() => Number.NaN) }, pooling)).toBeNaN();
  });
});

describe("the address", () => {
  test("holds the whole moment, and the same numbers come of it", async () => {
    const filter = Array.from({ length: 10 }, (_, index) => Math.fround(Math.sin(index) / 3));
    const moves = [{ steps: 30 }, { filter }, { steps: 5 }];
    const state: OxState = { ...START, drawing: moved(letter(0), 1, 0)!, pooling: "mean", permuted: true, step: 17, moves };
    const text = new URLSearchParams(toHash(state)).toString();
    const restored = fromHash(new URLSearchParams(text), START);
    expect(restored).toEqual(state);
    const looks = [state, restored].map(async ({ seed, permuted, moves, pooling, drawing }) =>
      (await labOf(seed, permuted, moves)).look(pooling, drawing),
    );
    const [before, after] = await Promise.all(looks);
    expect(after).toEqual(before);
  });

  test.each([
    ["draw=zz&seed=-1&pool=min&step=30&mix=2", START],
    ["seed=1e99&step=1.5", START],
    ["", START],
  ])("%j: what is wrong is as at the start", (text, expected) => {
    expect(fromHash(new URLSearchParams(text), START)).toEqual(expected);
  });

  test.each([
    ["99999", []],
    ["20~f1_2", [{ steps: 20 }]],
    ["20~f1_2_3_4_5_6_7_8_9_1000", [{ steps: 20 }]],
    ["20~19981", [{ steps: 20 }]],
  ])("training %j stops at what is wrong, or too long", (run, moves) => {
    expect(fromHash(new URLSearchParams({ run }), START).moves).toEqual(moves);
  });

  test("neighbours of a kind become one move", () => {
    const filter = new Array<number>(10).fill(1);
    const moves = [{ steps: 1 }, { steps: 2 }, { filter }, { filter }, { steps: 4 }].reduce<Move[]>(withMove, []);
    expect(moves).toEqual([{ steps: 3 }, { filter }, { steps: 4 }]);
    expect(stepsOf(moves)).toBe(7);
  });
});

describe("the lessons hold", () => {
  test("the good seed learns to tell letters at places it never saw; the MLP does not", async () => {
    const lab = await labOf(GOOD_SEED, false, [{ steps: 600 }]);
    expect(await lab.scores("max")).toEqual({ seen: 1, unseen: 1 });
    expect(await lab.scores("mean")).toEqual({ seen: 1, unseen: 1 });
    expect(await lab.scores("mlp")).toEqual({ seen: 1, unseen: 0 });
  });

  test("permuted pixels take the lead away", async () => {
    const lab = await labOf(GOOD_SEED, true, [{ steps: 600 }]);
    expect((await lab.scores("max")).unseen).toBeLessThan(0.5);
    expect([...permute(Array.from({ length: PIXELS }, (_, pixel) => pixel))].sort((a, b) => a - b)).toEqual(
      Array.from({ length: PIXELS }, (_, pixel) => pixel),
    );
  });

  test("the unlucky seed is dead, and stays so", async () => {
    const lab = await labOf(UNLUCKY_SEED, false, [{ steps: 50 }]);
    expect(await lab.deadLayer("max")).toBe("relu");
    const { gradient } = await lab.look("max", letter(0));
    expect(gradient.every((value) => value === 0)).toBe(true);
    expect(await (await labOf(GOOD_SEED, false)).deadLayer("max")).toBeNull();
  });

  test("a letter stands at nine places", () => {
    expect(placements(letter(0))).toMatchObject({ rows: 3, columns: 3, current: 4 });
    expect(moved(letter(0), 2, 0)).toBeNull();
  });
});

test("the code to copy makes the same network", async () => {
  const lab = await labOf(GOOD_SEED, false, [{ steps: 20 }]);
  const code = codeOf(lab.models.max, START, START.drawing);
  const body = code.replace(/^import .*$/m, "").replace(/^console\.log\(.*$/m, "return data;");
  const names = Object.keys(convlet).filter((name) => new RegExp(`\\b${name}\\(`).test(code));
  expect(
    code
      .match(/import \{ (.*) \}/)![1]
      .split(", ")
      .sort(),
  ).toEqual(names.sort());
  const run = new Function("convlet", `const { ${names.join(", ")} } = convlet; return (async () => {${body}})();`);
  const [, shareOfX] = (await run(convlet)) as Float32Array;
  expect((await lab.probabilitiesOfX("max", [START.drawing]))[0]).toBe(shareOfX);
});

describe("sums of any convolution", () => {
  const x = convlet.input({ shape: [11, 9, 3] });
  const layers = [
    convlet.conv2d({ filters: 4, kernelSize: [3, 2], padding: "same", strides: 2, activation: "relu", name: "strided" }),
    convlet.depthwiseConv2d({ kernelSize: 3, padding: "same", depthMultiplier: 2, name: "depthwise" }),
    convlet.conv2d({ filters: 6, kernelSize: 2, dilationRate: 2, groups: 2, name: "grouped" }),
    convlet.averagePooling2d({ poolSize: 2, strides: 1, name: "pool" }),
  ];
  const model = convlet.model({ inputs: x, outputs: layers.reduce((value, layer) => layer.apply(value), x) }, { seed: 5 });

  test("by hand are the library's", async () => {
    const data = Float32Array.from({ length: 11 * 9 * 3 }, (_, index) => Math.sin(index * 7));
    const values: Record<string, convlet.TensorData> = { ...(await model.activations(data)), picture: { data, shape: [1, 11, 9, 3] } };
    for (const { name, shape, convolution, pooling } of layersOf(model)) {
      const [height, width, channels] = shape;
      const input = values[(convolution ?? pooling)!.source ?? "picture"];
      for (let at = 0; at < height * width * channels; at++) {
        const [channel, position] = [at % channels, { y: Math.floor(at / channels / width), x: Math.floor(at / channels) % width }];
        const byHand = convolution ? sumAt(convolution, input, channel, position).result : pooledAt(pooling!, channelOf(input, 0, channel), position);
        expect(Math.abs(byHand! - values[name].data[at]), `${name} ${at}`).toBeLessThan(SAME);
      }
    }
  });
});

describe("strokes", () => {
  test("survive the address", () => {
    const strokes = [
      [0, 255, 128, 64],
      [3, 3],
    ];
    expect(strokesOf(strokesText(strokes))).toEqual(strokes);
    expect(strokesOf("")).toEqual([]);
    expect(["!!", "A", "QQ"].map(strokesOf)).toEqual([null, null, null]);
  });

  test("are black on white, or white on black", () => {
    const [black, white] = (["black", "white"] as const).map((ink) => strokePixels([[128, 128]], ink));
    const middle = 4 * (56 * 112 + 56);
    expect([black.data[0], black.data[middle], white.data[0], white.data[middle]]).toEqual([255, 0, 0, 255]);
  });
});
