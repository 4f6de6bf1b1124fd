/** Program files of all exportable networks, and how to change one. */
import { PROGRAM_KEY } from "../../src/formats/programFile.ts";
import { type NamedTensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { exportProgram } from "../../src/index.ts";
import { exportable } from "./exportable.ts";
import { readSafetensors } from "./safetensors.ts";

// biome-ignore lint/suspicious/noExplicitAny: the tests put into the JSON what must not be there.
export type Loose = any;

export const files = new Map(Object.entries(exportable).map(([name, build]) => [name, exportProgram(build({ machine: "plain" }), { batchSize: 3 })]));

/** The file with its JSON changed and a right checksum. */
export function changed(name: string, change: (json: Loose, tensors: NamedTensor[]) => Loose): Uint8Array {
  const { tensors, metadata } = readSafetensors(files.get(name)!);
  const list = [...tensors].map(([key, tensor]) => ({ name: key, ...tensor }) as NamedTensor);
  const json = JSON.parse(metadata.get(PROGRAM_KEY)!);
  const replaced = change(json, list);
  return writeSafetensors(list, { [PROGRAM_KEY]: typeof replaced === "string" ? replaced : JSON.stringify(json) });
}

export const stepOf = (json: Loose, kernel: string) => json.programs[0].steps.find((step: Loose) => step.kernel === kernel);
