/** The op × option × witness matrix of DESIGN's proofs: where each witness of each option is to be found among the tests. */

export const WITNESSES = ["strict", "golden", "float64"] as const;

interface Place {
  readonly file: string;
  /** On the test's full name. */
  readonly test: RegExp;
}

export interface Row extends Readonly<Record<(typeof WITNESSES)[number], Place>> {
  readonly op: string;
  readonly option: string;
}

const at = (file: string, test: RegExp): Place => ({ file: `${file}.test.ts`, test });
const program = (test: RegExp): Place => at("program", test);

function rows(op: string, options: Record<string, readonly [strict: Place, golden: Place, float64: Place]>): Row[] {
  return Object.entries(options).map(([option, [strict, golden, float64]]) => ({ op, option, strict, golden, float64 }));
}

const conv = (test: RegExp): Place => at("kernels/conv2d", new RegExp(`on strict.*${test.source}`));
/** PyTorch; of dropout, the published answers of its generator. */
const torch = (file: string, test: RegExp): Place => at(`golden/${file}`, new RegExp(`on plain .*${test.source}`));

const activation = (kind: string): [string, [Place, Place, Place]] => [
  kind,
  [
    at("kernels/activation", new RegExp(`on strict > ${kind}: the derivative`)),
    torch("activation", new RegExp(`> ${kind}[ ,]`)),
    at("kernels/activation", new RegExp(`${kind}: the gradient is the adjoint in float64`)),
  ],
];

const ACTIVATIONS = ["relu", "relu6", "leakyRelu", "elu", "selu", "sigmoid", "tanh", "softplus", "swish", "gelu", "hardSigmoid", "hardSwish"];

const pool = (kind: string, strict: string, golden: string): [Place, Place, Place] => [
  at("kernels/pool2d", new RegExp(`on strict > ${kind} > ${strict}.*: forward, argmax, gradient`)),
  torch("pool2d", new RegExp(`> ${kind} ${golden}`)),
  at("kernels/pool2d", new RegExp(`finite differences > ${kind}, ${strict}`)),
];

const loss = (file: "crossEntropyLoss" | "elementwiseLoss", kind: string, golden: string): [Place, Place, Place] => [
  at(`kernels/${file}`, new RegExp(`on strict > ${kind}: losses`)),
  torch("losses", new RegExp(`> ${golden},`)),
  at(`kernels/${file}`, new RegExp(`on plain64 > ${kind}: gradients are those of float64`)),
];

const update = (strict: RegExp, golden: string): [Place, Place, Place] => [
  at("kernels/update", new RegExp(`on strict.*${strict.source}`)),
  torch("updates", new RegExp(`> ${golden}$`)),
  at("kernels/update", new RegExp(`on plain64.*${strict.source}`)),
];

export const witnessRows: readonly Row[] = [
  ...rows("conv2d", {
    valid: [conv(/pad 0,0,0,0 groups 1/), torch("conv2d", /> output: valid 3x3/), program(/one convolution/)],
    same: [conv(/pad 1,1,1,1 groups 1/), torch("conv2d", /inputGrad: same 3x3/), program(/same padding, stride 2/)],
    strides: [conv(/inputGrad.*stride 3,2/), torch("conv2d", /inputGrad: stride 2x3/), program(/same padding, stride 2/)],
    "uneven pads": [conv(/weightGrad.*pad 1,0,2,1/), torch("conv2d", /weightGrad: explicit uneven pads/), program(/zero padding/)],
    dilation: [conv(/inputGrad.*dilation 2,2/), torch("conv2d", /inputGrad: dilation and stride/), program(/dilation/)],
    groups: [conv(/weightGrad.*groups 2/), torch("conv2d", /weightGrad: 2 groups/), program(/> groups/)],
    depthwise: [conv(/inputGrad.*depthwise/), torch("conv2d", /inputGrad: depthwise 3x3, stride 2/), program(/separable/)],
    "depthwise multiplier": [conv(/groups [3-9]/), torch("conv2d", /weightGrad: depthwise, multiplier/), program(/depthwise with multiplier/)],
    "1x1": [conv(/window 1,1/), torch("conv2d", /inputGrad: 1x1/), program(/dense over the last axis/)],
    dense: [conv(/5x1x1x37/), torch("conv2d", /weightGrad: dense/), program(/logits/)],
    "fused activation": [conv(/applies leakyRelu/), torch("conv2d", /fused/), program(/fused relu/)],
  }),
  ...rows("pool2d", {
    "max, no overlap": pool("max", "2x2 stride 2", "2x2"),
    "max, same, overlapping": pool("max", "3x3 stride 2, same", "3x3, stride 2, same"),
    "max, global": pool("max", "global", "global"),
    "mean, no overlap": pool("mean", "2x2 stride 2", "2x2"),
    "mean, same, overlapping": pool("mean", "3x3 stride 2, same", "3x3, stride 2, same"),
    "mean, global": pool("mean", "global", "global"),
  }),
  ...rows("activation", Object.fromEntries(ACTIVATIONS.map(activation))),
  ...rows("softmax", {
    "last axis": [
      at("kernels/softmax", /on strict > gradient agrees/),
      at("golden/activation", /softmax on plain > 10 classes/),
      at("kernels/softmax", /adjoint in float64/),
    ],
  }),
  ...rows("batchNormalization", {
    training: [
      at("kernels/batchNormalization", /on strict > 5 channels: gradients/),
      torch("batchNormalization", /training: 5 channels/),
      at("kernels/batchNormalization", /in float64 against finite differences/),
    ],
    "no gamma, no beta": [
      at("kernels/batchNormalization", /on strict > no input gradient, no gamma/),
      torch("batchNormalization", /training: no gamma/),
      program(/batch normalization without scale/),
    ],
    inference: [
      at("kernels/foldedNormalization", /on strict > a folded affine map/),
      torch("batchNormalization", /inference: 5 channels/),
      program(/frozen batch normalization/),
    ],
    folded: [
      at("kernels/foldedNormalization", /on strict > weights of 5/),
      torch("batchNormalization", /folded into a 3x1/),
      program(/frozen batch normalization/),
    ],
  }),
  ...rows("binary", {
    add: [at("kernels/binary", /on strict > add > 17/), torch("binary", /add, equal/), program(/residual/)],
    multiply: [at("kernels/binary", /on strict > multiply > 17/), torch("binary", /multiply, equal/), program(/a value times itself/)],
    broadcast: [
      at("kernels/binary", /on strict > multiply > broadcasts one pixel/),
      torch("binary", /multiply, one value/),
      program(/squeeze and excite/),
    ],
  }),
  ...rows("concatenate", { channels: [at("kernels/copy", /on strict > moves 17/), torch("binary", /concat/), program(/concatenated twice/)] }),
  ...rows("affine", { rescaling: [at("kernels/affine", /on strict > 17/), torch("binary", /affine/), program(/rescaling/)] }),
  ...rows("zeroPadding2d", {
    "all sides": [at("kernels/clearHalo", /on strict > halo top 1/), torch("conv2d", /explicit uneven pads/), program(/zero padding/)],
  }),
  ...rows("reshape", { "with halo": [at("kernels/copy", /on strict > moves 5/), torch("conv2d", /dense 37 to 3/), program(/reshape of a haloed/)] }),
  ...rows("dropout", {
    rate: [at("kernels/dropout", /on strict > rate 0.5/), at("threefry", /./), program(/dropout/)],
  }),
  ...rows("loss", {
    sparseCategoricalCrossentropy: loss("crossEntropyLoss", "sparseLogits", "sparseLogits"),
    categoricalCrossentropy: loss("crossEntropyLoss", "categoricalLogits", "categoricalLogits"),
    "sparse, probabilities": loss("crossEntropyLoss", "sparse", "sparse"),
    "categorical, probabilities": loss("crossEntropyLoss", "categorical", "categorical"),
    binaryCrossentropy: loss("elementwiseLoss", "binaryCrossEntropyLogits", "binaryCrossEntropyLogits"),
    "binary, probabilities": loss("elementwiseLoss", "binaryCrossEntropy", "binaryCrossEntropy"),
    meanSquaredError: loss("elementwiseLoss", "meanSquaredError", "meanSquaredError"),
    meanAbsoluteError: loss("elementwiseLoss", "meanAbsoluteError", "meanAbsoluteError"),
    huber: loss("elementwiseLoss", "huber", "huber 0.7"),
  }),
  ...rows("optimizer", {
    sgd: update(/SGD, momentum 0, nesterov 0/, "sgd"),
    "sgd, momentum": update(/SGD, momentum 0.875, nesterov 0/, "sgd momentum"),
    "sgd, nesterov": update(/SGD, momentum 0.875, nesterov 1/, "sgd nesterov"),
    rmsprop: update(/RMSprop, momentum 0/, "rmsprop"),
    "rmsprop, momentum": update(/RMSprop, momentum 0.5/, "rmsprop momentum"),
    adam: update(/Adam/, "adam"),
    adamW: update(/scaled and decayed > Adam/, "adamW"),
    clipValue: update(/clipped by value > Adam/, "adam clipValue"),
    clipNorm: update(/clipped by norm > Adam/, "adam clipNorm"),
    globalClipNorm: update(/clipped by norm > SGD/, "adamW globalClipNorm over two arrays"),
  }),
  ...rows("regularize", {
    "L1, L2": [at("kernels/regularize", /on strict > 1025 weights/), torch("updates", /adam l1l2 clipNorm/), program(/penalties/)],
  }),
];
