/** What of a model goes into its file, and the way back into its memory. */
import type { Engine } from "../engine.ts";
import type { Parameter } from "../graph.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { type Architecture, architectureToJson } from "../layers/architecture.ts";
import type { MetricSpec } from "../training/metrics.ts";
import type { Compiled, Session } from "../training/session.ts";
import { arrayName, checkedArray, type ModelFile, writeModelFile } from "./modelFile.ts";
import { storedTensor, verifyChecksum } from "./safetensors.ts";

export interface Savable {
  readonly architecture: Architecture;
  readonly session: Session;
  readonly seed: number;
  readonly classNames: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  readonly compiled: Compiled | undefined;
  readonly metricSpecs: readonly MetricSpec[];
}

/** The file of a model: architecture, weights and training state. */
export function modelBytes(model: Savable): Uint8Array<ArrayBuffer> {
  const { architecture, session, seed, classNames, preprocessing, compiled, metricSpecs } = model;
  const { engine, counters, learningRateOverride } = session;
  const tensors = storedArrays(engine.graph.parameters, compiled).map(({ parameter, role }) => {
    const data = Float32Array.from(engine.state.view(parameter, role));
    return { name: arrayName(parameter, role), dtype: "F32", shape: parameter.shape, data } as const;
  });
  const json = {
    architecture: architectureToJson(architecture),
    seed,
    frozen: [...session.options.frozen.names],
    ...(classNames && { classNames }),
    ...(preprocessing && { preprocessing }),
    ...(compiled && { compiled: compiledJson(compiled, metricSpecs) }),
    counters: { ...counters },
    ...(learningRateOverride !== undefined && { learningRate: learningRateOverride }),
  };
  return writeModelFile(json, tensors);
}

function compiledJson({ optimizer, loss }: Compiled, metricSpecs: readonly MetricSpec[]) {
  const metrics = metricSpecs.flatMap((spec) => {
    if (typeof spec === "string") return [{ name: spec }];
    return "update" in spec ? [] : [{ name: spec.name, config: spec.config }];
  });
  return { optimizer: { name: optimizer.name, config: optimizer.config }, loss: { name: loss.name, config: loss.config }, metrics };
}

/** Values of all parameters, and what the optimizer keeps of the learned ones. */
function storedArrays(parameters: readonly Parameter[], compiled: Compiled | undefined) {
  const roles = ["value", ...(compiled?.optimizer.slots ?? [])];
  return roles.flatMap((role) => parameters.filter(({ learned }) => role === "value" || learned).map((parameter) => ({ parameter, role })));
}

/**
 * Fills the arrays of a new model, which has no program yet, from its file. The file's bytes are read to where the programs will lie,
 * checked there by the kernels, and copied within the memory. FileFormatError, with nothing copied, when they are not sound.
 */
export async function restoreArrays({ header, source }: ModelFile, engine: Engine, compiled: Compiled | undefined): Promise<void> {
  const { where, length } = source;
  const arrays = storedArrays(engine.graph.parameters, compiled).map(({ parameter, role }) => {
    return { parameter, role, stored: checkedArray(header, where, parameter, role) };
  });
  const bytes = engine.room(length);
  await Promise.all([source.read(0, bytes), engine.ready]);
  verifyChecksum(bytes, header, where, (all) => engine.checksum(all));
  const found = arrays.map(({ stored }) => storedTensor(bytes, header, stored, where).data);
  for (const [index, { parameter, role }] of arrays.entries()) engine.state.view(parameter, role).set(found[index]);
  engine.state.version++;
}
