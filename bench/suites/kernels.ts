/**
 * Single layers. Forward cases run the whole forward section of a one-layer model: the copy into a haloed tensor belongs to a layer
 * that reads what the host wrote. Gradients are one record each: in a network their operands are written with the halo they need.
 * Weights are packed before, but for the cases named so.
 */

import { conv2d, dense, type Layer, sequential, zeroPadding2d } from "../../src/index.ts";
import type { Section } from "../../src/ops/op.ts";
import { type ConvCase, convData, parseCase, seededUniform } from "../cases.ts";
import type { Bench } from "../harness.ts";
import { conv2dInputGrad, conv2dOutput, conv2dWeightGrad, prepareConv2d } from "../js/conv2d.ts";
import { type Conv2dPlan, planConv2d } from "../js/conv2dPlan.ts";
import { denseOutput as denseInJs } from "../js/dense.ts";
import { type KernelCase, type MachineOptions, timeKernel } from "../kernelCase.ts";
import { internals, ProgramUnderTest } from "../program.ts";
import { convolutions } from "../selection.ts";
import { passes } from "./passes.ts";

const GRADIENTS_OF = "conv_64_64_3_1_1_56_1@8";
/** What `--short` leaves. */
const SHORT = /^(conv_64_64_3_1_1_56_1|conv_96_96_3_1_1_56_96|gemm_256|maxpool_[^/]*@64|batchnorm_[^/]*@64|relu_.*@64|adam_1179776)$/;

/** Relative to the largest value: a float32 sum of up to some thousand products. */
const SUM = 1e-5;
/** Of tens of thousands, over all pixels of a batch. */
const PIXEL_SUM = 1e-4;

export async function kernels(bench: Bench): Promise<void> {
  const cases = [
    ...convolutions(bench.options).map((name) => convOutput(conv(name))),
    convInputGrad(conv(GRADIENTS_OF)),
    convWeightGrad(conv(GRADIENTS_OF)),
    ...[256, 512].flatMap((size) => [gemm(size, ["forward"]), gemm(size, ["prepare", "forward"])]),
  ];
  for (const kernel of [...cases, ...passes()]) {
    if (bench.wants("kernels", kernel.name, { inShort: SHORT.test(kernel.name) })) await timeKernel(bench, kernel);
  }
}

function conv(name: string): ConvCase {
  const parsed = parseCase(name);
  if (parsed.kind !== "conv") throw new TypeError(`benchmark case "${name}": not a convolution`);
  return parsed;
}

/** The product pads as Keras does, only as much as "same" needs: other paddings are a layer of their own. */
function convLayers({ size, inChannels, outChannels, window, stride, padding, groups }: ConvCase): Layer[] {
  const same = padding > 0 && stride === 1 && window === 2 * padding + 1;
  const inputShape = [size, size, inChannels];
  const own = { filters: outChannels, kernelSize: window, strides: stride, groups };
  if (same || padding === 0) return [conv2d({ ...own, padding: same ? "same" : "valid", inputShape })];
  return [zeroPadding2d({ padding, inputShape }), conv2d(own)];
}

function convModel(conv: ConvCase, machine: MachineOptions) {
  const model = sequential(convLayers(conv), machine);
  const { input, weight, bias } = convData(conv);
  model.setWeights([weight, bias]);
  return { model, input };
}

function jsPlan({ size, inChannels, outChannels, window, stride, padding, groups }: ConvCase): Conv2dPlan {
  const geometry = { window: [window, window], padding: [padding, padding], stride, groups } as const;
  return planConv2d({ height: size, width: size, inChannels, outChannels, ...geometry });
}

export function convOutput(conv: ConvCase): KernelCase {
  return {
    ...{ name: conv.name, work: conv.flop, bytes: bytesOf(conv), unit: "GFLOP/s", tolerance: SUM },
    async build(machine) {
      const { model, input } = convModel(conv, machine);
      const { outputs, inputs } = model.graph;
      // Asked for as an output, the input keeps its place: the section may run again.
      const program = await ProgramUnderTest.of(model, conv.batch, { mode: "inference", outputs: [...outputs, ...inputs] });
      program.port("inputs").set(input);
      return {
        model,
        runner: (numerics) => () => program.run(numerics, ["forward"]),
        result: (run) => {
          run();
          return { output: program.port("outputs").slice() };
        },
        arithmetic: program.arithmetic({ sections: ["forward"] }),
      };
    },
    baseline() {
      const plan = jsPlan(conv);
      const { input, weight, bias } = convData(conv);
      const output = new Float32Array(conv.batch * conv.outSize ** 2 * conv.outChannels);
      const arrays = { input, weight, bias, output, prepared: prepareConv2d(plan, weight) };
      return { run: () => conv2dOutput(plan, arrays, conv.batch), result: () => ({ output }) };
    },
  };
}

/** Of input, weights and output, or of their gradients: each once. */
function bytesOf({ batch, size, inChannels, outChannels, window, groups, outSize }: ConvCase): number {
  return 4 * (batch * (size ** 2 * inChannels + outSize ** 2 * outChannels) + (window ** 2 * inChannels * outChannels) / groups);
}

function outputGradOf({ batch, outSize, outChannels }: ConvCase): Float32Array {
  return seededUniform(3)(batch * outSize ** 2 * outChannels, 1);
}

export function convInputGrad(conv: ConvCase): KernelCase {
  return {
    ...{ name: `${conv.name}/inputGrad`, work: conv.flop, bytes: bytesOf(conv), unit: "GFLOP/s", tolerance: SUM },
    async build(machine) {
      const { model } = convModel(conv, machine);
      const program = await ProgramUnderTest.of(model, conv.batch, { mode: "inference", outputs: [], backward: "inputs" });
      program.seed.set(outputGradOf(conv));
      program.runKernels(["copy", "clearHalo"]);
      return {
        model,
        runner: (numerics) => program.record(numerics, "conv2dInputGrad"),
        result: (run) => {
          run();
          return { inputGrad: program.port("inputGradients").slice() };
        },
        arithmetic: program.arithmetic({ kernel: "conv2dInputGrad" }),
      };
    },
    baseline() {
      const plan = jsPlan(conv);
      const { input, weight } = convData(conv);
      const arrays = { outputGrad: outputGradOf(conv), weight, inputGrad: new Float32Array(input.length) };
      return { run: () => conv2dInputGrad(plan, arrays, conv.batch), result: () => ({ inputGrad: arrays.inputGrad }) };
    },
  };
}

export function convWeightGrad(conv: ConvCase): KernelCase {
  return {
    ...{ name: `${conv.name}/weightGrad`, work: conv.flop, bytes: bytesOf(conv), unit: "GFLOP/s", tolerance: PIXEL_SUM },
    async build(machine) {
      const { model, input } = convModel(conv, machine);
      model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
      const { engine, compiled } = internals(model);
      const spec = { mode: "training", outputs: [], loss: compiled.loss, backward: "parameters" } as const;
      const program = await ProgramUnderTest.of(model, conv.batch, spec);
      program.port("inputs").set(input);
      program.runKernels(["copy", "clearHalo"]);
      program.field("conv2dWeightGrad", "outputGrad").set(outputGradOf(conv));
      const [weight, bias] = model.graph.parameters;
      return {
        model,
        runner: (numerics) => program.record(numerics, "conv2dWeightGrad"),
        result: (run) => {
          run();
          return { weightGrad: engine.state.view(weight, "gradient").slice(), biasGrad: engine.state.view(bias, "gradient").slice() };
        },
        arithmetic: program.arithmetic({ kernel: "conv2dWeightGrad" }),
      };
    },
    baseline() {
      const plan = jsPlan(conv);
      const { input, weight, bias } = convData(conv);
      const grads = { weightGrad: new Float32Array(weight.length), biasGrad: new Float32Array(bias.length) };
      const arrays = { input, outputGrad: outputGradOf(conv), ...grads };
      return { run: () => conv2dWeightGrad(plan, arrays, conv.batch), result: () => grads };
    },
  };
}

/** output [size, size] ← a · b: a dense layer; with section `prepare` b is packed each time, as bench/js does anyway. */
function gemm(size: number, sections: readonly Section[]): KernelCase {
  const name = `gemm_${size}${sections.includes("prepare") ? "/packing" : ""}`;
  return { ...denseOutput({ inputs: size, outputs: size, batch: size }, sections), name };
}

/** output [batch, outputs] ← input · weight + bias. */
export function denseOutput(shape: { inputs: number; outputs: number; batch: number }, sections: readonly Section[] = ["forward"]): KernelCase {
  const { inputs, outputs, batch } = shape;
  const uniform = seededUniform(4);
  const bytes = 4 * (batch * inputs + inputs * outputs + outputs + batch * outputs);
  const [input, weight, bias] = [uniform(batch * inputs, 1), uniform(inputs * outputs, 1), uniform(outputs, 1)];
  return {
    ...{ name: `dense_${inputs}_${outputs}@${batch}`, work: 2 * batch * inputs * outputs, bytes, unit: "GFLOP/s", tolerance: SUM },
    async build(machine) {
      const model = sequential([dense({ units: outputs, inputShape: [inputs] })], machine);
      model.setWeights([weight, bias]);
      const { graph } = model;
      const program = await ProgramUnderTest.of(model, batch, { mode: "inference", outputs: [...graph.outputs, ...graph.inputs] });
      program.port("inputs").set(input);
      return {
        model,
        runner: (numerics) => () => program.run(numerics, sections),
        result: (run) => {
          run();
          return { output: program.port("outputs").slice() };
        },
        arithmetic: program.arithmetic({ sections }),
      };
    },
    baseline() {
      const output = new Float32Array(batch * outputs);
      return { run: () => denseInJs({ inputs, outputs }, { input, weight, bias, output }, batch), result: () => ({ output }) };
    },
  };
}
