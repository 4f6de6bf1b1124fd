/** Bad inputs of compile and of fit's options. */
import { type BadInput, convlet, loose, train, untrained, x, y } from "./subject.ts";

const { adam, binaryCrossentropy, dense, earlyStopping, huber, input, model, piecewiseConstant, rmsprop, sgd, terminateOnNaN } = convlet;
const compiled = (options: object) => untrained().compile(loose({ loss: "meanSquaredError", ...options }));

export const badCompile: BadInput[] = [
  ["nothing", () => untrained().compile(loose(undefined)), TypeError, "compile: got undefined, needs an object of options"],
  ["no loss", () => untrained().compile(loose({})), TypeError, 'compile: loss is missing; for class numbers use "sparseCategoricalCrossentropy"'],
  ["a misspelt option", () => compiled({ metric: [] }), TypeError, 'compile: unknown option "metric"; known: optimizer, loss, metrics'],
  ["an unknown loss", () => compiled({ loss: "l2" }), RangeError, /^compile: unknown loss "l2"; known: sparseCategoricalCrossentropy, /],
  ["a loss named constructor", () => compiled({ loss: "constructor" }), RangeError, /^compile: unknown loss "constructor"; known: /],
  ["loss null", () => compiled({ loss: null }), TypeError, /^compile: loss: got null, needs a name or an object made by one of /],
  ["an unknown optimizer", () => compiled({ optimizer: "adma" }), RangeError, 'compile: unknown optimizer "adma"; known: sgd, rmsprop, adam, adamW'],
  ["an optimizer named __proto__", () => compiled({ optimizer: "__proto__" }), RangeError, /^compile: unknown optimizer "__proto__"; known: /],
  ["an unknown metric", () => compiled({ metrics: ["acuracy"] }), RangeError, /^compile: unknown metric "acuracy"; known: accuracy, /],
  [
    "a metric of one's own without a name",
    () => compiled({ metrics: [{ reset() {}, update() {}, result: () => 0 }] }),
    TypeError,
    "compile: metric: name is undefined, needs a text",
  ],
  [
    "a metric of an empty name",
    () => compiled({ metrics: [convlet.accuracy({ name: "" })] }),
    TypeError,
    'compile: metric: name is "", needs a text',
  ],
  [
    "a metric of one's own that is not whole",
    () => compiled({ metrics: [{ name: "own", update() {}, result: () => 0 }] }),
    TypeError,
    'compile: metric "own": reset is undefined, needs a function',
  ],
  ["metrics that are no list", () => compiled({ metrics: "accuracy" }), TypeError, 'compile: metrics is "accuracy", needs an array'],
  [
    "a metric twice",
    () => compiled({ metrics: ["mse", "mse"] }),
    RangeError,
    'compile: two metrics are named "mse"; tell them apart with the option name',
  ],
  [
    "several outputs",
    () => {
      const a = input({ shape: [2] });
      return model({ inputs: a, outputs: [dense({ units: 2 }).apply(a), dense({ units: 3 }).apply(a)] }).compile({ loss: "mse" });
    },
    RangeError,
    "compile: the model has 2 outputs; training knows models with one (predict knows all)",
  ],
  [
    "classes of one output",
    () => convlet.sequential([dense({ units: 1, inputShape: [2] })]).compile({ loss: "sparseCategoricalCrossentropy" }),
    RangeError,
    "compile: sparseCategoricalCrossentropy needs an output of at least 2 classes, the model's is [1]; for one output use binaryCrossentropy",
  ],
  ["learning rate NaN", () => sgd({ learningRate: Number.NaN }), RangeError, "sgd: learningRate is NaN, needs a finite number ≥ 0"],
  [
    "a list of learning rates",
    () => sgd(loose({ learningRate: [0.1, 0.01] })),
    TypeError,
    /^schedule: got an array of 2, needs a name or an object made by one of exponentialDecay, /,
  ],
  ["a negative learning rate", () => adam({ learningRate: -1 }), RangeError, "adam: learningRate is -1, needs a finite number ≥ 0"],
  [
    "a learning rate as text",
    () => sgd(loose({ learningRate: "1" })),
    TypeError,
    'sgd: learningRate is "1", needs a finite number ≥ 0 or a schedule',
  ],
  [
    "a negative learning rate from a file",
    () => compiled({ optimizer: { name: "sgd", config: { learningRate: -1 } } }),
    RangeError,
    "compile: sgd: learningRate is -1, needs a finite number ≥ 0",
  ],
  [
    "two clips",
    () => sgd({ clipNorm: 1, clipValue: 1 }),
    TypeError,
    "sgd: got clipNorm and clipValue, needs at most one of clipNorm, globalClipNorm, clipValue",
  ],
  ["optimizer epsilon 0", () => rmsprop({ epsilon: 0 }), RangeError, "rmsprop: epsilon is 0, needs a finite number > 0"],
  ["beta1 of 1", () => adam({ beta1: 1 }), RangeError, "adam: beta1 is 1, needs a finite number ≥ 0 and < 1"],
  ["an option for a number", () => adam(loose(0.001)), TypeError, "adam: got 0.001, needs an object of options"],
  ["delta 0", () => huber({ delta: 0 }), RangeError, "huber: delta is 0, needs a finite number > 0"],
  [
    "fromLogits as text",
    () => binaryCrossentropy(loose({ fromLogits: "no" })),
    TypeError,
    'binaryCrossentropy: fromLogits is "no", needs true or false',
  ],
  [
    "too few values of a schedule",
    () => piecewiseConstant({ boundaries: [1, 2], values: [1, 2] }),
    RangeError,
    "piecewiseConstant: 2 values for 2 boundaries, needs 3",
  ],
  ["negative patience", () => earlyStopping({ patience: -1 }), RangeError, "earlyStopping: patience is -1, needs a whole number ≥ 0"],
];

export const badFitOptions: BadInput[] = [
  ["fit before compile", () => train(untrained(), {}), Error, "fit: the model is not compiled; call model.compile({ optimizer, loss }) first"],
  [
    "evaluate before compile",
    () => untrained().evaluate(x, y),
    Error,
    "evaluate: the model is not compiled; call model.compile({ optimizer, loss }) first",
  ],
  ["a misspelt option", (m) => train(m, { epoch: 2 }), TypeError, /^fit: unknown option "epoch"; known: epochs, batchSize, /],
  ["epochs 0", (m) => train(m, { epochs: 0 }), RangeError, "fit: epochs is 0, needs a whole number ≥ 1"],
  ["epochs NaN", (m) => train(m, { epochs: Number.NaN }), RangeError, "fit: epochs is NaN, needs a whole number ≥ 1"],
  ["a negative initialEpoch", (m) => train(m, { initialEpoch: -1 }), RangeError, "fit: initialEpoch is -1, needs a whole number ≥ 0"],
  ["batchSize 0", (m) => train(m, { batchSize: 0 }), RangeError, "fit: batchSize is 0, needs a whole number ≥ 1"],
  ["a fractional batchSize", (m) => train(m, { batchSize: 1.5 }), RangeError, "fit: batchSize is 1.5, needs a whole number ≥ 1"],
  ["a batch larger than the data", (m) => train(m, { batchSize: 7 }), RangeError, "fit: batchSize 7 is larger than the data, 6 samples"],
  [
    "a batch larger than what validation leaves",
    (m) => train(m, { batchSize: 4, validationSplit: 0.5 }),
    RangeError,
    "fit: batchSize 4 is larger than the data, 3 samples",
  ],
  ["gradientAccumulation 0", (m) => train(m, { gradientAccumulation: 0 }), RangeError, "fit: gradientAccumulation is 0, needs a whole number ≥ 1"],
  ["shuffle as text", (m) => train(m, { shuffle: "no" }), TypeError, 'fit: shuffle is "no", needs true or false'],
  ["verbose true", (m) => train(m, { verbose: true }), TypeError, "fit: verbose is true, needs 0 or 1 or 2"],
  ["verbose 3", (m) => train(m, { verbose: 3 }), RangeError, "fit: verbose is 3, needs 0 or 1 or 2"],
  [
    "a seed beyond 32 bits",
    (m) => train(m, { seed: 2 ** 40 }),
    RangeError,
    "fit: seed is 1099511627776, needs a whole number ≥ -2147483648 and < 4294967296",
  ],
  ["a signal that is none", (m) => train(m, { signal: new AbortController() }), TypeError, "fit: signal is a AbortController, needs an AbortSignal"],
  ["callbacks that are no list", (m) => train(m, { callbacks: terminateOnNaN() }), TypeError, "fit: callbacks is an object, needs an array"],
  [
    "a callback's factory",
    (m) => train(m, { callbacks: [terminateOnNaN(), earlyStopping] }),
    TypeError,
    /^fit: callbacks\[1\] is a function, needs an object with onTrainBegin, /,
  ],
  [
    "a callback of misspelt methods",
    (m) => train(m, { callbacks: [{ onEpocEnd() {} }] }),
    TypeError,
    /^fit: callbacks\[0\] is an object, needs an object with /,
  ],
  ["validationSplit 1", (m) => train(m, { validationSplit: 1 }), RangeError, "validationSplit: fraction is 1, needs a finite number ≥ 0 and < 1"],
  [
    "a negative validationSplit",
    (m) => train(m, { validationSplit: -0.1 }),
    RangeError,
    "validationSplit: fraction is -0.1, needs a finite number ≥ 0 and < 1",
  ],
  [
    "a split that leaves nothing",
    (m) => train(m, { validationSplit: 0.99 }),
    RangeError,
    "validationSplit: 0.99 of 6 samples leaves none to train with",
  ],
  [
    "validation data and a split",
    (m) => train(m, { validationSplit: 0.5, validationData: [x, y] }),
    TypeError,
    "fit: got validationData and validationSplit, needs at most one of them",
  ],
  [
    "validation data without labels",
    (m) => train(m, { validationData: x }),
    TypeError,
    "fit: validationData is an object, needs [x, y] or [x, y, sampleWeight]",
  ],
  [
    "no validation data, said as null",
    (m) => train(m, { validationData: null }),
    TypeError,
    "fit: validationData is null, needs [x, y] or [x, y, sampleWeight]",
  ],
  [
    "validation data of four",
    (m) => train(m, { validationData: [x, y, [1, 1, 1, 1, 1, 1], {}] }),
    TypeError,
    "fit: validationData is an array of 4, needs [x, y] or [x, y, sampleWeight]",
  ],
  [
    "validation labels out of range",
    (m) => train(m, { validationData: [x, [0, 1, 2, 0, 1, 3]] }),
    RangeError,
    "fit: validationData: y: label 5 is 3, needs a whole number from 0 to 2",
  ],
  ["stepsPerEpoch of samples in memory", (m) => train(m, { stepsPerEpoch: 1 }), TypeError, "fit: stepsPerEpoch is for iterables, got arrays"],
  [
    "a weight of an unknown class",
    (m) => train(m, { classWeight: { 3: 1 } }),
    RangeError,
    "classWeight: class 3 is 3, needs a whole number ≥ 0 and < 3",
  ],
  [
    "a weight of a class by name",
    (m) => train(m, { classWeight: { cat: 1 } }),
    RangeError,
    "classWeight: class cat is NaN, needs a whole number ≥ 0 and < 3",
  ],
  [
    "a negative class weight",
    (m) => train(m, { classWeight: { 0: -1 } }),
    RangeError,
    "classWeight: weight of class 0 is -1, needs a finite number ≥ 0",
  ],
  ["classWeight as a Map", (m) => train(m, { classWeight: new Map([[0, 3]]) }), TypeError, "classWeight: got a Map, needs weights by class number"],
  ["classWeight as a number", (m) => train(m, { classWeight: 3 }), TypeError, "classWeight: got 3, needs weights by class number"],
  [
    "class weights of targets that are no classes",
    () => {
      const regression = convlet.sequential([dense({ units: 1, inputShape: [1] })]);
      regression.compile({ loss: "meanSquaredError" });
      return train(regression, { classWeight: { 0: 2 } }, [1, 2], [1, 0.5]);
    },
    RangeError,
    "classWeight: target 1 is 0.5, needs a class number below 2",
  ],
  [
    "class weights of pixels",
    () => {
      const perPixel = convlet.sequential([convlet.conv2d({ filters: 4, kernelSize: 1, inputShape: [2, 2, 1] })]);
      perPixel.compile({ loss: "sparseCategoricalCrossentropy" });
      return train(
        perPixel,
        { classWeight: { 0: 2 } },
        { data: new Float32Array(4), shape: [1, 2, 2, 1] },
        { data: new Float32Array(4), shape: [1, 2, 2] },
      );
    },
    RangeError,
    "classWeight: the output is [2, 2, 4], needs one class per sample; use sampleWeight",
  ],
  [
    "too few sample weights",
    (m) => train(m, { sampleWeight: [1, 2] }),
    RangeError,
    "fit: sampleWeight: got 2 weights, needs one for each of 6 samples",
  ],
  [
    "a negative sample weight",
    (m) => train(m, { sampleWeight: [1, 1, 1, 1, 1, -1] }),
    RangeError,
    "fit: sampleWeight: weight 5 is -1, needs a finite number ≥ 0",
  ],
  [
    "a sample weight NaN",
    (m) => train(m, { sampleWeight: [1, 1, 1, Number.NaN, 1, 1] }),
    RangeError,
    "fit: sampleWeight: weight 3 is NaN, needs a finite number ≥ 0",
  ],
];
