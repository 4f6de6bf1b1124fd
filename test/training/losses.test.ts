import { expect, test, vi } from "vitest";
import { type ActivationName, dense, sequential } from "../../src/index.ts";
import { binaryCrossentropy, huber, type LossSpec, loss, sparseCategoricalCrossentropy } from "../../src/training/losses.ts";

test.each([
  ["sparseCategoricalCrossentropy", { name: "sparseCategoricalCrossentropy", config: { fromLogits: false }, target: "labels" }],
  ["categoricalCrossentropy", { name: "categoricalCrossentropy", config: { fromLogits: false }, target: "same" }],
  ["binaryCrossentropy", { name: "binaryCrossentropy", config: { fromLogits: false }, target: "same" }],
  ["meanSquaredError", { name: "meanSquaredError", config: {}, target: "same" }],
  ["mse", { name: "meanSquaredError", config: {}, target: "same" }],
  ["mae", { name: "meanAbsoluteError", config: {}, target: "same" }],
  ["huber", { name: "huber", config: { delta: 1 }, target: "same" }],
  [huber({ delta: 2 }), { name: "huber", config: { delta: 2 }, target: "same" }],
  [sparseCategoricalCrossentropy({ fromLogits: true }), { name: "sparseCategoricalCrossentropy", config: { fromLogits: true }, target: "labels" }],
] as [LossSpec, object][])("%j", (spec, expected) => {
  expect(loss(spec)).toEqual(expected);
  expect(loss(JSON.parse(JSON.stringify(loss(spec))))).toEqual(expected);
});

test.each([
  [() => loss("crossentropy" as never), RangeError, /^unknown loss "crossentropy"; known: sparseCategoricalCrossentropy, /],
  [() => huber({ delta: 0 }), RangeError, /^huber: delta is 0, needs a finite number > 0$/],
  [() => binaryCrossentropy({ fromLogits: "yes" as never }), TypeError, /^binaryCrossentropy: fromLogits is "yes", needs true or false$/],
  [() => loss({ name: "mse", config: { delta: 1 } }), TypeError, /^meanSquaredError: unknown option "delta"; known: $/],
])("refuses: %s", (make, kind, message) => {
  expect(make).toThrow(kind);
  expect(make).toThrow(message);
});

test.each([
  ["softmax", sparseCategoricalCrossentropy(), undefined],
  ["softmax", sparseCategoricalCrossentropy({ fromLogits: true }), "softmax is taken twice, by the model and by the loss; see fromLogits"],
  ["sigmoid", binaryCrossentropy({ fromLogits: true }), "sigmoid is taken twice, by the model and by the loss; see fromLogits"],
  ["linear", sparseCategoricalCrossentropy(), "softmax is taken neither by the model nor by the loss; see fromLogits"],
  ["linear", sparseCategoricalCrossentropy({ fromLogits: true }), undefined],
  ["linear", binaryCrossentropy({ fromLogits: true }), undefined],
  ["linear", loss("mse"), undefined],
] as const)("a model that ends in %s, %o: says %s", (activation: ActivationName, spec, said) => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    using model = sequential([dense({ units: 3, inputShape: [2], activation })]);
    model.compile({ loss: spec });
    if (said === undefined) expect(warn).not.toHaveBeenCalled();
    else expect(warn).toHaveBeenCalledExactlyOnceWith(`convlet: compile: ${said}`);
  } finally {
    warn.mockRestore();
  }
});
