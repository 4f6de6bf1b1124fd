/** Bad arguments of a model's other methods. */
import { type BadInput, convlet, loose, transferred, untrained, x, y } from "./subject.ts";

export const badCalls: BadInput[] = [
  [
    "predictSync before ready",
    () => untrained({ machine: "wasm" }).predictSync(x),
    Error,
    "model: the kernels are still being compiled; await model.ready first",
  ],
  ["a misspelt option of predict", (m) => m.predict(x, loose({ batchsize: 4 })), TypeError, 'predict: unknown option "batchsize"; known: batchSize'],
  ["options null of predict", (m) => m.predict(x, loose(null)), TypeError, "predict: got null, needs an object of options"],
  ["batchSize 0 of predict", (m) => m.predict(x, { batchSize: 0 }), RangeError, "predict: batchSize is 0, needs a whole number ≥ 1"],
  ["batchSize 0 of evaluate", (m) => m.evaluate(x, y, { batchSize: 0 }), RangeError, "evaluate: batchSize is 0, needs a whole number ≥ 1"],
  [
    "a misspelt option of evaluate",
    (m) => m.evaluate(x, y, loose({ batch: 2 })),
    TypeError,
    'evaluate: unknown option "batch"; known: batchSize, sampleWeight',
  ],
  [
    "a misspelt option of trainOnBatch",
    (m) => m.trainOnBatch(x, y, loose({ weight: 2 })),
    TypeError,
    'trainOnBatch: unknown option "weight"; known: sampleWeight',
  ],
  [
    "a misspelt option of gradients",
    (m) => m.gradients(x, y, loose({ weight: 2 })),
    TypeError,
    'gradients: unknown option "weight"; known: sampleWeight',
  ],
  ["a misspelt option of summary", (m) => m.summary(loose({ plans: true })), TypeError, 'summary: unknown option "plans"; known: plan, batchSize'],
  ["batchSize 0 of summary", (m) => m.summary({ plan: true, batchSize: 0 }), RangeError, "summary: batchSize is 0, needs a whole number ≥ 1"],
  [
    "an unknown layer",
    (m) => m.getLayer("conv2d"),
    RangeError,
    'model: no layer is named "conv2d"; layers: conv, batchNormalization, dropout, flatten, head',
  ],
  ["a layer named __proto__", (m) => m.getLayer("__proto__"), RangeError, /^model: no layer is named "__proto__"; layers: conv, /],
  ["activations of an unknown layer", (m) => m.activations(x, ["nope"]), RangeError, /^model: no layer is named "nope"; layers: conv, /],
  ["activations of no list", (m) => m.activations(x, loose("conv")), TypeError, 'activations: names is "conv", needs an array of layer names'],
  ["a class out of range", (m) => m.inputGradient(x, 3), RangeError, "inputGradient: classIndex is 3, needs a whole number ≥ 0 and < 3"],
  ["no class", (m) => m.inputGradient(x, loose(undefined)), TypeError, "inputGradient: classIndex is undefined, needs a whole number ≥ 0 and < 3"],
  [
    "too few weights",
    (m) => m.setWeights([]),
    RangeError,
    /^model: setWeights got an array of 0, needs 8 arrays: conv\/kernel \[3,3,1,2\], conv\/bias \[2\], /,
  ],
  ["weights null", (m) => m.setWeights(loose(null)), RangeError, /^model: setWeights got null, needs 8 arrays: /],
  [
    "a weight of another shape",
    (m) => m.setWeights(changed(m, { data: new Float32Array(9), shape: [3, 3] })),
    RangeError,
    "model: weight head/bias got shape [3,3] with 9 values, needs [3]",
  ],
  [
    "a weight of another length",
    (m) => m.setWeights(changed(m, new Float32Array(4))),
    RangeError,
    "model: weight head/bias got shape [3] with 4 values, needs [3]",
  ],
  [
    "a transferred weight",
    (m) => m.setWeights(changed(m, transferred(3))),
    RangeError,
    "model: weight head/bias got shape [3] with 0 values, needs [3]",
  ],
  ["a weight null", (m) => m.setWeights(changed(m, null)), TypeError, "model: weight head/bias is null, needs a typed array or { data, shape }"],
  [
    "a weight of 64-bit integers",
    (m) => m.setWeights(changed(m, new BigInt64Array(3))),
    TypeError,
    "model: weight head/bias is a BigInt64Array, needs a typed array or { data, shape }",
  ],
  [
    "a weight of texts",
    (m) => m.setWeights(changed(m, { data: ["a", "b", "c"], shape: [3] })),
    TypeError,
    "model: weight head/bias is an object, needs a typed array or { data, shape }",
  ],
  [
    "too few weights of a layer",
    (m) => m.getLayer("conv").setWeights([]),
    RangeError,
    'conv2d "conv": setWeights got an array of 0, needs 2 arrays: conv/kernel [3,3,1,2], conv/bias [2]',
  ],
  ["adapt of a convolution", (m) => m.getLayer("conv").adapt(x), TypeError, 'conv2d "conv": only a normalization layer can adapt'],
  ["nothing to export", () => convlet.exportProgram(loose(null)), TypeError, "exportProgram: got null, needs a model"],
  ["something else to export", () => convlet.exportProgram(loose({})), TypeError, "exportProgram: got an object, needs a model"],
  ["nothing for a worker", () => convlet.toWorker(loose(undefined)), TypeError, "toWorker: got undefined, needs a model"],
  ["save to nowhere", (m) => m.save("/no/such/folder/model"), Error, /^cannot write \/no\/such\/folder\/model: ENOENT/],
  ["compile of an unknown optimizer", (m) => m.compile({ optimizer: loose("adma"), loss: "mse" }), RangeError, /^compile: unknown optimizer "adma"/],
];

/** Another last weight: nothing before it may have been written. */
function changed(m: Parameters<BadInput[1]>[0], last: unknown): never {
  const weights = m.getWeights().map(({ data, shape }) => ({ data: data.map((value) => value + 1), shape }));
  return loose([...weights.slice(0, -1), last]);
}
