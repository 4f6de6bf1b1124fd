/**
 * What each kernel of inference reads and writes, given its record: the contracts of assembly/records.ts as checks. A step that passes
 * them stays inside its regions whatever the numbers in its arrays are, for the kernels themselves trust their records.
 */
import { Activation, Algorithm, Binary, Panels, Pooling, type RECORDS, type Tensor, Write } from "../../build/records.ts";
import { panelFloats, productScratch } from "../ops/conv2d.ts";
import type { StepReader } from "./stepReader.ts";

/** Operations of a run, elements read or multiply-adds: ten times what the largest classifiers in use take for 32 pictures. */
export const MOST_WORK = 2 ** 42;

type Window = Record<"windowHeight" | "windowWidth" | "strideY" | "strideX" | "padTop" | "padLeft", number>;

/** Checks a step and gives its work per sample. */
type Contract = (step: StepReader) => number;

/** Nothing but a gradient is added to what is there: the kernels of inference cannot. */
const WRITES = [Write.overwrite];

/** Those that a convolution applies itself, then all others. Listed, not taken from the object of their names, which the bundle then goes without. */
const FUSED = [Activation.linear, Activation.relu, Activation.relu6, Activation.leakyRelu];
const ACTIVATIONS = [
  ...FUSED,
  Activation.elu,
  Activation.selu,
  Activation.sigmoid,
  Activation.tanh,
  Activation.softplus,
  Activation.swish,
  Activation.gelu,
  Activation.hardSigmoid,
  Activation.hardSwish,
];

export const contracts = {
  copy: (step) => {
    const output = step.target("output");
    step.like("input", output);
    step.choice("write", WRITES);
    return elements(output);
  },

  clearHalo: (step) => {
    const { height, width, channels, haloTop, haloBottom, haloLeft, haloRight } = step.target("output");
    return (height + haloTop + haloBottom) * (width + haloLeft + haloRight) * channels;
  },

  fill: (step) => {
    const [count] = step.wholes(1, "count");
    step.real("value");
    step.targetFloats("output", count);
    return count;
  },

  packWeights: (step) => {
    const [windowHeight, windowWidth] = step.wholes(1, "windowHeight", "windowWidth");
    const [inChannels, outChannels, groups] = step.wholes(1, "inChannels", "outChannels", "groups");
    const layout = step.choice("layout", [Panels.output, Panels.winogradOutput]);
    checkGroups(step, groups, inChannels, outChannels);
    const isWinograd = layout === Panels.winogradOutput;
    if (isWinograd && (windowHeight !== 3 || windowWidth !== 3 || groups !== 1))
      step.fail("layout", "is Winograd's, which needs a 3x3 window and one group");
    const taps = windowHeight * windowWidth;
    step.floats("weight", (taps * inChannels * outChannels) / groups);
    const panels = panelFloats({ windowHeight, windowWidth, depth: inChannels, columns: outChannels, groups, isWinograd });
    step.targetFloats("panels", panels);
    return panels;
  },

  conv2dOutput: (step) => {
    const output = step.target("output");
    const input = step.tensor("input");
    const tensors = [input, output];
    if (step.isNull("residual")) step.absent("residual");
    else tensors.push(step.like("residual", output));
    const window = windowOf(step);
    const { windowHeight, windowWidth, strideY, strideX, padTop, padLeft } = window;
    const [dilationY, dilationX, groups] = step.wholes(1, "dilationY", "dilationX", "groups");
    const algorithm = step.choice("algorithm", [Algorithm.matmul, Algorithm.depthwise, Algorithm.winograd]);
    step.choice("activation", FUSED);
    step.real("alpha");
    const [inChannels, outChannels] = [input.channels, output.channels];
    checkGroups(step, groups, inChannels, outChannels);
    // What the window reads lies in the image or its halo.
    const lastRow = (output.height - 1) * strideY - padTop + (windowHeight - 1) * dilationY;
    const lastColumn = (output.width - 1) * strideX - padLeft + (windowWidth - 1) * dilationX;
    if (padTop > input.haloTop || lastRow >= input.height + input.haloBottom)
      step.fail("windowHeight", "makes the window reach past the halo's rows");
    if (padLeft > input.haloLeft || lastColumn >= input.width + input.haloRight)
      step.fail("windowWidth", "makes the window reach past the halo's columns");
    const perOutput = (windowHeight * windowWidth * inChannels) / groups;
    step.floats("weight", perOutput * outChannels);
    step.floatsOrNull("bias", outChannels);
    const isWinograd = algorithm === Algorithm.winograd;
    const isDepthwise = algorithm === Algorithm.depthwise;
    if (isDepthwise && groups !== inChannels) step.fail("algorithm", "is depthwise, which needs a group per channel");
    const suits = windowHeight === 3 && windowWidth === 3 && strideY * strideX === 1 && dilationY * dilationX === 1 && groups === 1;
    if (isWinograd && !suits) step.fail("algorithm", "is Winograd's, which needs a 3x3 window, stride and dilation 1, one group");
    if (isDepthwise) step.absent("panels");
    else step.floats("panels", panelFloats({ windowHeight, windowWidth, depth: inChannels, columns: outChannels, groups, isWinograd }));
    step.scratch(productScratch(algorithm, { depth: inChannels, columns: outChannels }), tensors);
    return output.height * output.width * outChannels * perOutput;
  },

  pool2dOutput: (step) => {
    const output = step.target("output");
    const input = step.tensor("input");
    if (input.channels !== output.channels) step.fail("input", `has ${input.channels} channels, needs ${output.channels}`);
    step.absent("argmax");
    step.choice("argmaxBytes", [1, 4]);
    step.choice("activation", [Activation.linear, Activation.relu]);
    step.choice("kind", [Pooling.max, Pooling.mean]);
    const { windowHeight, windowWidth, strideY, strideX, padTop, padLeft } = windowOf(step);
    // Every window meets the image.
    const [lastRow, lastColumn] = [(output.height - 1) * strideY - padTop, (output.width - 1) * strideX - padLeft];
    if (padTop >= windowHeight || lastRow >= input.height) step.fail("padTop", "leaves a window without rows");
    if (padLeft >= windowWidth || lastColumn >= input.width) step.fail("padLeft", "leaves a window without columns");
    if (lastRow + windowHeight >= 2 ** 31) step.fail("windowHeight", "makes the last window end beyond 2^31 rows");
    if (lastColumn + windowWidth >= 2 ** 31) step.fail("windowWidth", "makes the last window end beyond 2^31 columns");
    return elements(output) * Math.min(windowHeight, input.height) * Math.min(windowWidth, input.width);
  },

  activationOutput: (step) => {
    const output = step.target("output");
    step.like("input", output);
    step.choice("activation", ACTIVATIONS);
    step.real("alpha");
    return 16 * elements(output);
  },

  softmaxOutput: (step) => {
    const output = step.target("output");
    step.like("input", output);
    return 16 * elements(output);
  },

  binaryOutput: (step) => {
    const output = step.target("output");
    for (const side of ["left", "right"]) {
      const operand = step.tensor(side);
      if (operand.pixelStride > 0) step.like(side, output);
      else if (operand.channels !== output.channels) step.fail(side, `has ${operand.channels} channels, needs ${output.channels}`);
    }
    step.choice("kind", [Binary.add, Binary.multiply]);
    step.choice("write", WRITES);
    return elements(output);
  },

  affineOutput: (step) => {
    const output = step.target("output");
    step.like("input", output);
    step.floats("scale", output.channels);
    step.floatsOrNull("offset", output.channels);
    step.choice("write", WRITES);
    return elements(output);
  },

  foldStatistics: (step) => {
    const [count] = step.wholes(1, "count");
    step.real("epsilon");
    for (const field of ["gamma", "beta"]) step.floatsOrNull(field, count);
    for (const field of ["mean", "variance"]) step.floats(field, count);
    for (const field of ["scale", "offset"]) step.targetFloats(field, count);
    return count;
  },

  foldWeights: (step) => {
    const [rows, columns] = step.wholes(1, "rows", "columns");
    step.floats("weight", rows * columns);
    step.floatsOrNull("bias", columns);
    for (const field of ["scale", "offset"]) step.floats(field, columns);
    step.targetFloats("foldedWeight", rows * columns);
    step.targetFloats("foldedBias", columns);
    return rows * columns;
  },
} satisfies Partial<Record<keyof typeof RECORDS, Contract>>;

function windowOf(step: StepReader): Window {
  const [windowHeight, windowWidth, strideY, strideX] = step.wholes(1, "windowHeight", "windowWidth", "strideY", "strideX");
  const [padTop, padLeft] = step.wholes(0, "padTop", "padLeft");
  return { windowHeight, windowWidth, strideY, strideX, padTop, padLeft };
}

function checkGroups(step: StepReader, groups: number, inChannels: number, outChannels: number): void {
  if (inChannels % groups !== 0 || outChannels % groups !== 0)
    step.fail("groups", `is ${groups}, which does not divide ${inChannels} and ${outChannels} channels`);
}

function elements({ height, width, channels }: Tensor): number {
  return height * width * channels;
}
