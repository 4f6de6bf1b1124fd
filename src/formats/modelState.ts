/** What of a model goes into its file, and the way back into its memory. */
import type { Engine } from "../engine.ts";
import type { Parameter } from "../graph.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { type Architecture, architectureToJson } from "../layers/architecture.ts";
import { sayOnce } from "../machine/sayOnce.ts";
import type { Optimizer } from "../training/optimizers.ts";
import { isOwnSchedule } from "../training/schedules.ts";
import type { Compiled, Session } from "../training/session.ts";
import { readArrays } from "./arrays.ts";
import { arrayName, checkedArray, type ModelFile, writeModelFile } from "./modelFile.ts";
import { tensorArray } from "./safetensors.ts";
import type { CheckedTensor } from "./safetensorsHeader.ts";

export interface Savable {
  readonly architecture: Architecture;
  readonly session: Session;
  readonly seed: number;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  readonly compiled: Compiled | undefined;
}

/** The file of a model: architecture, weights and training state. */
export function modelBytes(model: Savable): Uint8Array<ArrayBuffer> {
  const { architecture, session, seed, classNames, preprocessing, compiled } = model;
  const { engine, counters, learningRateOverride } = session;
  const tensors = storedArrays(engine.graph.parameters, compiled).map(({ parameter, role }) => {
    const data = Float32Array.from(engine.state.view(parameter, role));
    return { name: arrayName(parameter, role), dtype: "F32", shape: parameter.shape, data } as const;
  });
  const json = {
    architecture: architectureToJson(architecture),
    seed,
    frozen: [...session.options.frozen],
    ...(classNames && { classNames }),
    ...(preprocessing && { preprocessing }),
    ...(compiled && { compiled: compiledJson(compiled, session) }),
    counters: { ...counters },
    ...(learningRateOverride !== undefined && { learningRate: learningRateOverride }),
  };
  return writeModelFile(json, tensors);
}

function compiledJson({ optimizer, loss, metricSpecs }: Compiled, session: Session) {
  const metrics = metricSpecs.flatMap((spec) => {
    if (typeof spec === "string") return [{ name: spec }];
    return "update" in spec ? [] : [{ name: spec.name, config: spec.config }];
  });
  return { optimizer: { name: optimizer.name, config: storedConfig(optimizer, session) }, loss: { name: loss.name, config: loss.config }, metrics };
}

/** Of a schedule of the user's own, which no file can hold, the rate that comes next. */
function storedConfig(optimizer: Optimizer, session: Session): object {
  const { config, learningRate } = optimizer;
  if (!isOwnSchedule(learningRate)) return config;
  sayOnce(`convlet: save: schedule ${learningRate.name} is kept as a number`);
  return { ...config, learningRate: session.learningRate(optimizer) };
}

/** Values of all parameters, and what the optimizer keeps of the learned ones. */
function storedArrays(parameters: readonly Parameter[], compiled: Compiled | undefined) {
  const roles = ["value", ...(compiled?.optimizer.slots ?? [])];
  return roles.flatMap((role) => parameters.filter(({ learned }) => role === "value" || learned).map((parameter) => ({ parameter, role })));
}

/**
 * Fills the arrays of a new model from its file: each is read to its place in the model's memory and checked there by the kernels.
 * After a FileFormatError, for a file that is not sound, the model holds what was read.
 */
export async function restoreArrays({ header, source }: ModelFile, engine: Engine, compiled: Compiled | undefined): Promise<void> {
  const { where } = source;
  const { state } = engine;
  const wanted = new Map(
    storedArrays(engine.graph.parameters, compiled).map((array) => [checkedArray(header, where, array.parameter, array.role), array]),
  );
  const isInPlace = (tensor: CheckedTensor) => tensor.dtype === "F32" && state.layout.elementBytes === 4;
  const placeOf = (tensor: CheckedTensor) => {
    const array = wanted.get(tensor);
    return array !== undefined && isInPlace(tensor) ? state.bytes(array.parameter, array.role) : undefined;
  };
  const data = await readArrays(header, source, { placeOf, sum: engine.ready.then(() => (bytes) => engine.checksum(bytes)) });
  for (const [tensor, { parameter, role }] of wanted) {
    if (!isInPlace(tensor)) state.view(parameter, role).set(tensorArray(tensor, data.get(tensor)!, where));
  }
  state.version++;
}
