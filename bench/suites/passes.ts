/** Kernels that move data more than they compute: beside a loop without arithmetic over the same bytes. */

import { batchNormalization, dense, type Layer, type LayerOptions, maxPooling2d, relu, sequential } from "../../src/index.ts";
import { seededUniform } from "../cases.ts";
import { ADAM_DEFAULTS, adam } from "../js/adam.ts";
import { batchNormalizationInputGrad, batchNormalizationOutput } from "../js/batchNormalization.ts";
import { maxPool2dInputGrad, maxPool2dOutput, relu as reluInJs } from "../js/pool2d.ts";
import type { KernelCase, Subject } from "../kernelCase.ts";
import { internals, machinesReady, ProgramUnderTest } from "../program.ts";
import type { Streams } from "./reference.ts";

/** The second convolution's output in the MNIST CNN at batch 64: 9.4 MB. */
const MNIST: MapShape = { batch: 64, size: 24, channels: 64 };
const { channels: CHANNELS } = MNIST;
const COUNT = countOf(MNIST);
const BYTES = 4 * COUNT;
const SHAPE = nameOf(MNIST);
/** Weights and biases of its first dense layer. */
const DENSE = { inputs: 9216, outputs: 128 };

/** The same float32 operations, at most in another order. */
const ELEMENT = 1e-6;
/** With statistics of 36,864 pixels. */
const NORMALIZED = 1e-5;

/** A batch of square maps. */
export interface MapShape {
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
}

function countOf({ batch, size, channels }: MapShape): number {
  return batch * size * size * channels;
}

function nameOf({ batch, size, channels }: MapShape): string {
  return `${channels}_${size}@${batch}`;
}

export function passes(): KernelCase[] {
  return [poolOutput(MNIST), poolGrad(MNIST), normalization(), normalizationInputGrad(), reluOutput(), adamUpdate()];
}

const made = new Map<string, Float32Array>();

/** Never written to: made once for all machines. */
function values(seed: number, count = COUNT): Float32Array {
  const key = `${seed} ${count}`;
  const array = made.get(key) ?? seededUniform(seed)(count, 1);
  made.set(key, array);
  return array;
}

interface LayerCase {
  readonly layer: (options: LayerOptions) => Layer;
  readonly shape?: MapShape;
}

/** A layer's training program with gradients of the input, its forward section run once. */
async function layerProgram({ layer, shape = MNIST }: LayerCase, machine: "wasm" | "plain") {
  const model = sequential([layer({ inputShape: [shape.size, shape.size, shape.channels] })], { machine });
  const { outputs, inputs } = model.graph;
  const program = await ProgramUnderTest.of(model, shape.batch, { mode: "training", outputs: [...outputs, ...inputs], backward: "inputs" });
  program.port("inputs").set(values(5, countOf(shape)));
  program.run("strict", ["forward"]);
  program.seed.set(values(6, program.seed.length));
  return { model, program };
}

/** Addresses of what a stream loop goes over. */
interface Places {
  readonly input: number;
  readonly output: number;
  readonly outputGrad: number;
  readonly inputGrad: number;
}

type Stream = (streams: Streams, places: Places) => void;

function streamOver(program: ProgramUnderTest, stream: Stream) {
  const [input, output, inputGrad] = (["inputs", "outputs", "inputGradients"] as const).map((name) => program.port(name).byteOffset);
  const places = { input, output, inputGrad, outputGrad: program.seed.byteOffset };
  return (streams: Streams) => () => stream(streams, places);
}

async function forward(layer: LayerCase, machine: "wasm" | "plain", stream: Stream): Promise<Subject> {
  const { model, program } = await layerProgram(layer, machine);
  return {
    model,
    stream: streamOver(program, stream),
    runner: (numerics) => () => program.run(numerics, ["forward"]),
    result: (run) => {
      run();
      return { output: program.port("outputs").slice() };
    },
  };
}

interface Gradient {
  readonly kernel: string;
  readonly stream: Stream;
}

async function inputGrad(layer: LayerCase, machine: "wasm" | "plain", { kernel, stream }: Gradient): Promise<Subject> {
  const { model, program } = await layerProgram(layer, machine);
  return {
    model,
    stream: streamOver(program, stream),
    runner: (numerics) => program.record(numerics, kernel),
    result: (run) => {
      run();
      return { inputGrad: program.port("inputGradients").slice() };
    },
  };
}

function pooledInJs(shape: MapShape) {
  const outputs = shape.batch * Math.floor(shape.size / 2) ** 2 * shape.channels;
  const arrays = { input: values(5, countOf(shape)), output: new Float32Array(outputs), argmax: new Uint8Array(outputs) };
  const geometry = { height: shape.size, width: shape.size, channels: shape.channels };
  return { ...arrays, geometry, run: () => maxPool2dOutput(geometry, arrays, shape.batch) };
}

/** Windows of 2x2. */
export function poolOutput(shape: MapShape): KernelCase {
  const bytes = 4 * countOf(shape);
  return {
    ...{ name: `maxpool_2_${nameOf(shape)}`, work: 1.25 * bytes, unit: "GB/s", tolerance: 0 },
    build: (machine) => forward({ layer: maxPooling2d, shape }, machine, (streams, { input, output }) => streams.quarterStream(input, output, bytes)),
    baseline() {
      const { run, output } = pooledInJs(shape);
      return { run, result: () => ({ output }) };
    },
  };
}

export function poolGrad(shape: MapShape): KernelCase {
  const bytes = 4 * countOf(shape);
  return {
    ...{ name: `maxpool_2_${nameOf(shape)}/inputGrad`, work: 1.25 * bytes, unit: "GB/s", tolerance: 0 },
    build: (machine) =>
      inputGrad({ layer: maxPooling2d, shape }, machine, {
        kernel: "pool2dInputGrad",
        stream: (streams, { outputGrad, inputGrad }) => streams.spreadStream(outputGrad, inputGrad, bytes),
      }),
    baseline() {
      const { run, argmax, geometry } = pooledInJs(shape);
      run();
      const arrays = { outputGrad: values(6, argmax.length), argmax, inputGrad: new Float32Array(countOf(shape)) };
      return { run: () => maxPool2dInputGrad(geometry, arrays, shape.batch), result: () => ({ inputGrad: arrays.inputGrad }) };
    },
  };
}

function normalizedInJs() {
  const gamma = new Float32Array(CHANNELS).fill(1);
  const statistics = { mean: new Float32Array(CHANNELS), inverse: new Float32Array(CHANNELS) };
  const arrays = { input: values(5), output: new Float32Array(COUNT), ...statistics };
  const run = () => batchNormalizationOutput(arrays, { gamma, beta: new Float32Array(CHANNELS), epsilon: 1e-3 }, COUNT / CHANNELS);
  return { ...arrays, gamma, run };
}

/** Two passes over the input, one written. */
function normalization(): KernelCase {
  return {
    ...{ name: `batchnorm_${SHAPE}`, work: 3 * BYTES, unit: "GB/s", tolerance: NORMALIZED },
    build: (machine) =>
      forward({ layer: batchNormalization }, machine, (streams, { input, output }) => {
        streams.readStream(input, BYTES);
        streams.copyStream(input, output, BYTES);
      }),
    baseline() {
      const { run, output } = normalizedInJs();
      return { run, result: () => ({ output }) };
    },
  };
}

/** Two passes over input and output gradient, one written. */
function normalizationInputGrad(): KernelCase {
  return {
    ...{ name: `batchnorm_${SHAPE}/inputGrad`, work: 5 * BYTES, unit: "GB/s", tolerance: NORMALIZED },
    build: (machine) =>
      inputGrad({ layer: batchNormalization }, machine, {
        kernel: "batchNormalizationInputGrad",
        stream(streams, { input, outputGrad, inputGrad }) {
          streams.readStream(input, BYTES);
          streams.readStream(outputGrad, BYTES);
          streams.joinStream(input, outputGrad, inputGrad, BYTES);
        },
      }),
    baseline() {
      const { run, input, mean, inverse, gamma } = normalizedInJs();
      run();
      const arrays = { input, outputGrad: values(6), inputGrad: new Float32Array(COUNT), mean, inverse };
      return { run: () => batchNormalizationInputGrad(arrays, gamma, COUNT / CHANNELS), result: () => ({ inputGrad: arrays.inputGrad }) };
    },
  };
}

function reluOutput(): KernelCase {
  return {
    ...{ name: `relu_${SHAPE}`, work: 2 * BYTES, unit: "GB/s", tolerance: 0 },
    build: (machine) => forward({ layer: relu }, machine, (streams, { input, output }) => streams.copyStream(input, output, BYTES)),
    baseline() {
      const [input, output] = [values(5), new Float32Array(COUNT)];
      return { run: () => reluInJs(input, output, COUNT), result: () => ({ output }) };
    },
  };
}

/** All weights and biases of a dense layer, from slots of zeros. */
function adamUpdate(): KernelCase {
  const sizes = [DENSE.inputs * DENSE.outputs, DENSE.outputs];
  const [count, biases] = sizes;
  const weights = sizes.map((size, index) => values(7 + index, size));
  const gradients = sizes.map((size, index) => values(9 + index, size));
  return {
    ...{ name: `adam_${count + biases}`, work: 7 * 4 * (count + biases), unit: "GB/s", tolerance: ELEMENT },
    async build(machine) {
      const model = sequential([dense({ units: DENSE.outputs, inputShape: [DENSE.inputs] })], { machine });
      model.compile({ optimizer: "adam", loss: "meanSquaredError" });
      await machinesReady(model);
      const { engine, session, compiled } = internals(model);
      const program = new ProgramUnderTest(engine, session.trainingProgram(compiled, 1), 1);
      const { parameters } = model.graph;
      const start = () => {
        const { learningRate } = ADAM_DEFAULTS;
        program.setHeader({ learningRate, correctedRate: compiled.optimizer.correctedRate(learningRate, 1) });
        for (const [index, parameter] of parameters.entries()) {
          engine.state.view(parameter, "value").set(weights[index]);
          engine.state.view(parameter, "gradient").set(gradients[index]);
          for (const slot of compiled.optimizer.slots) engine.state.view(parameter, slot).fill(0);
        }
      };
      start();
      return {
        model,
        runner: (numerics) => () => program.run(numerics, ["update"]),
        stream(streams) {
          const at = (role: string) => engine.state.view(parameters[0], role).byteOffset;
          const [gradient, first, second, weight] = ["gradient", ...compiled.optimizer.slots, "value"].map(at);
          return () => streams.adamStream(gradient, first, second, weight, 4 * count, 0);
        },
        result: (run) => {
          start();
          run();
          return Object.fromEntries(parameters.map((parameter) => [parameter.name.split("/")[1], engine.state.view(parameter, "value").slice()]));
        },
      };
    },
    baseline() {
      const start = () =>
        weights.map((weight, index) => {
          const slots = { first: new Float32Array(weight.length), second: new Float32Array(weight.length) };
          return { weight: weight.slice(), grad: gradients[index], ...slots };
        });
      const run = (arrays: ReturnType<typeof start>) => {
        for (const each of arrays) adam(each, ADAM_DEFAULTS, 1);
        return { kernel: arrays[0].weight, bias: arrays[1].weight };
      };
      const measured = start();
      return { run: () => run(measured), result: () => run(start()) };
    },
  };
}
