/** Networks that between them use every kernel and option of inference. */
import * as api from "../../src/index.ts";

type Options = Omit<api.ModelOptions, "seed">;

/** All but "linear" and "softmax". */
export const activations = [
  "relu",
  "relu6",
  "leakyRelu",
  "elu",
  "selu",
  "sigmoid",
  "tanh",
  "softplus",
  "swish",
  "gelu",
  "hardSigmoid",
  "hardSwish",
] as const;

export const exportable: Readonly<Record<string, (options: Options) => api.Model>> = {
  plainConvolution: (options) => {
    const layers = [
      api.input({ shape: [8, 8, 1] }),
      api.conv2d({ filters: 5, kernelSize: 3, activation: "relu" }),
      api.maxPooling2d(),
      api.flatten(),
    ];
    return api.sequential([...layers, api.dense({ units: 3, activation: "softmax" })], { seed: 3, ...options });
  },

  winogradWithBatchNormalization: (options) => {
    const x = api.input({ shape: [17, 13, 16] });
    const a = api.conv2d({ filters: 24, kernelSize: 3, padding: "same", useBias: false }).apply(x);
    const b = api.relu().apply(api.batchNormalization().apply(a));
    const c = api.conv2d({ filters: 24, kernelSize: 3, padding: "same", activation: "leakyRelu" }).apply(b);
    const sum = api.add().apply([b, c]);
    const outputs = api.dense({ units: 4 }).apply(api.globalAveragePooling2d().apply(sum));
    return stirred(api.model({ inputs: x, outputs }, { seed: 4, ...options }));
  },

  depthwiseAndGroups: (options) => {
    const x = api.input({ shape: [11, 9, 6] });
    const a = api.depthwiseConv2d({ kernelSize: 3, padding: "same", strides: 2 }).apply(api.zeroPadding2d({ padding: 1 }).apply(x));
    const b = api.conv2d({ filters: 9, kernelSize: [3, 2], groups: 3, dilationRate: 2, padding: "same" }).apply(a);
    const c = api.separableConv2d({ filters: 10, kernelSize: 3, padding: "same" }).apply(b);
    return api.model({ inputs: x, outputs: api.averagePooling2d({ poolSize: 3, strides: 2, padding: "same" }).apply(c) }, { seed: 5, ...options });
  },

  branches: (options) => {
    const x = api.input({ shape: [7, 7, 3] });
    const scaled = api.rescaling({ scale: 1 / 255, offset: -0.5 }).apply(x);
    const left = api.conv2d({ filters: 4, kernelSize: 1, activation: "sigmoid" }).apply(scaled);
    const right = api.conv2d({ filters: 4, kernelSize: 5, padding: "same" }).apply(scaled);
    const gate = api.reshape({ targetShape: [1, 1, 4] }).apply(api.globalAveragePooling2d().apply(right));
    const gated = api.multiply().apply([right, gate]);
    const both = api.concatenate().apply([left, gated, scaled]);
    const pooled = api.globalMaxPooling2d().apply(api.dropout({ rate: 0.5 }).apply(both));
    return api.model({ inputs: x, outputs: [api.softmax().apply(both), pooled] }, { seed: 6, ...options });
  },

  /** A grouped convolution's scratch comes to lie right behind the tensor of which the convolution writes a slice. */
  slices: (options) => {
    const x = api.input({ shape: [10, 19, 8] });
    const a = api.conv2d({ filters: 33, kernelSize: [5, 1], activation: "elu" }).apply(x);
    const b = api.conv2d({ filters: 18, kernelSize: 3, padding: "same", groups: 3, activation: "hardSwish" }).apply(a);
    const c = api.conv2d({ filters: 12, kernelSize: 1, groups: 2 }).apply(b);
    const both = api.concatenate().apply([c, b]);
    return api.model({ inputs: x, outputs: api.dense({ units: 8 }).apply(api.globalMaxPooling2d().apply(both)) }, { seed: 9, ...options });
  },

  everyActivation: (options) => {
    const x = api.input({ shape: [5, 5, 2] });
    const value = activations.reduce(
      (before, activation) => api.conv2d({ filters: 3, kernelSize: 2, padding: "same", activation }).apply(before),
      x as api.SymbolicTensor,
    );
    return api.model({ inputs: x, outputs: api.batchNormalization().apply(api.maxPooling2d().apply(value)) }, { seed: 7, ...options });
  },

  twoInputs: (options) => {
    const [image, extra] = [api.input({ shape: [6, 6, 2], name: "image" }), api.input({ shape: [5], name: "extra" })];
    const features = api.flatten().apply(api.conv2d({ filters: 3, kernelSize: 3 }).apply(image));
    const joined = api.concatenate().apply([features, extra]);
    return api.model({ inputs: [image, extra], outputs: api.dense({ units: 2 }).apply(joined) }, { seed: 8, ...options });
  },
};

/** Statistics and offsets as training leaves them: none is 0 or 1. */
function stirred(model: api.Model): api.Model {
  const weights = model.getWeights().map(({ name, data, shape }) => {
    if (/kernel/.test(name)) return { data, shape };
    return { data: data.map((value, index) => value + 0.3 + 0.1 * Math.sin(index)), shape };
  });
  model.setWeights(weights);
  return model;
}

/** Samples for every input, the same at every call. */
export function samplesFor(model: Pick<api.Model, "inputShapes">, count: number): Float32Array[] {
  return model.inputShapes.map((shape, input) => {
    const size = shape.reduce((product, length) => product * length, count);
    return Float32Array.from({ length: size }, (_, index) => 3 * Math.sin(1 + index * (1.7 + input)));
  });
}
