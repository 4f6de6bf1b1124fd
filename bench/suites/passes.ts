/** Kernels that move data more than they compute: beside a loop without arithmetic over the same bytes. */

import { batchNormalization, dense, type Layer, type LayerOptions, maxPooling2d, relu, sequential } from "../../src/index.ts";
import { seededUniform } from "../cases.ts";
import { ADAM_DEFAULTS, adam } from "../js/adam.ts";
import { batchNormalizationInputGrad, batchNormalizationOutput } from "../js/batchNormalization.ts";
import { maxPool2dInputGrad, maxPool2dOutput, relu as reluInJs } from "../js/pool2d.ts";
import type { KernelCase, MachineOptions, Subject } from "../kernelCase.ts";
import { internals, machinesReady, ProgramUnderTest } from "../program.ts";
import type { Streams } from "./reference.ts";

/** The second convolution's output in the MNIST CNN at batch 64: 9.4 MB, which a large cache holds. */
const MNIST: MapShape = { batch: 64, size: 24, channels: 64 };
/**
 * 151 MB: out of cache. Arrays of a quarter of it were not, not whole: a third-level cache of 32 MB gave the loops without arithmetic 18 % more than the
 * memory does.
 */
const LARGE: MapShape = { ...MNIST, batch: 1024 };
/** Weights and biases of its first dense layer: four arrays of 4.7 MB; and of 75.5 MB. */
const DENSE = { inputs: 9216, outputs: 128 };
const LARGE_DENSE = { inputs: 9216, outputs: 2048 };

/** Operations of a value. Sum, squared sum (2); difference, scale and offset (3). */
const BATCHNORM = 6;
/** Sum; normalized value (2) times gradient, summed (2); the gradient from both (5). */
const BATCHNORM_GRAD = 10;
/** First moment (3), second (4), step (5). */
const ADAM = 12;

/** A value read, a quarter written, and a byte for each of these. */
const POOL_BYTES = 1.3125;

/** The same float32 operations, at most in another order. */
const ELEMENT = 1e-6;
/** With statistics of 589,824 pixels. */
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
  const maps = [MNIST, LARGE].flatMap((shape) => [poolOutput, poolGrad, normalization, normalizationGrad, reluOutput].map((make) => make(shape)));
  return [...maps, adamUpdate(DENSE), adamUpdate(LARGE_DENSE)];
}

const made = new Map<string, Float32Array>();

/** Never written to: made once for all machines. */
function values(seed: number, count: number): Float32Array {
  const key = `${seed} ${count}`;
  const array = made.get(key) ?? seededUniform(seed)(count, 1);
  made.set(key, array);
  return array;
}

interface LayerCase {
  readonly layer: (options: LayerOptions) => Layer;
  readonly shape: MapShape;
}

/** A layer's training program with gradients of the input, its forward section run once. */
async function layerProgram({ layer, shape }: LayerCase, machine: MachineOptions) {
  const model = sequential([layer({ inputShape: [shape.size, shape.size, shape.channels] })], machine);
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

function streamsOver(program: ProgramUnderTest, streams: readonly Stream[]) {
  const [input, output, inputGrad] = (["inputs", "outputs", "inputGradients"] as const).map((name) => program.port(name).byteOffset);
  const places = { input, output, inputGrad, outputGrad: program.seed.byteOffset };
  return (loops: Streams) => streams.map((stream) => () => stream(loops, places));
}

async function forward(layer: LayerCase, machine: MachineOptions, ...streams: readonly Stream[]): Promise<Subject> {
  const { model, program } = await layerProgram(layer, machine);
  return {
    model,
    streams: streamsOver(program, streams),
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

async function inputGrad(layer: LayerCase, machine: MachineOptions, { kernel, stream }: Gradient): Promise<Subject> {
  const { model, program } = await layerProgram(layer, machine);
  return {
    model,
    streams: streamsOver(program, [stream]),
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

/** Rows go in pairs; the argmax lies where the gradient of the input would be. */
function poolStreams({ batch, size, channels }: MapShape): Stream[] {
  const rowBytes = 4 * size * channels;
  return [0, 2 * rowBytes].map((reach): Stream => {
    return (streams, { input, output, inputGrad }) => streams.quarterStream(input, output, inputGrad, (batch * size) >> 1, rowBytes, reach);
  });
}

/** The argmax lies where the output is. */
function poolGradStream({ batch, size, channels }: MapShape): Stream {
  return (streams, { outputGrad, output, inputGrad }) =>
    streams.spreadStream(outputGrad, output, inputGrad, (batch * size) >> 1, 4 * size * channels);
}

/** Windows of 2x2. The maximum's cell is a byte for each of its four. */
export function poolOutput(shape: MapShape): KernelCase {
  const bytes = 4 * countOf(shape);
  return {
    ...{
      name: `maxpool_2_${nameOf(shape)}`,
      work: POOL_BYTES * bytes,
      bytes: POOL_BYTES * bytes,
      operations: countOf(shape),
      unit: "GB/s",
      tolerance: 0,
    },
    build: (machine) => forward({ layer: maxPooling2d, shape }, machine, ...poolStreams(shape)),
    baseline() {
      const { run, output } = pooledInJs(shape);
      return { run, result: () => ({ output }) };
    },
  };
}

export function poolGrad(shape: MapShape): KernelCase {
  const bytes = 4 * countOf(shape);
  return {
    ...{
      name: `maxpool_2_${nameOf(shape)}/inputGrad`,
      work: POOL_BYTES * bytes,
      bytes: POOL_BYTES * bytes,
      operations: countOf(shape),
      unit: "GB/s",
      tolerance: 0,
    },
    build: (machine) =>
      inputGrad({ layer: maxPooling2d, shape }, machine, {
        kernel: "pool2dInputGrad",
        stream: poolGradStream(shape),
      }),
    baseline() {
      const { run, argmax, geometry } = pooledInJs(shape);
      run();
      const arrays = { outputGrad: values(6, argmax.length), argmax, inputGrad: new Float32Array(countOf(shape)) };
      return { run: () => maxPool2dInputGrad(geometry, arrays, shape.batch), result: () => ({ inputGrad: arrays.inputGrad }) };
    },
  };
}

function normalizedInJs(shape: MapShape) {
  const { channels } = shape;
  const count = countOf(shape);
  const gamma = new Float32Array(channels).fill(1);
  const statistics = { mean: new Float32Array(channels), inverse: new Float32Array(channels) };
  const arrays = { input: values(5, count), output: new Float32Array(count), ...statistics };
  const run = () => batchNormalizationOutput(arrays, { gamma, beta: new Float32Array(channels), epsilon: 1e-3 }, count / channels);
  return { ...arrays, gamma, run };
}

/** Two passes over the input, one written. */
function normalization(shape: MapShape): KernelCase {
  const bytes = 4 * countOf(shape);
  const cost = { work: 3 * bytes, bytes: 3 * bytes, operations: BATCHNORM * countOf(shape) };
  return {
    ...{ name: `batchnorm_${nameOf(shape)}`, ...cost, unit: "GB/s", tolerance: NORMALIZED },
    build: (machine) =>
      forward({ layer: batchNormalization, shape }, machine, (streams, { input, output }) => {
        streams.readStream(input, bytes);
        streams.copyStream(input, output, bytes);
      }),
    baseline() {
      const { run, output } = normalizedInJs(shape);
      return { run, result: () => ({ output }) };
    },
  };
}

/** Two passes over input and output gradient, one written. */
function normalizationGrad(shape: MapShape): KernelCase {
  const [count, bytes] = [countOf(shape), 4 * countOf(shape)];
  const cost = { work: 5 * bytes, bytes: 5 * bytes, operations: BATCHNORM_GRAD * count };
  return {
    ...{ name: `batchnorm_${nameOf(shape)}/inputGrad`, ...cost, unit: "GB/s", tolerance: NORMALIZED },
    build: (machine) =>
      inputGrad({ layer: batchNormalization, shape }, machine, {
        kernel: "batchNormalizationInputGrad",
        stream(streams, { input, outputGrad, inputGrad }) {
          streams.readStream(input, bytes);
          streams.readStream(outputGrad, bytes);
          streams.joinStream(input, outputGrad, inputGrad, bytes);
        },
      }),
    baseline() {
      const { run, input, mean, inverse, gamma } = normalizedInJs(shape);
      run();
      const arrays = { input, outputGrad: values(6, count), inputGrad: new Float32Array(count), mean, inverse };
      const backward = () => batchNormalizationInputGrad(arrays, gamma, count / shape.channels);
      return { run: backward, result: () => ({ inputGrad: arrays.inputGrad }) };
    },
  };
}

function reluOutput(shape: MapShape): KernelCase {
  const [count, bytes] = [countOf(shape), 4 * countOf(shape)];
  return {
    ...{ name: `relu_${nameOf(shape)}`, work: 2 * bytes, bytes: 2 * bytes, operations: count, unit: "GB/s", tolerance: 0 },
    build: (machine) =>
      forward(
        { layer: relu, shape },
        machine,
        (streams, { input, output }) => streams.copyStream(input, output, bytes),
        (streams, { input, output }) => streams.copyVectors(input, output, bytes),
      ),
    baseline() {
      const [input, output] = [values(5, count), new Float32Array(count)];
      return { run: () => reluInJs(input, output, count), result: () => ({ output }) };
    },
  };
}

/** All weights and biases of a dense layer, from slots of zeros. */
function adamUpdate({ inputs, outputs }: { inputs: number; outputs: number }): KernelCase {
  const sizes = [inputs * outputs, outputs];
  const [count, biases] = sizes;
  const weights = sizes.map((size, index) => values(7 + index, size));
  const gradients = sizes.map((size, index) => values(9 + index, size));
  return {
    ...{
      name: `adam_${count + biases}`,
      work: 7 * 4 * (count + biases),
      bytes: 7 * 4 * (count + biases),
      operations: ADAM * (count + biases),
      unit: "GB/s",
      tolerance: ELEMENT,
    },
    async build(machine) {
      const model = sequential([dense({ units: outputs, inputShape: [inputs] })], machine);
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
        streams(loops) {
          const at = (role: string) => engine.state.view(parameters[0], role).byteOffset;
          const [gradient, first, second, weight] = ["gradient", ...compiled.optimizer.slots, "value"].map(at);
          return [() => loops.adamStream(gradient, first, second, weight, 4 * count, 0)];
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
