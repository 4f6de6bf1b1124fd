/** From pixels to labels: the public call, its options in the file, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isA } from "../../src/image/pixels.ts";
import * as convlet from "../../src/index.ts";

const { dense, flatten, load, sequential } = convlet;

/** Class 0 sees brightness on the left, class 1 on the right, class 2 nothing: [2, 2, 1] → 3. */
function eyes(options: convlet.ModelOptions = {}): convlet.Model {
  const model = sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units: 3, activation: "softmax" })], { seed: 1, ...options });
  model.setWeights([Float32Array.from([1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]), new Float32Array(3)]);
  return model;
}

/** White on the left or on the right. */
function half(side: "left" | "right") {
  const data = new Uint8ClampedArray(2 * 2 * 4).fill(255);
  for (let index = side === "left" ? 1 : 0; index < 4; index += 2) data.set([0, 0, 0], index * 4);
  return { data, width: 2, height: 2 };
}

let model: convlet.Model;
beforeAll(() => {
  model = eyes({ classNames: ["left", "right", "dark"], preprocessing: { fit: "fill" } });
});
afterAll(() => model.dispose());

describe("classify", () => {
  test("gives labels and probabilities, the best first", async () => {
    const result = await model.classify(half("right"), { top: 2 });
    expect(result.map(({ label, index }) => [label, index])).toEqual([
      ["right", 1],
      ["left", 0],
    ]);
    const total = Math.exp(2) + 2;
    expect(result[0].probability).toBeCloseTo(Math.exp(2) / total, 6);
    expect(result[1].probability).toBeCloseTo(1 / total, 6);
    expect((await model.classify(half("left")))[0].label).toBe("left");
  });

  test("without names labels are numbers; top is 5 at most where it is not given", async () => {
    const many = sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units: 7, activation: "softmax" })]);
    const result = await many.classify(half("left"));
    expect(result).toHaveLength(5);
    for (const { label, index } of result) expect(label).toBe(String(index));
    expect(await many.classify(half("left"), { top: 100 })).toHaveLength(7);
    many.dispose();
  });

  test("one output tells two classes apart", async () => {
    const yes = sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units: 1, activation: "sigmoid" })], { classNames: ["no", "yes"] });
    yes.setWeights([new Float32Array(4), Float32Array.from([Math.log(3)])]);
    const [first, second] = await yes.classify(half("left"));
    expect([first.label, first.index, second.label]).toEqual(["yes", 1, "no"]);
    expect(first.probability).toBeCloseTo(0.75, 6);
    yes.dispose();
  });

  test("a model whose loss took logits gives probabilities all the same", async () => {
    const logits = sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units: 3 })], { preprocessing: { fit: "fill" } });
    logits.setWeights(model.getWeights());
    logits.compile({ loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }) });
    const [[best], [expected]] = [await logits.classify(half("right")), await model.classify(half("right"))];
    expect(best.probability).toBeCloseTo(expected.probability, 6);
    logits.dispose();
  });

  test("200,000 classes as logits", async () => {
    const many = sequential([flatten({ inputShape: [1, 1, 1] }), dense({ units: 200_000 })]);
    many.compile({ loss: convlet.sparseCategoricalCrossentropy({ fromLogits: true }) });
    const [{ probability }] = await many.classify(half("right"), { top: 1 });
    expect(probability).toBeGreaterThan(0);
    many.dispose();
  });

  test("preprocessing and class names travel in the file, and to a clone", async () => {
    const preprocessing = { fit: "contain", background: 3, scale: 0.5, mean: [0.25], std: 2 } as const;
    const original = eyes({ classNames: ["a", "b", "c"], preprocessing });
    const [loaded, copy] = [await load(original.toBytes()), original.clone()];
    for (const each of [loaded, copy]) {
      expect(each.preprocessing).toEqual(preprocessing);
      expect(await each.classify(half("left"))).toEqual(await original.classify(half("left")));
    }
    expect(Buffer.compare(loaded.toBytes(), original.toBytes())).toBe(0);
    for (const each of [original, loaded, copy]) each.dispose();
  });
});

const flat = (units: number) => sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units })]);
const rgba = "needs RGBA bytes in a Uint8ClampedArray or Uint8Array";
const picture = (change: object) => () => model.classify({ ...half("left"), ...change } as never);

describe("refused", () => {
  test.each<[string, () => Promise<unknown>, ErrorConstructor, string]>([
    [
      "nothing",
      () => model.classify(undefined as never),
      TypeError,
      "classify: got undefined, needs ImageData or { data, width, height } with RGBA bytes",
    ],
    [
      "a tensor",
      () => model.classify({ data: new Float32Array(4), shape: [2, 2, 1] } as never),
      TypeError,
      "classify: got an object, needs ImageData or { data, width, height } with RGBA bytes",
    ],
    ["floats", picture({ data: new Float32Array(16) }), TypeError, `classify: data is a Float32Array, ${rgba}`],
    ["no data", picture({ data: undefined }), TypeError, `classify: data is undefined, ${rgba}`],
    ["no pixels", picture({ width: 0 }), RangeError, "classify: the picture is 0 x 2 pixels, needs at least 1 x 1"],
    ["half a pixel", picture({ height: 0.5 }), RangeError, "classify: the picture is 2 x 0.5 pixels, needs at least 1 x 1"],
    ["RGB", picture({ data: new Uint8Array(12) }), RangeError, "classify: 2 x 2 pixels have 12 bytes, need 16: red, green, blue, alpha"],
    ["an empty Blob", () => model.classify(new Blob([])), RangeError, "classify: the Blob is empty"],
    [
      "a Blob in Node",
      () => model.classify(new Blob(["x"])),
      TypeError,
      "classify: here is nothing to decode the Blob; decode it to { data, width, height }",
    ],
    ["top 0", () => model.classify(half("left"), { top: 0 }), RangeError, "classify: top is 0, needs a whole number ≥ 1"],
    ["a misspelt option", () => model.classify(half("left"), { best: 1 } as never), TypeError, 'classify: unknown option "best"; known: top'],
    [
      "a model of rows",
      () => sequential([dense({ units: 2, inputShape: [4] })]).classify(half("left")),
      RangeError,
      "classify: the model's input is [4], pictures need [height, width, 1] (grey) or [height, width, 3] (RGB)",
    ],
    [
      "a model of maps",
      () => sequential([dense({ units: 2, inputShape: [2, 2, 1] })]).classify(half("left")),
      RangeError,
      "classify: the model's output is [2, 2, 2], needs one value per class",
    ],
  ])("%s", async (_, attempt, kind, message) => {
    const error = await attempt().then(
      () => undefined,
      (reason) => reason,
    );
    expect(error?.message).toBe(message);
    expect(error.constructor).toBe(kind);
  });

  const options = (preprocessing: object) => () => eyes({ preprocessing });
  test.each<[string, () => unknown, ErrorConstructor, string]>([
    [
      "a misspelt option",
      options({ size: 3 }),
      TypeError,
      'preprocessing: unknown option "size"; known: fit, background, trim, invert, scale, mean, std',
    ],
    ["an unknown fit", options({ fit: "crop" }), RangeError, 'preprocessing: fit is "crop", needs "cover" or "contain" or "fill"'],
    ["a background of 256", options({ background: 256 }), RangeError, "preprocessing: background is 256, needs a finite number ≥ 0 and ≤ 255"],
    ["a trim that leaves nothing", options({ trim: 1 }), RangeError, "preprocessing: trim is 1, needs a whole number ≥ 0 and < 1"],
    ["trim and fit", options({ trim: 0, fit: "cover" }), TypeError, "preprocessing: got fit and trim, needs at most one of them"],
    ["invert 1", options({ invert: 1 }), TypeError, "preprocessing: invert is 1, needs true or false"],
    ["scale 0", options({ scale: 0 }), RangeError, "preprocessing: scale is 0, needs a finite number > 0"],
    ["std 0", options({ std: [0] }), RangeError, "preprocessing: std is 0, needs a finite number > 0"],
    ["three means of one channel", options({ mean: [1, 2, 3] }), RangeError, "preprocessing: mean has 3 numbers, needs 1, one per channel"],
    ["a mean of NaN", options({ mean: Number.NaN }), RangeError, "preprocessing: mean is NaN, needs a finite number"],
    ["a mean of text", options({ mean: "0" }), TypeError, 'preprocessing: mean is "0", needs a number or 1 of them'],
    [
      "an input that is no picture",
      () => sequential([dense({ units: 2, inputShape: [4] })], { preprocessing: {} }),
      RangeError,
      "preprocessing: the model's input is [4], pictures need [height, width, 1] (grey) or [height, width, 3] (RGB)",
    ],
  ])("%s", (_, attempt, kind, message) => {
    let error: Error | undefined;
    try {
      attempt();
    } catch (reason) {
      error = reason as Error;
    }
    expect(error?.message).toBe(message);
    expect(error?.constructor).toBe(kind);
  });
});

test("kinds of pictures are told by name, through subclasses and other frames", () => {
  class HTMLCanvasElement {
    get [Symbol.toStringTag]() {
      return "HTMLCanvasElement";
    }
  }
  class MyCanvas extends HTMLCanvasElement {}
  expect(isA("HTMLCanvasElement", new MyCanvas())).toBe(true);
  expect(isA("HTMLVideoElement", new MyCanvas())).toBe(false);
  expect(isA("Blob", null)).toBe(false);
  expect(flat(2).preprocessing).toBeUndefined();
});
