/**
 * The run file: inference programs as data and canonical weights, in a safetensors container. Nothing in it needs layers or a compiler.
 * Its JSON names kernels, record fields and weights, never addresses or numbers of this build; programContracts.ts says what each may be.
 */
import type { KernelName, Tensor } from "../../build/records.ts";
import { RECORDS, TENSOR_FIELDS } from "../../build/records.ts";
import { checkPreprocessing, type Preprocessing } from "../image/preprocessing.ts";
import { align } from "../machine/state.ts";
import type { InferenceProgram, PlacedField, PlacedStep } from "../program.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { contracts, MOST_WORK } from "./programContracts.ts";
import { FileFormatError, type NamedTensor, type SafetensorsHeader, writeSafetensors } from "./safetensors.ts";
import { type CheckedTensor, repeatedKey } from "./safetensorsHeader.ts";
import { type Extents, reachOf, StepReader } from "./stepReader.ts";

export const PROGRAM_KEY = "convlet.program";
const FORMAT = 1;

/** More than any network has; bounds what a file can ask for. */
const MOST_STEPS = 10_000;
const MOST_TENSORS = 20_000;
/** A program's activations, and the same of its packed weights. Bytes. */
export const MOST_BYTES = 2 ** 30;
const MOST_CAPACITY = 65_536;

/** What travels beside programs and weights. */
export interface ProgramDetails {
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  readonly outputs: readonly { readonly shape: Shape }[];
  readonly classNames?: readonly string[];
  readonly preprocessing?: Preprocessing;
  readonly gives: "probabilities" | "logits";
}

export interface ProgramFile extends ProgramDetails {
  /** By capacity, the smallest first. */
  readonly programs: readonly InferenceProgram[];
  /** Each array of the file has its offset in the state region. */
  readonly offsets: ReadonlyMap<CheckedTensor, number>;
  readonly stateBytes: number;
}

/** The bytes of a run file. `weightNames` gives the weight that stands at an offset of the state region. */
export function writeProgramFile(
  details: ProgramDetails,
  programs: readonly InferenceProgram[],
  weights: readonly NamedTensor[],
  weightNames: ReadonlyMap<number, string>,
): Uint8Array<ArrayBuffer> {
  const json = { format: FORMAT, ...details, programs: programs.map((program) => programToJson(program, weightNames)) };
  return writeSafetensors(weights, { [PROGRAM_KEY]: JSON.stringify(json) });
}

function programToJson({ capacity, arenaBytes, preparedBytes, tensors, ports, steps }: InferenceProgram, weightNames: ReadonlyMap<number, string>) {
  const fieldToJson = (field: PlacedField) => {
    if (field === null || typeof field === "number" || "tensor" in field) return field;
    return field.region === "state" ? { weight: weightNames.get(field.offset) } : { [field.region]: field.offset };
  };
  const stepToJson = ({ kernel, section, name, scratch, scratchBytes, fields }: PlacedStep) => ({
    kernel,
    section,
    name,
    ...(scratchBytes > 0 && { scratch, scratchBytes }),
    fields: Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, fieldToJson(field)])),
  });
  const { inputs, outputs } = ports;
  return { capacity, arenaBytes, preparedBytes, tensors, inputs, outputs, steps: steps.map(stepToJson) };
}

/** Checks the header of a run file: what comes out stays inside its own regions, whoever wrote the file. FileFormatError names the file and the field. */
export function readProgramFile({ tensors, metadata }: SafetensorsHeader, where: string): ProgramFile {
  const fail = (problem: string): never => {
    throw new FileFormatError(`${where}: ${problem}`);
  };
  const text = metadata.get(PROGRAM_KEY);
  if (text === undefined) {
    const isModel = metadata.has("convlet")
      ? "a model's file, which the main library loads; exportProgram(model) makes one to run"
      : "no run file of convlet";
    return fail(`this is ${isModel}`);
  }
  const json = parsed(text, fail);
  const { offsets, places, stateBytes } = placeWeights(tensors, fail);
  const details = checkedDetails(json, fail);
  const programs = list(json.programs, "programs", 16, fail).map((program, index) => {
    return checkedProgram(program, { where: `programs[${index}]`, places, details, fail });
  });
  if (programs.length === 0) fail("programs is empty");
  if (programs.some(({ capacity }, index) => index > 0 && capacity <= programs[index - 1].capacity)) fail("programs must grow in capacity");
  return { ...details, programs, offsets, stateBytes };
}

type Fail = (problem: string) => never;
type Json = Readonly<Record<string, unknown>>;

function parsed(text: string, fail: Fail): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    fail(`metadata "${PROGRAM_KEY}" is no JSON`);
  }
  const twice = repeatedKey(text, json);
  if (twice !== undefined) fail(`metadata "${PROGRAM_KEY}" names ${twice} twice`);
  const { format } = object(json, "program", fail);
  if (!Number.isInteger(format) || (format as number) < 1) fail("format is no version number");
  if ((format as number) > FORMAT) fail(`format ${format} is newer than this library, which runs up to ${FORMAT}; update it`);
  return json as Json;
}

function placeWeights(tensors: SafetensorsHeader["tensors"], fail: Fail) {
  const places = new Map<string, Extents>();
  const offsets = new Map<CheckedTensor, number>();
  let end = 0;
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== "F32") return fail(`tensor ${JSON.stringify(name)} is not of float32`);
    const bytes = tensor.end - tensor.begin;
    places.set(name, { region: "state", offset: end, bytes });
    offsets.set(tensor, end);
    end += align(bytes);
  }
  return { places, offsets, stateBytes: end };
}

function checkedDetails(json: Json, fail: Fail): ProgramDetails {
  const inputs = list(json.inputs, "inputs", 64, fail).map((input, index) => {
    const { name, shape } = object(input, `inputs[${index}]`, fail);
    if (typeof name !== "string") return fail(`inputs[${index}].name is no text`);
    return { name, shape: checkedShape(shape, `inputs[${index}]`, fail) };
  });
  const outputs = list(json.outputs, "outputs", 64, fail).map((output, index) => {
    return { shape: checkedShape(object(output, `outputs[${index}]`, fail).shape, `outputs[${index}]`, fail) };
  });
  if (inputs.length === 0 || outputs.length === 0) fail("inputs and outputs need at least one entry each");
  const { gives, classNames, preprocessing } = json;
  if (gives !== "probabilities" && gives !== "logits") return fail('gives must be "probabilities" or "logits"');
  const [{ shape }] = outputs;
  if (classNames !== undefined) {
    const names = list(classNames, "classNames", 2 ** 20, fail);
    const classes = Math.max(2, shape[shape.length - 1]);
    if (names.length !== classes || !names.every((name) => typeof name === "string")) fail(`classNames must be ${classes} texts`);
  }
  if (preprocessing !== undefined) {
    try {
      checkPreprocessing(preprocessing as Preprocessing, inputs[0].shape);
    } catch (reason) {
      fail((reason as Error).message);
    }
  }
  return {
    inputs,
    outputs,
    gives,
    ...(classNames !== undefined && { classNames: classNames as string[] }),
    ...(preprocessing !== undefined && { preprocessing: preprocessing as Preprocessing }),
  };
}

function checkedShape(shape: unknown, where: string, fail: Fail): Shape {
  const sizes = list(shape, `${where}.shape`, 3, fail);
  const isSize = (size: unknown) => Number.isInteger(size) && (size as number) >= 1 && (size as number) < 2 ** 31;
  if (sizes.length === 0 || !sizes.every(isSize)) fail(`${where}.shape must be 1 to 3 whole numbers ≥ 1`);
  return sizes as number[];
}

interface ProgramContext {
  readonly where: string;
  readonly places: ReadonlyMap<string, Extents>;
  readonly details: ProgramDetails;
  readonly fail: Fail;
}

function checkedProgram(value: unknown, { where, places, details, fail }: ProgramContext): InferenceProgram {
  const json = object(value, where, fail);
  const whole = (name: string, atLeast: number, atMost: number): number => {
    const number = json[name];
    if (Number.isInteger(number) && (number as number) >= atLeast && (number as number) <= atMost) return number as number;
    return fail(`${where}.${name} is ${shownNumber(number)}, needs a whole number from ${atLeast} to ${atMost}`);
  };
  const capacity = whole("capacity", 1, MOST_CAPACITY);
  const arenaBytes = whole("arenaBytes", 0, MOST_BYTES);
  const preparedBytes = whole("preparedBytes", 0, MOST_BYTES);
  const tensors = list(json.tensors, `${where}.tensors`, MOST_TENSORS, fail).map((tensor, index) => {
    return checkedTensor(tensor, { at: `${where}.tensors[${index}]`, capacity, arenaBytes, fail });
  });
  const ports = (name: "inputs" | "outputs") => {
    const numbers = list(json[name], `${where}.${name}`, 64, fail);
    if (numbers.length !== details[name].length) fail(`${where}.${name} has ${numbers.length} tensors, needs ${details[name].length}`);
    return numbers.map((number, index) => {
      const tensor = tensors[number as number];
      if (!Number.isInteger(number) || tensor === undefined) return fail(`${where}.${name}[${index}] is no tensor's number`);
      const { shape } = details[name][index];
      const isContiguous = tensor.pixelStride === tensor.channels && tensor.imageStride === tensor.height * tensor.width * tensor.channels;
      const fits = tensor.height * tensor.width * tensor.channels === sizeOf(shape) && tensor.pixelStride > 0;
      if (!fits || (name === "inputs" && !isContiguous)) fail(`${where}.${name}[${index}]: its tensor does not hold [${shape}]`);
      return number as number;
    });
  };
  const [inputs, outputs] = [ports("inputs"), ports("outputs")];
  let work = 0;
  const steps = list(json.steps, `${where}.steps`, MOST_STEPS, fail).map((step, index) => {
    const at = `${where}.steps[${index}]`;
    const checked = checkedStep(object(step, at, fail), { at, capacity, arenaBytes, preparedBytes, tensors, places, fail });
    work += checked.cost * (checked.section === "forward" ? capacity : 1);
    if (work > MOST_WORK) fail(`${at}: with it a run takes more than ${MOST_WORK} operations`);
    return checked;
  });
  return { capacity, steps, tensors, arenaBytes, preparedBytes, ports: { inputs, outputs } };
}

interface TensorContext {
  readonly at: string;
  readonly capacity: number;
  readonly arenaBytes: number;
  readonly fail: Fail;
}

/** A descriptor whose every image, halo included, lies in the arena, its rows one behind the other. A single pixel may be seen everywhere. */
function checkedTensor(value: unknown, { at, capacity, arenaBytes, fail }: TensorContext): Tensor {
  const json = object(value, at, fail);
  const tensor = Object.fromEntries(
    TENSOR_FIELDS.map(([name]) => {
      const number = json[name];
      const least = ["height", "width", "channels"].includes(name) ? 1 : 0;
      if (Number.isInteger(number) && (number as number) >= least && (number as number) < 2 ** 31) return [name, number];
      return fail(`${at}.${name} is ${shownNumber(number)}, needs a whole number ≥ ${least} and < 2^31`);
    }),
  ) as unknown as Tensor;
  const { height, width, channels, pixelStride, rowStride, imageStride, haloTop, haloBottom, haloLeft, haloRight } = tensor;
  const isBroadcast = pixelStride === 0 && rowStride === 0 && height === 1 && width === 1;
  const isApart =
    pixelStride >= channels &&
    rowStride >= (haloLeft + width + haloRight) * pixelStride &&
    imageStride >= (haloTop + height + haloBottom) * rowStride;
  if (!isApart && !(isBroadcast && imageStride >= channels)) fail(`${at}: its strides let pixels overlap`);
  const { begin, end } = reachOf(tensor, capacity);
  if (tensor.base % 4 !== 0 || begin < 0 || end > arenaBytes) fail(`${at} does not lie in the arena of ${arenaBytes} bytes`);
  return tensor;
}

interface StepContext {
  readonly at: string;
  readonly capacity: number;
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  readonly tensors: readonly Tensor[];
  readonly places: ReadonlyMap<string, Extents>;
  readonly fail: Fail;
}

function checkedStep(json: Json, context: StepContext): PlacedStep {
  const { at, fail } = context;
  const { kernel, section, name, scratch = 0, scratchBytes = 0 } = json;
  if (typeof kernel !== "string" || !Object.hasOwn(contracts, kernel))
    return fail(`${at}: there is no kernel ${JSON.stringify(kernel)?.slice(0, 60)}`);
  if (section !== "prepare" && section !== "forward") return fail(`${at}: section must be "prepare" or "forward"`);
  if (typeof name !== "string") return fail(`${at}: name is no text`);
  const given = object(json.fields, `${at}.fields`, fail);
  const known = RECORDS[kernel as KernelName].map(([field]) => field);
  const strange = Object.keys(given).find((field) => !known.includes(field));
  if (strange !== undefined) fail(`${at}: ${kernel} has no field ${JSON.stringify(strange.slice(0, 60))}`);
  const reader = new StepReader(given, { ...context, at: `${at} (${kernel} "${name.slice(0, 60)}")`, section, scratch, scratchBytes });
  const work = contracts[kernel as keyof typeof contracts](reader);
  const fields = reader.complete(known);
  return { kernel: kernel as KernelName, section, name, cost: work, scratch: scratch as number, scratchBytes: scratchBytes as number, fields };
}

function object(value: unknown, at: string, fail: Fail): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : fail(`${at} is no object`);
}

function list(value: unknown, at: string, most: number, fail: Fail): readonly unknown[] {
  if (!Array.isArray(value)) return fail(`${at} is no list`);
  return value.length <= most ? value : fail(`${at} has ${value.length} entries, more than ${most}`);
}

function shownNumber(value: unknown): string {
  return typeof value === "number" ? String(value) : value === undefined ? "missing" : "no number";
}
