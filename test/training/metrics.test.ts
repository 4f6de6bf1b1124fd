import { describe, expect, test } from "vitest";
import { type LossSpec, loss } from "../../src/training/losses.ts";
import {
  accuracy,
  binaryAccuracy,
  confusionMatrix,
  createMetrics,
  type Metric,
  type MetricSpec,
  precision,
  recall,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "../../src/training/metrics.ts";

const SPARSE = "sparseCategoricalCrossentropy";
const ONE_HOT = "categoricalCrossentropy";
const BINARY = "binaryCrossentropy";

interface Case {
  readonly spec: MetricSpec;
  readonly loss: LossSpec;
  readonly classes: number;
  readonly prediction: readonly number[];
  readonly target: readonly number[];
  readonly weight?: readonly number[];
  readonly result: number | number[][];
}

const { NaN: nan } = Number;
// Rows of three classes whose highest is 0, 2, 1, 1.
const ROWS = [0.8, 0.1, 0.1, 0.1, 0.3, 0.6, -1, 4, 2, 0.2, 0.5, 0.3];
const hot = (...labels: number[]) => labels.flatMap((label) => [0, 1, 2].map((at) => (at === label ? 1 : 0)));

const cases: [string, Case][] = [
  ["accuracy of labels", { spec: "accuracy", loss: SPARSE, classes: 3, prediction: ROWS, target: [0, 2, 0, 1], result: 0.75 }],
  ["accuracy of one-hot rows", { spec: accuracy(), loss: ONE_HOT, classes: 3, prediction: ROWS, target: hot(0, 1, 1, 1), result: 0.75 }],
  ["accuracy of one output", { spec: "acc", loss: "mse", classes: 1, prediction: [0.4, 0.6, 0.5], target: [0, 1, 1], result: 2 / 3 }],
  [
    "accuracy of several yes or no",
    { spec: "accuracy", loss: BINARY, classes: 2, prediction: [0.4, 0.6, 0.7, 0.1], target: [0, 1, 0, 0], result: 0.75 },
  ],
  ["accuracy, weighted", { spec: "accuracy", loss: SPARSE, classes: 3, prediction: ROWS, target: [0, 0, 0, 0], weight: [3, 1, 0, 2], result: 0.5 }],
  ["accuracy of equals: the first", { spec: "accuracy", loss: SPARSE, classes: 3, prediction: [1, 1, 0], target: [0], result: 1 }],
  ["accuracy of NaN", { spec: "accuracy", loss: SPARSE, classes: 3, prediction: [nan, 0, 0, 1, nan, 0], target: [0, 0], result: 0 }],
  [
    "accuracy of all −Infinity but one",
    { spec: "accuracy", loss: SPARSE, classes: 3, prediction: [-Infinity, -Infinity, -9], target: [2], result: 1 },
  ],
  ["sparseCategoricalAccuracy", { spec: "sparseCategoricalAccuracy", loss: SPARSE, classes: 3, prediction: ROWS, target: [0, 2, 1, 1], result: 1 }],
  ["categoricalAccuracy", { spec: "categoricalAccuracy", loss: BINARY, classes: 3, prediction: ROWS, target: hot(1, 1, 1, 1), result: 0.5 }],
  [
    "binaryAccuracy at 0.3",
    { spec: binaryAccuracy({ threshold: 0.3 }), loss: BINARY, classes: 1, prediction: [0.2, 0.4], target: [0, 1], result: 1 },
  ],
  [
    "binaryAccuracy of logits",
    {
      spec: "binaryAccuracy",
      loss: { name: BINARY, config: { fromLogits: true } },
      classes: 1,
      prediction: [-0.1, 0.1, 0],
      target: [0, 1, 1],
      result: 2 / 3,
    },
  ],
  [
    "binaryAccuracy of logits at 0.9: above 2.197",
    { spec: binaryAccuracy({ threshold: 0.9, fromLogits: true }), loss: BINARY, classes: 1, prediction: [2.1, 2.3], target: [0, 1], result: 1 },
  ],
  [
    "topK 2 of labels",
    { spec: sparseTopKCategoricalAccuracy({ k: 2 }), loss: SPARSE, classes: 3, prediction: ROWS, target: [2, 0, 2, 2], result: 0.75 },
  ],
  [
    "topK 1 of one-hot rows",
    { spec: topKCategoricalAccuracy({ k: 1 }), loss: ONE_HOT, classes: 3, prediction: ROWS, target: hot(0, 2, 2, 2), result: 0.5 },
  ],
  ["topK of NaN", { spec: sparseTopKCategoricalAccuracy({ k: 3 }), loss: SPARSE, classes: 3, prediction: [nan, 1, 0], target: [1], result: 0 }],
  ["precision", { spec: "precision", loss: BINARY, classes: 1, prediction: [0.9, 0.8, 0.2, 0.7], target: [1, 0, 1, 1], result: 2 / 3 }],
  ["recall", { spec: "recall", loss: BINARY, classes: 1, prediction: [0.9, 0.8, 0.2, 0.1], target: [1, 0, 1, 1], result: 1 / 3 }],
  ["recall, weighted", { spec: "recall", loss: BINARY, classes: 1, prediction: [0.9, 0.2], target: [1, 1], weight: [3, 1], result: 0.75 }],
  ["precision without positives", { spec: "precision", loss: BINARY, classes: 1, prediction: [0.1], target: [1], result: 0 }],
  ["precision of class 1", { spec: precision({ classId: 1 }), loss: SPARSE, classes: 3, prediction: ROWS, target: [1, 2, 1, 0], result: 0.5 }],
  ["recall of class 1", { spec: recall({ classId: 1 }), loss: ONE_HOT, classes: 3, prediction: ROWS, target: hot(1, 2, 1, 0), result: 0.5 }],
  [
    "recall of class 1 above 0.05",
    { spec: recall({ classId: 1, threshold: 0.05 }), loss: ONE_HOT, classes: 3, prediction: ROWS, target: hot(1, 2, 1, 0), result: 1 },
  ],
  [
    "confusionMatrix",
    {
      spec: confusionMatrix(3),
      loss: SPARSE,
      classes: 3,
      prediction: [...ROWS, nan, 0, 0],
      target: [0, 2, 2, 1, 0],
      result: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 1, 1],
      ],
    },
  ],
  [
    "confusionMatrix of one output, weighted",
    {
      spec: confusionMatrix(2),
      loss: BINARY,
      classes: 1,
      prediction: [0.9, 0.1, 0.8],
      target: [1, 1, 0],
      weight: [1, 2, 3],
      result: [
        [0, 3],
        [2, 1],
      ],
    },
  ],
  ["meanSquaredError", { spec: "mse", loss: "mae", classes: 2, prediction: [1, 2, 3, 4], target: [1, 0, 0, 4], result: (2 + 4.5) / 2 }],
  ["meanSquaredError of NaN", { spec: "mse", loss: "mse", classes: 1, prediction: [nan], target: [1], result: nan }],
  ["… of weight 0", { spec: "mse", loss: "mse", classes: 1, prediction: [nan, 2], target: [1, 1], weight: [0, 1], result: 1 }],
  ["meanAbsoluteError", { spec: "mae", loss: "mse", classes: 2, prediction: [1, 2, 3, 4], target: [1, 0, 0, 4], result: (1 + 1.5) / 2 }],
];

function metricOf({ spec, loss: lossSpec, classes }: Case): Metric {
  return createMetrics([spec], { loss: loss(lossSpec), classes })[0]!;
}

describe.each(cases)("%s", (_name, given) => {
  const rows = given.prediction.length / given.classes;
  const prediction = Float32Array.from([...given.prediction, 9, 9, 9]);
  const target = Float32Array.from([...given.target, 9, 9, 9]);
  const weight = given.weight === undefined ? null : Float32Array.from([...given.weight, 9]);

  test("in one batch, and again after reset", () => {
    const metric = metricOf(given);
    for (let round = 0; round < 2; round++) {
      metric.update(prediction, target, weight, rows, given.classes);
      const result = metric.result();
      if (typeof result === "number" && !Number.isNaN(result)) expect(result).toBeCloseTo(given.result as number, 6);
      else expect(result).toEqual(given.result);
      metric.reset();
    }
    expect(metric.result()).toEqual(typeof given.result === "number" ? 0 : given.result.map((row) => row.map(() => 0)));
  });

  test("row by row", () => {
    const metric = metricOf(given);
    const width = given.target.length / rows;
    for (let row = 0; row < rows; row++) {
      metric.update(prediction.subarray(row * given.classes), target.subarray(row * width), weight?.subarray(row) ?? null, 1, given.classes);
    }
    const whole = metricOf(given);
    whole.update(prediction, target, weight, rows, given.classes);
    expect(metric.result()).toEqual(whole.result());
  });

  test("comes back from its JSON", () => {
    const metric = metricOf({ ...given, spec: JSON.parse(JSON.stringify(given.spec)) });
    metric.update(prediction, target, weight, rows, given.classes);
    expect(metric.name).toBe(metricOf(given).name);
  });
});

test("a metric is named as it was asked for", () => {
  const names = createMetrics(["acc", "accuracy", precision({ name: "zeros", classId: 0 })], { loss: loss(SPARSE), classes: 3 }).map(
    ({ name }) => name,
  );
  expect(names).toEqual(["acc", "accuracy", "zeros"]);
});

test("a metric may be the user's own", () => {
  const own: Metric = { name: "own", reset: () => undefined, update: () => undefined, result: () => 7 };
  expect(createMetrics([own], { loss: loss(SPARSE), classes: 3 })).toEqual([own]);
});

test.each([
  [["precise"], SPARSE, 3, RangeError, /^unknown metric "precise"; known: accuracy, /],
  [["precision", "precision"], BINARY, 1, RangeError, /^two metrics are named "precision"; tell them apart with the option name$/],
  [[accuracy({ name: "loss" })], SPARSE, 3, RangeError, /^a metric is named "loss"/],
  [["precision"], SPARSE, 3, TypeError, /^precision: the loss "sparseCategoricalCrossentropy" takes labels of 3 classes, needs a classId$/],
  [[precision({ classId: 3 })], SPARSE, 3, RangeError, /^precision: classId is 3, needs a whole number ≥ 0 and < 3$/],
  [[binaryAccuracy({ threshold: 2 })], BINARY, 1, RangeError, /^binaryAccuracy: threshold is 2, needs a finite number > 0 and < 1$/],
  [[topKCategoricalAccuracy({ k: 0 })], ONE_HOT, 3, RangeError, /^topKCategoricalAccuracy: k is 0, needs a whole number ≥ 1$/],
  [[confusionMatrix(4)], SPARSE, 3, RangeError, /^confusionMatrix: classes is 4, the output has 3$/],
  [
    ["categoricalAccuracy"],
    SPARSE,
    3,
    TypeError,
    /^categoricalAccuracy: the loss "sparseCategoricalCrossentropy" takes class numbers, needs targets of the output's shape$/,
  ],
  [
    ["sparseCategoricalAccuracy"],
    ONE_HOT,
    3,
    TypeError,
    /^sparseCategoricalAccuracy: the loss "categoricalCrossentropy" takes targets of the output's shape, needs class numbers$/,
  ],
] as [MetricSpec[], LossSpec, number, ErrorConstructor, RegExp][])("refuses %j with %s", (specs, lossSpec, classes, kind, message) => {
  const make = () => createMetrics(specs, { loss: loss(lossSpec), classes });
  expect(make).toThrow(kind);
  expect(make).toThrow(message);
});

test("refuses options it does not know", () => {
  expect(() => precision({ class: 1 } as never)).toThrow(
    new TypeError('precision: unknown option "class"; known: name, classId, threshold, fromLogits'),
  );
  expect(() => confusionMatrix(1)).toThrow(new RangeError("confusionMatrix: classes is 1, needs a whole number ≥ 2"));
});
