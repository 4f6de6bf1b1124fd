/** Bad files: what `load` refuses. */
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { type BadInput, convlet, FileFormatError, loose, type Model } from "./subject.ts";

interface Json {
  [key: string]: unknown;
  architecture: {
    layers: { name: string; type: string; options: Record<string, unknown> }[];
    calls: { layer: string; inputs: number[]; output: number }[];
    inputs: { name: string; shape: number[]; value: number }[];
    outputs: number[];
  };
}

type Tensors = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** The model's file with other contents, and a checksum that fits them: what somebody may have made on purpose. */
export function tampered(model: Model, change: (json: Json, tensors: Tensors) => void): Uint8Array {
  const { tensors: stored, metadata } = readSafetensors(model.toBytes());
  const json = JSON.parse(metadata.get("convlet")!) as Json;
  const tensors = new Map([...stored].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]));
  change(json, tensors);
  const list = [...tensors].map(([name, { shape, data }]) => ({ name, dtype: "F32" as const, shape, data }));
  return writeSafetensors(list, { convlet: JSON.stringify(json) });
}

const load = (bytes: unknown, options?: object) => convlet.load(loose(bytes), loose(options));
const ascii = (text: string) => Uint8Array.from(text.padEnd(64, "\0"), (character) => character.charCodeAt(0));
const foreign = (text: string) => () => load(ascii(text));
const changed = (change: (json: Json, tensors: Tensors) => void) => (model: Model) => load(tampered(model, change));
const architecture = (change: (architecture: Json["architecture"]) => void) => changed((json) => change(json.architecture));
const where = "load: ";

/** A layer's options with an own key `__proto__`, as JSON.parse makes it. */
const PROTO = JSON.parse('{"__proto__": {"units": 3}}') as Record<string, unknown>;

export const badSources: BadInput[] = [
  ["nothing", () => load(undefined), TypeError, "load: got undefined, needs a path, a URL, or the file's bytes as a Uint8Array or ArrayBuffer"],
  [
    "an array of floats",
    () => load(new Float32Array(3)),
    TypeError,
    "load: got a Float32Array, needs a path, a URL, or the file's bytes as a Uint8Array or ArrayBuffer",
  ],
  ["a missing file", () => load("/no/such/model.safetensors"), Error, /ENOENT.*\/no\/such\/model\.safetensors/],
  [
    "a misspelt option",
    (model) => load(model.toBytes(), { seed: 1 }),
    TypeError,
    'load: unknown option "seed"; known: machine, numerics, threads, wasm, onProgress, signal, maxBytes, worker',
  ],
  [
    "an unknown machine",
    (model) => load(model.toBytes(), { machine: "gpu" }),
    RangeError,
    'model: machine is "gpu", needs "auto" or "wasm" or "plain"',
  ],
  ["an empty file", () => load(new Uint8Array(0)), FileFormatError, `${where}the file is empty`],
  [
    "a file cut in its header",
    (model) => load(model.toBytes().subarray(0, 200)),
    FileFormatError,
    /^load: the file is truncated: its header alone takes \d+ bytes, there are 200$/,
  ],
  [
    "a file cut by a byte",
    (model) => load(model.toBytes().subarray(0, -1)),
    FileFormatError,
    /^load: the file is truncated: its data take \d+ bytes, there are \d+$/,
  ],
  ["a byte more", (model) => load(Uint8Array.of(...model.toBytes(), 0)), FileFormatError, "load: there are 1 bytes behind the last tensor"],
  [
    "a bit turned in the weights",
    (model) => {
      const bytes = model.toBytes();
      bytes[bytes.length - 1] ^= 1;
      return load(bytes);
    },
    FileFormatError,
    /^load: the file is damaged: its checksum is [0-9a-f]{8}, should be [0-9a-f]{8}$/,
  ],
  [
    "a zip archive",
    foreign("PK\x03\x04"),
    FileFormatError,
    "load: this is a zip archive (a Keras .keras or PyTorch .pt file is one); needs a safetensors file",
  ],
  ["an HDF5 file", foreign("\x89HDF\r\n\x1a\n"), FileFormatError, "load: this is an HDF5 file (Keras .h5); needs a safetensors file"],
  ["a PNG image", foreign("\x89PNG\r\n\x1a\n"), FileFormatError, "load: this is a PNG image; needs a safetensors file"],
  ["JSON text", foreign('{"name": "model"}'), FileFormatError, "load: this is JSON text; needs a safetensors file"],
  [
    "a page",
    foreign("<!DOCTYPE html><html>"),
    FileFormatError,
    "load: this is an HTML or XML page: was the address wrong?; needs a safetensors file",
  ],
  [
    "an exported program",
    (model) => load(convlet.exportProgram(model)),
    FileFormatError,
    'load: a safetensors file without the metadata "convlet": a file to run, which convlet/run loads',
  ],
  [
    "weights of another program",
    () => load(writeSafetensors([{ name: "w", dtype: "F32", shape: [1], data: Float32Array.of(1) }], { format: "pt" })),
    FileFormatError,
    'load: a safetensors file without the metadata "convlet": weights of another program, no convlet model',
  ],
  ["metadata that is no JSON", () => load(writeSafetensors([], { convlet: "{" })), FileFormatError, 'load: metadata "convlet" is no JSON'],
  ["metadata null", () => load(writeSafetensors([], { convlet: "null" })), FileFormatError, "load: the JSON is null, needs an object"],
];

export const badContents: BadInput[] = [
  [
    "a newer format",
    changed((json) => Object.assign(json, { format: 2 })),
    FileFormatError,
    "load: format 2 is newer than this library, which reads up to 1; update it",
  ],
  ["a missing tensor", changed((_, tensors) => tensors.delete("head/bias")), FileFormatError, 'load: tensor "head/bias" is missing'],
  [
    "a missing optimizer slot",
    changed((_, tensors) => tensors.delete("optimizer/first/head/bias")),
    FileFormatError,
    'load: tensor "optimizer/first/head/bias" is missing',
  ],
  [
    "a tensor of another shape",
    changed((_, tensors) => tensors.set("head/bias", { shape: [1, 3], data: new Float32Array(3) })),
    FileFormatError,
    'load: tensor "head/bias" has shape [1, 3], the model needs [3]',
  ],
  [
    "no architecture",
    changed((json) => Object.assign(json, { architecture: undefined })),
    FileFormatError,
    "load: architecture is missing, needs an object",
  ],
  [
    "layers that are no list",
    architecture((a) => Object.assign(a, { layers: {} })),
    FileFormatError,
    "load: architecture.layers is an object, needs a list",
  ],
  [
    "a layer null",
    architecture((a) => Object.assign(a.layers, { 1: null })),
    FileFormatError,
    "load: architecture.layers[1] is null, needs an object",
  ],
  [
    "a layer without options",
    architecture((a) => Object.assign(a.layers[0], { options: null })),
    FileFormatError,
    "load: architecture.layers[0].options is null, needs an object",
  ],
  [
    "a call without inputs",
    architecture((a) => Object.assign(a.calls[0], { inputs: "0" })),
    FileFormatError,
    'load: architecture.calls[0].inputs is "0", needs a list',
  ],
  [
    "outputs that are no numbers",
    architecture((a) => Object.assign(a, { outputs: ["5"] })),
    FileFormatError,
    'load: architecture.outputs[0] is "5", needs a whole number from 0 to 2147483647',
  ],
  [
    "more channels than fit into memory",
    architecture((a) => {
      const layers = [{ name: "many", type: "normalization", options: { mean: 1 } }];
      Object.assign(a, { layers, calls: [{ layer: "many", inputs: [0], output: 1 }], outputs: [1] });
      Object.assign(a.inputs[0], { shape: [2 ** 31 - 1] });
    }),
    FileFormatError,
    'load: tensor "many/mean" is missing',
  ],
  [
    "no outputs",
    architecture((a) => Object.assign(a, { outputs: [] })),
    FileFormatError,
    "load: architecture.outputs has 0 entries, needs 1 or more",
  ],
  ["no inputs", architecture((a) => Object.assign(a, { inputs: [] })), FileFormatError, "load: architecture.inputs has 0 entries, needs 1 or more"],
  [
    "an unknown layer type",
    architecture((a) => Object.assign(a.layers[2], { type: "lstm" })),
    FileFormatError,
    /^load: unknown layer type "lstm"; known: add, averagePooling2d, /,
  ],
  [
    "a layer type named constructor",
    architecture((a) => Object.assign(a.layers[2], { type: "constructor" })),
    FileFormatError,
    /^load: unknown layer type "constructor"; known: /,
  ],
  [
    "a layer type named __proto__",
    architecture((a) => Object.assign(a.layers[2], { type: "__proto__" })),
    FileFormatError,
    /^load: unknown layer type "__proto__"; known: /,
  ],
  [
    "an option named __proto__",
    architecture((a) => (a.layers[4].options = PROTO)),
    FileFormatError,
    /^load: dense "head": unknown option "__proto__"; known: /,
  ],
  [
    "a layer's name with a slash",
    architecture((a) => (a.layers[4].name = "a/b")),
    FileFormatError,
    'load: dense: name is "a/b", needs a text without "/"',
  ],
  [
    "two layers of one name",
    architecture((a) => (a.layers[4].name = "conv")),
    FileFormatError,
    'load: model: two layers are named "conv"; names must be unique',
  ],
  [
    "an unknown layer in a call",
    architecture((a) => (a.calls[4].layer = "constructor")),
    FileFormatError,
    'load: model: a call names layer "constructor", which the file does not have',
  ],
  ["a layer that nothing calls", architecture((a) => (a.calls[2].layer = "flatten")), FileFormatError, 'load: model: nothing calls layer "dropout"'],
  [
    "a cycle",
    architecture((a) => (a.calls[0].inputs = [5])),
    FileFormatError,
    'load: model: layer "conv" reads value 5 before anything makes it (a cycle, or a missing layer)',
  ],
  [
    "a layer that reads itself",
    architecture((a) => (a.calls[2].inputs = [3])),
    FileFormatError,
    'load: model: layer "dropout" reads value 3 before anything makes it (a cycle, or a missing layer)',
  ],
  ["a value made twice", architecture((a) => (a.calls[1].output = 1)), FileFormatError, "load: model: value 1 is made twice"],
  ["an output that nothing makes", architecture((a) => (a.outputs = [9])), FileFormatError, "load: model: output 9 is not made by any layer"],
  [
    "an input shape with NaN",
    architecture((a) => (a.inputs[0].shape[0] = Number.NaN)),
    FileFormatError,
    'load: input "input": a size of shape [, 4, 1] is null, needs a whole number ≥ 1',
  ],
  [
    "an input of another size",
    architecture((a) => (a.inputs[0].shape[0] = 2)),
    FileFormatError,
    'load: conv2d "conv": window 3x3 is larger than its padded input 2x4',
  ],
  [
    "a layer beyond the memory",
    architecture((a) => (a.layers[4].options.units = 2 ** 30)),
    FileFormatError,
    'load: tensor "head/kernel" has shape [8, 3], the model needs [8, 1073741824]',
  ],
  [
    "a misspelt activation",
    architecture((a) => (a.layers[4].options.activation = "sofmax")),
    FileFormatError,
    /^load: dense "head": unknown activation "sofmax"; known: /,
  ],
  ["a seed as text", changed((json) => (json.seed = "5")), FileFormatError, /^load: model: seed is "5", needs a whole number/],
  ["class names as a number", changed((json) => (json.classNames = 3)), FileFormatError, "load: model: classNames is 3, needs an array of texts"],
  [
    "an unknown frozen layer",
    changed((json) => (json.frozen = ["tail"])),
    FileFormatError,
    'load: frozen[0] is "tail", needs one of conv, batchNormalization, dropout, flatten, head',
  ],
  ["no counters", changed((json) => delete json.counters), FileFormatError, "load: counters is missing, needs an object"],
  [
    "counters with __proto__",
    changed((json) => (json.counters = JSON.parse('{"__proto__": {}}'))),
    FileFormatError,
    'load: counters has no "__proto__", knows epoch, step, run',
  ],
  [
    "a negative step",
    changed((json) => (json.counters = { epoch: 0, step: -1, run: 0 })),
    FileFormatError,
    "load: counters.step is -1, needs a whole number from 0 to 9007199254740991",
  ],
  [
    "a learning rate as text",
    changed((json) => (json.learningRate = "1")),
    FileFormatError,
    'load: model: learningRate is "1", needs a finite number ≥ 0',
  ],
  [
    "an unknown optimizer",
    changed((json) => (json.compiled = { optimizer: { name: "constructor" }, loss: { name: "mse" }, metrics: [] })),
    FileFormatError,
    /^load: compile: unknown optimizer "constructor"; known: /,
  ],
  [
    "a loss null",
    changed((json) => (json.compiled = { optimizer: { name: "sgd" }, loss: null, metrics: [] })),
    FileFormatError,
    /^load: compile: loss: got null, needs /,
  ],
];
