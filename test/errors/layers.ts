/** Bad inputs of layer factories and of the models made of them. */
import { type BadInput, convlet, loose, type Shape, type SymbolicTensor, untrained } from "./subject.ts";

const { add, batchNormalization, concatenate, conv2d, dense, depthwiseConv2d, dropout, input, maxPooling2d, model, multiply } = convlet;
const { normalization, relu, rescaling, reshape, sequential, zeroPadding2d } = convlet;

const on = (shape: Shape, layer: { apply(value: SymbolicTensor): unknown }) => layer.apply(input({ shape }));
const image: Shape = [4, 4, 2];
const conv = (options: object, shape: Shape = image) => on(shape, conv2d(loose({ name: "conv1", filters: 4, kernelSize: 3, ...options })));

export const badShapes: BadInput[] = [
  ["no shape", () => input(loose({})), TypeError, "input: shape is undefined, needs an array of sizes"],
  ["a shape of NaN", () => input({ shape: [Number.NaN, 2] }), RangeError, "input: a size of shape [NaN, 2] is NaN, needs a whole number ≥ 1"],
  ["a size 0", () => input({ shape: [0, 2] }), RangeError, "input: a size of shape [0, 2] is 0, needs a whole number ≥ 1"],
  ["a negative size", () => input({ shape: [-1] }), RangeError, "input: a size of shape [-1] is -1, needs a whole number ≥ 1"],
  ["a fractional size", () => input({ shape: [1.5] }), RangeError, "input: a size of shape [1.5] is 1.5, needs a whole number ≥ 1"],
  [
    "a size of 2^31",
    () => input({ shape: [2 ** 31] }),
    RangeError,
    "input: a size of shape [2147483648] is 2147483648, needs a finite number < 2147483648",
  ],
  ["a size as text", () => input(loose({ shape: ["2"] })), TypeError, 'input: a size of shape [2] is "2", needs a whole number ≥ 1'],
  ["rank 0", () => input({ shape: [] }), RangeError, "input: shape [] has rank 0, needs 1 to 3 (the batch is left out)"],
  ["rank 4", () => input({ shape: [1, 2, 3, 4] }), RangeError, "input: shape [1, 2, 3, 4] has rank 4, needs 1 to 3 (the batch is left out)"],
  ["units of 2^31", () => on([3], dense({ units: 2 ** 31 })), RangeError, "dense: units is 2147483648, needs a finite number < 2147483648"],
  [
    "2^31 − 1 units",
    () => sequential([dense({ units: 2 ** 31 - 1, inputShape: [3] })]),
    RangeError,
    "memory: the model needs 32768 MB, a WebAssembly memory ends at 4096 MB; use a smaller batch or model",
  ],
  [
    "weights beyond the memory",
    () => sequential([dense({ units: 100_000, inputShape: [100_000] })]),
    RangeError,
    "memory: the model needs 38147 MB, a WebAssembly memory ends at 4096 MB; use a smaller batch or model",
  ],
];

export const badLayers: BadInput[] = [
  ["no options", () => conv2d(loose(undefined)), TypeError, "conv2d: got undefined, needs an object of options"],
  ["options null", () => dense(loose(null)), TypeError, "dense: got null, needs an object of options"],
  ["options that are a number", () => relu(loose(5)), TypeError, "relu: got 5, needs an object of options"],
  [
    "a misspelt option",
    () => conv({ stride: 2 }),
    TypeError,
    /^conv2d "conv1": unknown option "stride"; known: name, trainable, inputShape, kernelSize/,
  ],
  ["an option named __proto__", () => conv(JSON.parse('{"__proto__":{}}')), TypeError, /^conv2d "conv1": unknown option "__proto__"; known: /],
  ["an option named constructor", () => conv({ constructor: 1 }), TypeError, /^conv2d "conv1": unknown option "constructor"; known: /],
  ["wrong rank", () => conv({}, [4]), RangeError, 'conv2d "conv1": input [4] has rank 1, needs rank 3 [height, width, channels]'],
  [
    "wrong rank of a pooling",
    () => on([4, 4], maxPooling2d()),
    RangeError,
    "maxPooling2d: input [4, 4] has rank 2, needs rank 3 [height, width, channels]",
  ],
  ["no filters", () => conv({ filters: undefined }), TypeError, 'conv2d "conv1": filters is undefined, needs a whole number ≥ 1'],
  ["filters as text", () => conv({ filters: "8" }), TypeError, 'conv2d "conv1": filters is "8", needs a whole number ≥ 1'],
  ["fractional filters", () => conv({ filters: 1.5 }), RangeError, 'conv2d "conv1": filters is 1.5, needs a whole number ≥ 1'],
  ["negative filters", () => conv({ filters: -1 }), RangeError, 'conv2d "conv1": filters is -1, needs a whole number ≥ 1'],
  ["no kernelSize", () => conv({ kernelSize: undefined }), TypeError, 'conv2d "conv1": kernelSize is undefined, needs a whole number ≥ 1'],
  [
    "kernelSize of three",
    () => conv({ kernelSize: [1, 2, 3] }),
    RangeError,
    'conv2d "conv1": kernelSize has 3 values, needs a number or a pair [y, x]',
  ],
  ["kernelSize 0", () => conv({ kernelSize: [3, 0] }), RangeError, 'conv2d "conv1": kernelSize is 0, needs a whole number ≥ 1'],
  ["stride 0", () => conv({ strides: 0 }), RangeError, 'conv2d "conv1": strides is 0, needs a whole number ≥ 1'],
  ["dilation 0", () => conv({ dilationRate: 0 }), RangeError, 'conv2d "conv1": dilationRate is 0, needs a whole number ≥ 1'],
  [
    "a window larger than its input",
    () => conv({ kernelSize: 5 }, [3, 3, 1]),
    RangeError,
    'conv2d "conv1": window 5x5 is larger than its padded input 3x3',
  ],
  [
    "a dilated window larger than its input",
    () => conv({ dilationRate: 2 }),
    RangeError,
    'conv2d "conv1": window 3x3 (dilated to 5x5) is larger than its padded input 4x4',
  ],
  [
    "a pool larger than the image",
    () => on(image, maxPooling2d({ poolSize: 5 })),
    RangeError,
    "maxPooling2d: window 5x5 is larger than its padded input 4x4",
  ],
  [
    "a pooling window of 2^32 cells",
    () => on(image, maxPooling2d({ poolSize: 65536, padding: "same" })),
    RangeError,
    "maxPooling2d: a window of 65536x65536 cells is too large, needs less than 2^31",
  ],
  ["groups that do not divide", () => conv({ groups: 3 }), RangeError, 'conv2d "conv1": groups 3 must divide the 2 input channels and the 4 filters'],
  ["groups 0", () => conv({ groups: 0 }), RangeError, 'conv2d "conv1": groups is 0, needs a whole number ≥ 1'],
  ["unknown padding", () => conv({ padding: "smae" }), RangeError, 'conv2d "conv1": padding is "smae", needs "valid" or "same"'],
  ["unknown activation", () => conv({ activation: "rleu" }), RangeError, /^conv2d "conv1": unknown activation "rleu"; known: linear, relu, relu6/],
  [
    "an activation named constructor",
    () => conv({ activation: "constructor" }),
    RangeError,
    /^conv2d "conv1": unknown activation "constructor"; known: /,
  ],
  ["activation null", () => conv({ activation: null }), TypeError, 'conv2d "conv1": activation is null, needs a name or { name, alpha }'],
  [
    "activation a layer's factory",
    () => conv({ activation: relu }),
    TypeError,
    'conv2d "conv1": activation is a function, needs a name or { name, alpha }',
  ],
  [
    "a misspelt option of an activation",
    () => conv({ activation: { name: "leakyRelu", slope: 1 } }),
    TypeError,
    'conv2d "conv1": activation: unknown option "slope"; known: name, alpha',
  ],
  ["a negative alpha", () => conv({ activation: { name: "elu", alpha: -1 } }), RangeError, 'conv2d "conv1": alpha is -1, needs a finite number > 0'],
  ["useBias as text", () => conv({ useBias: "no" }), TypeError, 'conv2d "conv1": useBias is "no", needs true or false'],
  ["trainable as text", () => conv({ trainable: "no" }), TypeError, 'conv2d "conv1": trainable is "no", needs true or false'],
  [
    "an unknown initializer",
    () => conv({ kernelInitializer: "he" }),
    RangeError,
    /^conv2d "conv1": unknown initializer "he"; known: glorotUniform, /,
  ],
  ["an unknown regularizer", () => conv({ kernelRegularizer: "l2" }), TypeError, 'conv2d "conv1": regularizer: got "l2", needs an object of options'],
  ["a negative penalty", () => conv({ biasRegularizer: { l1: -1 } }), RangeError, 'conv2d "conv1": regularizer: l1 is -1, needs a finite number ≥ 0'],
  ["penalties null", () => convlet.l1l2(loose(null)), TypeError, "l1l2: got null, needs an object of options"],
  ["a misspelt penalty", () => convlet.l1l2(loose({ L1: 1 })), TypeError, 'l1l2: unknown option "L1"; known: l1, l2'],
  [
    "weights where an initializer belongs",
    () => conv({ kernelInitializer: new Float32Array(9) }),
    TypeError,
    /^conv2d "conv1": initializer: got a Float32Array, needs a name or an object made by one of glorotUniform, /,
  ],
  [
    "an initializer that cannot",
    () => sequential([dense({ units: 2, inputShape: [3], biasInitializer: "orthogonal" })]),
    RangeError,
    "dense/bias: orthogonal: shape [2] has 1 axes, needs 2 or more",
  ],
  [
    "depthMultiplier 0",
    () => on(image, depthwiseConv2d({ kernelSize: 2, depthMultiplier: 0 })),
    RangeError,
    "depthwiseConv2d: depthMultiplier is 0, needs a whole number ≥ 1",
  ],
  ["units 0", () => on([3], dense({ units: 0 })), RangeError, "dense: units is 0, needs a whole number ≥ 1"],
  ["dropout rate 1", () => on([3], dropout({ rate: 1 })), RangeError, "dropout: rate is 1, needs a finite number ≥ 0 and < 1"],
  ["no dropout rate", () => on([3], dropout(loose({}))), TypeError, "dropout: rate is undefined, needs a finite number ≥ 0 and < 1"],
  ["epsilon 0", () => on([3], batchNormalization({ epsilon: 0 })), RangeError, "batchNormalization: epsilon is 0, needs a finite number > 0"],
  [
    "momentum 1",
    () => on([3], batchNormalization({ momentum: 1 })),
    RangeError,
    "batchNormalization: momentum is 1, needs a finite number ≥ 0 and < 1",
  ],
  ["center as a number", () => on([3], batchNormalization(loose({ center: 0 }))), TypeError, "batchNormalization: center is 0, needs true or false"],
  ["variance 0", () => on([2], normalization({ variance: 0 })), RangeError, "normalization: variance is 0, needs a finite number > 0"],
  ["as many means as no channels", () => on([2], normalization({ mean: [1] })), RangeError, "normalization: mean has 1 values, needs 2 (channels)"],
  ["means as text", () => on([2], normalization(loose({ mean: "12" }))), TypeError, 'normalization: mean is "12", needs a number or an array'],
  ["scale NaN", () => on([2], rescaling({ scale: Number.NaN })), RangeError, "rescaling: scale is NaN, needs a finite number"],
  ["reshape to nothing", () => on([4], reshape(loose({}))), TypeError, "reshape: targetShape is undefined, needs an array of sizes"],
  ["reshape to another size", () => on([4], reshape({ targetShape: [3] })), RangeError, "reshape: [4] has 4 values and cannot become [3]"],
  [
    "reshape with two unknown sizes",
    () => on([4], reshape({ targetShape: [-1, -1] })),
    RangeError,
    "reshape: target shape [-1, -1] has 2 sizes of -1, at most one can be inferred",
  ],
  ["negative padding", () => on(image, zeroPadding2d({ padding: -1 })), RangeError, "zeroPadding2d: padding is -1, needs a whole number ≥ 0"],
  [
    "fractional padding",
    () => on(image, zeroPadding2d({ padding: [1, 0.5] })),
    RangeError,
    "zeroPadding2d: padding is 0.5, needs a whole number ≥ 0",
  ],
  [
    "padding of three",
    () => on(image, zeroPadding2d(loose({ padding: [1, 2, 3] }))),
    TypeError,
    "zeroPadding2d: padding is an array of 3, needs a number, [rows, columns] or [[top, bottom], [left, right]]",
  ],
  ["a name that is a number", () => dense(loose({ units: 1, name: 5 })), TypeError, 'dense: name is 5, needs a text without "/"'],
  ["an empty name", () => dense({ units: 1, name: "" }), RangeError, 'dense: name is "", needs a text without "/"'],
  ["a name with a slash", () => dense({ units: 1, name: "a/b" }), RangeError, 'dense: name is "a/b", needs a text without "/"'],
];

const two: Shape = [2];
const a = input({ shape: two, name: "a" });
const b = input({ shape: two, name: "b" });
const unit = () => dense({ units: 2 });

/** Symbolic values are plain objects: somebody may change them. */
function cyclic(name?: string): SymbolicTensor {
  const first = add(name === undefined ? {} : { name }).apply([a, a]);
  const last = unit().apply(first);
  (first.inputs as SymbolicTensor[])[1] = last;
  return last;
}

export const badGraphs: BadInput[] = [
  ["sequential of nothing", () => sequential([]), RangeError, "sequential: got no layers"],
  ["sequential without a list", () => sequential(loose(undefined)), TypeError, "sequential: got undefined, needs an array of layers"],
  ["sequential of text", () => sequential(loose(["dense"])), TypeError, 'sequential: got "dense", needs a layer'],
  ["sequential with a hole", () => sequential(loose([a, null])), TypeError, "sequential: got null, needs a layer"],
  ["sequential of factories", () => sequential(loose([a, relu])), TypeError, "sequential: got a function, needs a layer"],
  ["sequential with a second input", () => sequential([a, b]), TypeError, "sequential: got an object, needs a layer"],
  [
    "sequential without input shape",
    () => sequential([unit()]),
    RangeError,
    "sequential: the first layer needs inputShape, or put input({ shape }) before it",
  ],
  [
    "two layers of one name",
    () => sequential([a, dense({ units: 2, name: "same" }), dense({ units: 2, name: "same" })]),
    RangeError,
    'model: two layers are named "same"; names must be unique',
  ],
  [
    "apply on data",
    () => unit().apply(loose({ data: [1, 2], shape: [1, 2] })),
    TypeError,
    "dense: apply got an object, needs values made by input() or apply()",
  ],
  [
    "apply on nothing",
    () => dense({ units: 2, name: "d" }).apply(loose(undefined)),
    TypeError,
    'dense "d": apply got undefined, needs values made by input() or apply()',
  ],
  ["two inputs for one", () => unit().apply([a, b]), RangeError, "dense: got 2 inputs, needs 1"],
  ["one input for two", () => add().apply(a), RangeError, "add: got 1 inputs, needs at least 2"],
  [
    "addends that differ",
    () => add().apply([a, input({ shape: [3] })]),
    RangeError,
    "add: inputs [2] and [3] differ; they must be equal, or one of them [1, 1, channels] or [channels]",
  ],
  [
    "factors whose channels differ",
    () => multiply({ name: "gate" }).apply([input({ shape: [4, 4, 3] }), input({ shape: [1, 1, 2] })]),
    RangeError,
    'multiply "gate": inputs [4, 4, 3] and [1, 1, 2] differ; they must be equal, or one of them [1, 1, channels] or [channels]',
  ],
  [
    "branches of another height",
    () => concatenate().apply([input({ shape: [2, 2, 1] }), input({ shape: [3, 2, 1] })]),
    RangeError,
    "concatenate: inputs [2, 2, 1], [3, 2, 1] differ in more than the last axis (channels)",
  ],
  [
    "a shared layer on another shape",
    () => {
      const shared = dense({ units: 2, name: "shared" });
      const longer = input({ shape: [3] });
      return model({ inputs: [a, longer], outputs: add().apply([shared.apply(a), shared.apply(longer)]) });
    },
    RangeError,
    'dense "shared": shared, its kernel has shape [2,2], this input needs [3,2]',
  ],
  ["model of nothing", () => model(loose(undefined)), TypeError, "model: got undefined, needs an object of options"],
  [
    "neither inputs nor outputs",
    () => model({ inputs: [], outputs: [] }),
    TypeError,
    "model: got undefined, needs inputs and outputs made by input() and apply()",
  ],
  ["an input's name that is none", () => input(loose({ shape: [2], name: 3 })), TypeError, "input: name is 3, needs a text"],
  ["no outputs", () => model({ inputs: a, outputs: [] }), RangeError, "model: input 0 is not connected to any output"],
  [
    "outputs that are none",
    () => model(loose({ inputs: a, outputs: undefined })),
    TypeError,
    "model: got undefined, needs inputs and outputs made by input() and apply()",
  ],
  [
    "inputs that are none",
    () => model(loose({ inputs: 5, outputs: unit().apply(a) })),
    TypeError,
    "model: got 5, needs inputs and outputs made by input() and apply()",
  ],
  ["an input listed twice", () => model({ inputs: [a, a], outputs: unit().apply(a) }), RangeError, "model: input 0 is listed twice"],
  ["a dangling input", () => model({ inputs: [a, b], outputs: unit().apply(b) }), RangeError, "model: input 0 is not connected to any output"],
  [
    "an output that does not depend on the inputs",
    () => model({ inputs: a, outputs: unit().apply(b) }),
    RangeError,
    'model: an output depends on input "b" of shape [2], which is not among inputs',
  ],
  [
    "an output of an unnamed input",
    () => model({ inputs: a, outputs: unit().apply(input({ shape: two })) }),
    RangeError,
    "model: an output depends on an input of shape [2], which is not among inputs",
  ],
  ["a cycle", () => model({ inputs: a, outputs: cyclic("sum") }), RangeError, 'model: the graph has a cycle through add "sum"'],
  ["a cycle through a layer without a name", () => model({ inputs: a, outputs: cyclic() }), RangeError, "model: the graph has a cycle through add"],
];

export const badModelOptions: BadInput[] = [
  [
    "a misspelt option",
    () => untrained(loose({ sede: 1 })),
    TypeError,
    'model: unknown option "sede"; known: seed, classNames, preprocessing, machine, numerics, elementBytes, threads, wasm',
  ],
  ["options null", () => sequential([a, unit()], loose(null)), TypeError, "model: got null, needs an object of options"],
  ["a number for options", () => sequential([a, unit()], loose(3)), TypeError, "model: got 3, needs an object of options"],
  ["an unknown machine", () => untrained(loose({ machine: "gpu" })), RangeError, 'model: machine is "gpu", needs "auto" or "wasm" or "plain"'],
  ["unknown numerics", () => untrained(loose({ numerics: "fast" })), RangeError, 'model: numerics is "fast", needs "auto" or "strict" or "relaxed"'],
  ["elementBytes 2", () => untrained(loose({ elementBytes: 2 })), RangeError, "model: elementBytes is 2, needs 4 or 8"],
  ["a fractional seed", () => untrained({ seed: 1.5 }), RangeError, "model: seed is 1.5, needs a whole number ≥ -2147483648 and < 4294967296"],
  [
    "a seed beyond 32 bits",
    () => untrained({ seed: 2 ** 40 }),
    RangeError,
    "model: seed is 1099511627776, needs a whole number ≥ -2147483648 and < 4294967296",
  ],
  ["a seed as text", () => untrained(loose({ seed: "1" })), TypeError, 'model: seed is "1", needs a whole number ≥ -2147483648 and < 4294967296'],
  ["class names as text", () => untrained(loose({ classNames: "abc" })), TypeError, 'model: classNames is "abc", needs an array of texts'],
  ["too few class names", () => untrained({ classNames: ["O", "X"] }), RangeError, "model: classNames has 2 names, needs 3"],
];
