/** One safetensors file per model: architecture and training state as JSON in its metadata, arrays under Keras-like names. */
import { Field } from "../field.ts";
import type { Parameter } from "../graph.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { type Architecture, type ArchitectureJson, architectureFromJson, type BuiltArchitecture, buildGraph } from "../layers/architecture.ts";
import { checkModelOptions } from "../modelOptions.ts";
import { checkNumber, type Named } from "../options.ts";
import { shapeText } from "../shape.ts";
import type { Counters } from "../training/session.ts";
import { interpreted, readStart } from "./arrays.ts";
import { FileFormatError, type NamedTensor, type SafetensorsHeader, writeSafetensors } from "./safetensors.ts";
import { type CheckedTensor, parsedJson } from "./safetensorsHeader.ts";
import type { Source } from "./source.ts";

const METADATA_KEY = "convlet";
const FORMAT = 1;

/** Everything of a model but its arrays. */
export interface ModelJson {
  readonly format: number;
  readonly architecture: ArchitectureJson;
  readonly seed: number;
  readonly frozen: readonly string[];
  readonly classNames?: readonly string[];
  readonly preprocessing?: Preprocessing;
  readonly compiled?: { readonly optimizer: Named; readonly loss: Named; readonly metrics: readonly Named[] };
  readonly counters: Counters;
  readonly learningRate?: number;
}

/** A file whose header is read, and its arrays not yet. */
export interface ModelFile {
  readonly json: ModelJson;
  readonly built: BuiltArchitecture;
  readonly header: SafetensorsHeader;
  readonly source: Source;
}

/** Name of an array in the file: the parameter's own, or `optimizer/first/conv2d/kernel`. */
export function arrayName(parameter: Parameter, role: string): string {
  return role === "value" ? parameter.name : `optimizer/${role}/${parameter.name}`;
}

export function writeModelFile(json: Omit<ModelJson, "format">, tensors: readonly NamedTensor[]): Uint8Array<ArrayBuffer> {
  return writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify({ format: FORMAT, ...json }) });
}

/** Reads and checks a file's header. FileFormatError for anything that is not a sound model of ours. */
export async function readModelFile(source: Source): Promise<ModelFile> {
  const header = await readStart(source);
  return { ...(await interpreted(header, source, () => parsedModel(header, source.where))), header, source };
}

function parsedModel(header: SafetensorsHeader, where: string): Pick<ModelFile, "json" | "built"> {
  const text = header.metadata.get(METADATA_KEY);
  if (text === undefined) {
    const kind = header.metadata.has("convlet.program") ? "a file to run, which convlet/run loads" : "weights of another program, no convlet model";
    throw new FileFormatError(`${where}: a safetensors file without the metadata "${METADATA_KEY}": ${kind}`);
  }
  const fail = (problem: string): never => {
    throw new FileFormatError(`${where}: ${problem}`);
  };
  const json = new Field(parsedJson(text, `metadata "${METADATA_KEY}"`, fail), "", fail);
  const format = json.get("format").whole(1);
  if (format > FORMAT) fail(`format ${format} is newer than this library, which reads up to ${FORMAT}; update it`);
  const { seed, classNames, preprocessing } = json.members();
  try {
    const built = buildGraph(architectureFromJson(json.get("architecture")));
    const { inputs, outputs, parameters } = built.graph;
    checkModelOptions({ seed, classNames, preprocessing }, { input: inputs[0].shape, output: outputs[0].shape });
    checkState(json, built.architecture);
    // Before a model allocates what the architecture asks for: are all these weights there?
    for (const parameter of parameters) checkedArray(header, where, parameter, "value");
    return { json: json.value as ModelJson, built };
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause;
    throw new FileFormatError(`${where}: ${(cause as Error).message}`, { cause });
  }
}

/** What is left. What `compiled` names is checked where it is looked up. */
function checkState(json: Field, { layers }: Architecture): void {
  for (const name of json.get("frozen").list(Infinity, 0)) if (!layers.has(name.value as string)) name.choice([...layers.keys()]);
  const [compiled, counters, learningRate] = ["compiled", "counters", "learningRate"].map((name) => json.get(name));
  if (compiled.value !== undefined) compiled.allow(["optimizer", "loss", "metrics"]);
  counters.allow(["epoch", "step", "run"]);
  for (const name of ["epoch", "step", "run"]) counters.get(name).whole(0, Number.MAX_SAFE_INTEGER);
  if (learningRate.value !== undefined) checkNumber("model", "learningRate", learningRate.value, { atLeast: 0 });
}

/** Where the array of a parameter stands; FileFormatError when it is missing or has another shape. */
export function checkedArray({ tensors }: SafetensorsHeader, where: string, parameter: Parameter, role: string): CheckedTensor {
  const name = arrayName(parameter, role);
  const stored = tensors.get(name);
  if (stored === undefined) throw new FileFormatError(`${where}: tensor "${name}" is missing`);
  if (stored.shape.join() !== parameter.shape.join()) {
    throw new FileFormatError(`${where}: tensor "${name}" has shape ${shapeText(stored.shape)}, the model needs ${shapeText(parameter.shape)}`);
  }
  return stored;
}
