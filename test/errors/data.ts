/** Bad samples, labels and batches. */
import { type BadInput, convlet, loose, train, transferred, untrained, x, y } from "./subject.ts";

const { input, model } = convlet;
const EMPTY = "(an array is empty after its buffer was transferred)";

export const badData: BadInput[] = [
  [
    "nothing",
    (m) => m.predict(loose(undefined)),
    TypeError,
    /^predict: x \(input "input"\): got undefined, needs \{ data, shape \}, a typed array or nested/,
  ],
  [
    "text",
    (m) => m.predict(loose("x.png")),
    TypeError,
    /^predict: x \(input "input"\): got "x.png", needs \{ data, shape \}, a typed array or nested/,
  ],
  [
    "wrong rank",
    (m) => m.predict({ data: new Float32Array(16), shape: [16] }),
    RangeError,
    'predict: x (input "input"): shape [16], needs [samples, 4, 4, 1]',
  ],
  [
    "wrong channels",
    (m) => m.predict({ data: new Float32Array(32), shape: [1, 4, 4, 2] }),
    RangeError,
    'predict: x (input "input"): shape [1, 4, 4, 2], needs [samples, 4, 4, 1]',
  ],
  [
    "a length that is no multiple",
    (m) => m.predict(new Float32Array(17)),
    RangeError,
    'predict: x (input "input"): 17 values are no whole number of samples [4, 4, 1], 16 values each',
  ],
  [
    "a length that is not the shape's",
    (m) => m.predict({ ...x, shape: [5, 4, 4, 1] }),
    RangeError,
    'predict: x (input "input"): shape [5, 4, 4, 1] has 80 elements, data has 96',
  ],
  [
    "a shape with NaN",
    (m) => m.predict({ ...x, shape: [Number.NaN, 4, 4, 1] }),
    RangeError,
    'predict: x (input "input"): shape [NaN, 4, 4, 1] has a size that is no whole number, needs [samples, 4, 4, 1]',
  ],
  [
    "a fractional shape",
    (m) => m.predict({ ...x, shape: [6.5, 4, 4, 1] }),
    RangeError,
    'predict: x (input "input"): shape [6.5, 4, 4, 1] has a size that is no whole number, needs [samples, 4, 4, 1]',
  ],
  ["a shape as text", (m) => m.predict(loose({ ...x, shape: "6" })), TypeError, 'predict: x (input "input"): shape is "6", needs [samples, 4, 4, 1]'],
  [
    "a shape of 2^31 samples",
    (m) => m.predict({ ...x, shape: [2 ** 31, 4, 4, 1] }),
    RangeError,
    'predict: x (input "input"): shape [2147483648, 4, 4, 1] has 34359738368 elements, data has 96',
  ],
  [
    "data as text",
    (m) => m.predict(loose({ ...x, data: "abc" })),
    TypeError,
    'predict: x (input "input"): data is "abc", needs a typed array or an array of numbers',
  ],
  [
    "data of texts",
    (m) => m.predict(loose({ ...x, data: ["1"] })),
    TypeError,
    'predict: x (input "input"): data is an array of 1, needs a typed array or an array of numbers',
  ],
  ["64-bit integers", (m) => m.predict(loose(new BigInt64Array(16))), TypeError, /^predict: x \(input "input"\): got a BigInt64Array, needs /],
  [
    "ragged rows",
    (m) =>
      m.predict([
        [
          [[1], [2], [3], [4]],
          [[1], [2], [3], [4]],
          [[1], [2], [3], [4]],
          [[1], [2], [3]],
        ],
      ]),
    RangeError,
    'predict: x (input "input"): [0][3] has 3 items, needs 4 as the first one has',
  ],
  [
    "a hole in the rows",
    (m) => m.predict(loose([[[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], null]])),
    TypeError,
    'predict: x (input "input"): [0][3] is null, needs an array of 4',
  ],
  ["an array of holes", (m) => m.predict(new Array(16)), RangeError, /^predict: x \(input "input"\): shape \[16\], /],
  [
    "a hole in the numbers",
    // biome-ignore lint/suspicious/noSparseArray: it is what is tried.
    (m) => m.predict({ data: [1, 2, 3, , 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4] as number[], shape: [1, 4, 4, 1] }),
    TypeError,
    'predict: x (input "input"): data is an array of 16, needs a typed array or an array of numbers',
  ],
  ["a transferred array", (m) => m.predict(transferred(16)), RangeError, `predict: x (input "input"): got 0 samples, needs at least 1 ${EMPTY}`],
  [
    "a transferred array with its shape",
    (m) => m.predict({ data: transferred(16), shape: [1, 4, 4, 1] }),
    RangeError,
    `predict: x (input "input"): shape [1, 4, 4, 1] has 16 elements, data has 0 ${EMPTY}`,
  ],
  ["no samples", (m) => train(m, {}, [], []), RangeError, 'fit: x (input "input"): got 0 samples, needs at least 1'],
  [
    "no samples to predict",
    (m) => m.predict({ data: [], shape: [0, 4, 4, 1] }),
    RangeError,
    'predict: x (input "input"): got 0 samples, needs at least 1',
  ],
  [
    "no labels",
    (m) => train(m, {}, x, null),
    TypeError,
    "fit: y: got null, needs { data, shape }, a typed array or nested arrays of shape [samples]",
  ],
  [
    "labels that hold themselves",
    (m) => {
      const circle: unknown[] = [];
      circle[0] = circle;
      return m.evaluate(x, loose(circle));
    },
    TypeError,
    "evaluate: y: [0][0] is an array of 1, needs a number",
  ],
  ["fewer labels than samples", (m) => train(m, {}, x, [0, 1]), RangeError, "fit: x has 6 samples, y has 2"],
  ["a label out of range", (m) => train(m, {}, x, [0, 1, 2, 3, 0, 1]), RangeError, "fit: y: label 3 is 3, needs a whole number from 0 to 2"],
  ["a negative label", (m) => train(m, {}, x, [0, 1, 2, -1, 0, 1]), RangeError, "fit: y: label 3 is -1, needs a whole number from 0 to 2"],
  [
    "a fractional label",
    (m) => m.trainOnBatch(x, [0, 1, 2, 0.5, 0, 1]),
    RangeError,
    "trainOnBatch: y: label 3 is 0.5, needs a whole number from 0 to 2",
  ],
  ["a label NaN", (m) => m.evaluate(x, [0, 1, 2, Number.NaN, 0, 1]), RangeError, "evaluate: y: label 3 is NaN, needs a whole number from 0 to 2"],
  [
    "one-hot rows for labels",
    (m) => train(m, {}, x, { data: new Float32Array(18), shape: [6, 3] }),
    RangeError,
    "fit: y has one-hot rows, which need the loss categoricalCrossentropy",
  ],
  [
    "nested one-hot rows for labels",
    (m) =>
      m.evaluate(
        x,
        y.map((label) => [0, 1, 2].map((index) => Number(index === label))),
      ),
    RangeError,
    "evaluate: y has one-hot rows, which need the loss categoricalCrossentropy",
  ],
  [
    "labels for one-hot rows",
    () => {
      const oneHot = untrained();
      oneHot.compile({ loss: "categoricalCrossentropy" });
      return train(oneHot, {}, x, y);
    },
    RangeError,
    "fit: y has class numbers, which need the loss sparseCategoricalCrossentropy",
  ],
  [
    "one-hot rows of the wrong width",
    () => {
      const oneHot = untrained();
      oneHot.compile({ loss: "categoricalCrossentropy" });
      return train(oneHot, {}, x, { data: new Float32Array(24), shape: [6, 4] });
    },
    RangeError,
    "fit: y: shape [6, 4], needs [samples, 3]",
  ],
  [
    "one array for two inputs",
    () => twoInputs().predict(Float32Array.of(1, 2)),
    RangeError,
    "predict: x is a Float32Array, needs a list of 2 inputs (left, right)",
  ],
  [
    "inputs of different lengths",
    () => twoInputs().predict([Float32Array.of(1, 2), Float32Array.of(1, 2, 3, 4)]),
    RangeError,
    "predict: inputs have 1 and 2 samples, needs as many in each",
  ],
];

function twoInputs() {
  const inputs = [input({ shape: [2], name: "left" }), input({ shape: [2], name: "right" })];
  return model({ inputs, outputs: convlet.add().apply(inputs) });
}

const from = (batches: unknown[], options: object = {}) => {
  return (m: Parameters<BadInput[1]>[0]) =>
    m.fit(
      loose(() => batches.values()),
      loose({ verbose: 0, ...options }),
    );
};

export const badIterables: BadInput[] = [
  [
    "a function that gives none",
    (m) =>
      m.fit(
        loose(() => 5),
        loose({ verbose: 0 }),
      ),
    TypeError,
    "fit: the function gave 5, needs an (async) iterable of batches",
  ],
  [
    "an iterable without batches",
    from([]),
    RangeError,
    "fit: the data ended before the first batch of the epoch; a generator gives its batches only once",
  ],
  ["a batch that is none", from([5]), TypeError, "fit: a batch { x, y }: got 5, needs an object of options"],
  [
    "a batch without x",
    from([{ y }]),
    TypeError,
    'fit: x (input "input"): got undefined, needs { data, shape }, a typed array or nested arrays of shape [samples, 4, 4, 1]',
  ],
  [
    "a batch with what it does not know",
    from([{ x, y, sample_weight: [1, 2, 1, 2, 1, 2] }]),
    TypeError,
    'fit: a batch { x, y }: unknown option "sample_weight"; known: x, y, sampleWeight',
  ],
  ["a batch without y", from([{ x }]), TypeError, "fit: y: got undefined, needs { data, shape }, a typed array or nested arrays of shape [samples]"],
  ["a batch larger than batchSize", from([{ x, y }], { batchSize: 5 }), RangeError, "fit: a batch has 6 samples, more than batchSize 5"],
  ["a batch with a bad label", from([{ x, y: [0, 1, 2, 0, 1, 3] }]), RangeError, "fit: y: label 5 is 3, needs a whole number from 0 to 2"],
  ["a split of an iterable", from([{ x, y }], { validationSplit: 0.5 }), TypeError, "fit: validationSplit is for arrays, got an iterable"],
  [
    "a generator that throws",
    (m) => {
      const next = () => {
        throw new Error("the disk is gone");
      };
      return m.fit(loose({ [Symbol.iterator]: () => ({ next }) }), loose({ verbose: 0 }));
    },
    Error,
    "the disk is gone",
  ],
];
