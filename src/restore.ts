/** A model from its file. */
import { readModelFile } from "./formats/modelFile.ts";
import type { Source } from "./formats/source.ts";
import { Model } from "./model.ts";
import type { ModelOptions } from "./modelOptions.ts";

/** What a loaded model may be told; the rest is in its file. */
export type RestoreOptions = Pick<ModelOptions, "machine" | "numerics" | "threads" | "wasm">;

/** Continues to the bit where it was saved. FileFormatError, beginning with `source.where`, for what is no sound file of a model. */
export async function restore(source: Source, options: RestoreOptions): Promise<Model> {
  const file = await readModelFile(source);
  const { seed, classNames, preprocessing } = file.json;
  const own = { seed, ...(classNames && { classNames }), ...(preprocessing && { preprocessing }) };
  const model = new Model(file.built, { ...options, ...own }, "zeros");
  try {
    await model.restore(file);
  } catch (reason) {
    model.dispose();
    throw reason;
  }
  return model;
}
