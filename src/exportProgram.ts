/** From a model to the file that `convlet/run` runs. */
import { compileProgram } from "./compiler/index.ts";
import { MOST_BYTES, writeProgramFile } from "./formats/programFile.ts";
import { align } from "./machine/state.ts";
import type { Model } from "./model.ts";
import { checkModel } from "./modelOptions.ts";
import { checkNumber, checkOptions } from "./options.ts";
import type { Program } from "./program.ts";

export interface ExportOptions {
  /** Samples per run where several are predicted. Default 32, or less where 32 would take more than 1 GB. */
  readonly batchSize?: number;
}

/**
 * The bytes of a run file: the inference program for one sample and for a batch, the weights, class names and preprocessing. `convlet/run`
 * runs it without layers, compiler or training, with the same bits as `model.predict`. RangeError when one sample takes more than 1 GB.
 */
export function exportProgram(model: Model, options: ExportOptions = {}): Uint8Array<ArrayBuffer> {
  checkModel("exportProgram", model);
  checkOptions("exportProgram", options, ["batchSize"]);
  const { graph } = model;
  const batchSize = checkNumber("exportProgram", "batchSize", options.batchSize ?? 32, { whole: true, atLeast: 1, atMost: 65_536 });
  const weights = model.getWeights();
  const offsets = new Map<string, number>();
  let end = 0;
  for (const { name, data } of weights) {
    offsets.set(name, end);
    end += align(data.byteLength);
  }
  const compile = (capacity: number): Program =>
    compileProgram(graph, {
      capacity,
      mode: "inference",
      outputs: graph.outputs,
      elementBytes: 4,
      threads: 1,
      isTrainable: () => false,
      stateOffset: ({ parameter }) => offsets.get(parameter.name)!,
    });
  const single = compile(1);
  if (single.arenaBytes > MOST_BYTES)
    throw new RangeError(`exportProgram: one sample takes ${single.arenaBytes} bytes, more than a run file may ask for`);
  const programs = [single];
  for (let capacity = batchSize; capacity > 1; capacity >>= 1) {
    const program = compile(capacity);
    if (program.arenaBytes > MOST_BYTES) continue;
    programs.push(program);
    break;
  }
  const { inputShape, outputShape, ...picture } = model.imageModel();
  const details = {
    inputs: graph.inputs.map(({ name, shape }) => ({ name: name ?? "", shape })),
    outputs: graph.outputs.map(({ shape }) => ({ shape })),
    ...picture,
  };
  const tensors = weights.map(({ name, shape, data }) => ({ name, dtype: "F32", shape, data }) as const);
  return writeProgramFile(details, programs, tensors, new Map([...offsets].map(([name, offset]) => [offset, name])));
}
