/**
 * The run file: inference programs as data and canonical weights, in a safetensors container. Nothing in it needs layers or a compiler.
 * Its JSON names kernels, record fields and weights, never addresses or numbers of this build; programContracts.ts says what each may be.
 */
import type { Tensor } from "../../build/records.ts";
import { RECORDS, TENSOR_FIELDS } from "../../build/records.ts";
import { Field } from "../field.ts";
import { checkPreprocessing, type Preprocessing } from "../image/preprocessing.ts";
import { align } from "../machine/state.ts";
import type { InferenceProgram, PlacedField, PlacedStep } from "../program.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { contracts, MOST_WORK } from "./programContracts.ts";
import { FileFormatError, type NamedTensor, type SafetensorsHeader, writeSafetensors } from "./safetensors.ts";
import { type CheckedTensor, parsedJson } from "./safetensorsHeader.ts";
import { type Extents, reachOf, type StepContext, StepReader } from "./stepReader.ts";

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
  const refuse = (problem: string): never => {
    throw new FileFormatError(`${where}: ${problem}`);
  };
  const text = metadata.get(PROGRAM_KEY);
  if (text === undefined) {
    const isModel = metadata.has("convlet")
      ? "a model's file, which the main library loads; exportProgram(model) makes one to run"
      : "no run file of convlet";
    return refuse(`this is ${isModel}`);
  }
  const json = new Field(parsedJson(text, `metadata "${PROGRAM_KEY}"`, refuse), "", refuse);
  const format = json.get("format").whole(1);
  if (format > FORMAT) refuse(`format ${format} is newer than this library, which runs up to ${FORMAT}; update it`);
  const { offsets, places, stateBytes } = placeWeights(tensors, refuse);
  const details = checkedDetails(json);
  const programs = json
    .get("programs")
    .list(16)
    .map((program) => checkedProgram(program, details, places));
  if (programs.some(({ capacity }, index) => index > 0 && capacity <= programs[index - 1].capacity)) refuse("programs must grow in capacity");
  return { ...details, programs, offsets, stateBytes };
}

function placeWeights(tensors: SafetensorsHeader["tensors"], refuse: Field["refuse"]) {
  const places = new Map<string, Extents>();
  const offsets = new Map<CheckedTensor, number>();
  let end = 0;
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== "F32") return refuse(`tensor ${JSON.stringify(name)} is not of float32`);
    const bytes = tensor.end - tensor.begin;
    places.set(name, { region: "state", offset: end, bytes });
    offsets.set(tensor, end);
    end += align(bytes);
  }
  return { places, offsets, stateBytes: end };
}

function checkedDetails(json: Field): ProgramDetails {
  const inputs = json
    .get("inputs")
    .list(64)
    .map((input) => ({ name: input.get("name").text(), shape: checkedShape(input) }));
  const outputs = json
    .get("outputs")
    .list(64)
    .map((output) => ({ shape: checkedShape(output) }));
  const details: Writable<ProgramDetails> = { inputs, outputs, gives: json.get("gives").choice(["probabilities", "logits"]) };
  const [classNames, preprocessing] = [json.get("classNames"), json.get("preprocessing")];
  if (classNames.value !== undefined) {
    const classes = Math.max(2, outputs[0].shape.at(-1)!);
    details.classNames = classNames.list(classes, classes).map((name) => name.text());
  }
  if (preprocessing.value !== undefined) {
    details.preprocessing = preprocessing.value as Preprocessing;
    try {
      checkPreprocessing(details.preprocessing, inputs[0].shape);
    } catch (reason) {
      json.refuse((reason as Error).message);
    }
  }
  return details;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function checkedShape(of: Field): Shape {
  return of
    .get("shape")
    .list(3)
    .map((size) => size.whole(1));
}

function checkedProgram(program: Field, details: ProgramDetails, places: StepContext["places"]): InferenceProgram {
  const capacity = program.get("capacity").whole(1, MOST_CAPACITY);
  const arenaBytes = program.get("arenaBytes").whole(0, MOST_BYTES);
  const preparedBytes = program.get("preparedBytes").whole(0, MOST_BYTES);
  const tensors = program
    .get("tensors")
    .list(MOST_TENSORS)
    .map((tensor) => checkedTensor(tensor, capacity, arenaBytes));
  const ports = (name: "inputs" | "outputs") => {
    const wanted = details[name];
    const given = program.get(name).list(wanted.length, wanted.length);
    return given.map((port, index) => checkedPort(port, { tensors, shape: wanted[index].shape, isWritten: name === "inputs" }));
  };
  const [inputs, outputs] = [ports("inputs"), ports("outputs")];
  let work = 0;
  const steps = program
    .get("steps")
    .list(MOST_STEPS, 0)
    .map((step) => {
      const checked = checkedStep(step, { capacity, arenaBytes, preparedBytes, tensors, places });
      work += checked.cost * (checked.section === "forward" ? capacity : 1);
      if (work > MOST_WORK) step.fail(`makes a run take more than ${MOST_WORK} operations`);
      return checked;
    });
  return { capacity, steps, tensors, arenaBytes, preparedBytes, ports: { inputs, outputs } };
}

/** The number of a tensor that holds `shape`, one sample behind the other where the host writes them. */
function checkedPort(port: Field, of: { tensors: readonly Tensor[]; shape: Shape; isWritten: boolean }): number {
  const number = port.whole(0, of.tensors.length - 1);
  const { height, width, channels, pixelStride, imageStride } = of.tensors[number];
  const size = height * width * channels;
  const isContiguous = pixelStride === channels && imageStride === size;
  const fits = size === sizeOf(of.shape) && pixelStride > 0 && (isContiguous || !of.isWritten);
  return fits ? number : port.fail(`is a tensor that does not hold [${of.shape}]`);
}

/** A descriptor whose every image, halo included, lies in the arena, its rows one behind the other. A single pixel may be seen everywhere. */
function checkedTensor(field: Field, capacity: number, arenaBytes: number): Tensor {
  const least = (name: string) => (["height", "width", "channels"].includes(name) ? 1 : 0);
  const tensor = Object.fromEntries(TENSOR_FIELDS.map(([name]) => [name, field.get(name).whole(least(name))])) as unknown as Tensor;
  const { height, width, channels, pixelStride, rowStride, imageStride, haloTop, haloBottom, haloLeft, haloRight } = tensor;
  const isBroadcast = pixelStride === 0 && rowStride === 0 && height === 1 && width === 1;
  const isApart =
    pixelStride >= channels &&
    rowStride >= (haloLeft + width + haloRight) * pixelStride &&
    imageStride >= (haloTop + height + haloBottom) * rowStride;
  if (!isApart && !(isBroadcast && imageStride >= channels)) field.fail("has strides that let pixels overlap");
  const { begin, end } = reachOf(tensor, capacity);
  if (tensor.base % 4 !== 0 || begin < 0 || end > arenaBytes) field.fail(`does not lie in the arena of ${arenaBytes} bytes`);
  return tensor;
}

const KERNELS = /* @__PURE__ */ Object.keys(contracts) as (keyof typeof contracts)[];

function checkedStep(step: Field, context: StepContext): PlacedStep {
  const kernel = step.get("kernel").choice(KERNELS);
  const section = step.get("section").choice(["prepare", "forward"] as const);
  const name = step.get("name").text();
  const [scratch, scratchBytes] = ["scratch", "scratchBytes"].map((key) => {
    const bytes = step.get(key);
    return bytes.value === undefined ? 0 : bytes.whole(0, context.arenaBytes);
  });
  const fields = new Field(step.get("fields").value, `${step.at} (${kernel} "${name.slice(0, 60)}")`, step.refuse);
  fields.allow(RECORDS[kernel].map(([field]) => field));
  const reader = new StepReader(fields, { ...context, section, scratch, scratchBytes });
  const cost = contracts[kernel](reader);
  return { kernel, section, name, cost, scratch, scratchBytes, fields: reader.complete() };
}
