/** The upper steps: the library itself, one layer, as it comes. */
import { Algorithm } from "../../build/records.ts";
import { conv2d, sequential } from "../../src/index.ts";
import type { Numerics } from "../../src/machine/wasm.ts";
import type { ConvCase, ConvData } from "../cases.ts";
import { ProgramUnderTest } from "../program.ts";

export interface ProductStep {
  readonly run: () => void;
  readonly output: () => Float32Array;
  /** What the compiler chose. */
  readonly algorithm: string;
  readonly dispose: () => void;
}

/** The forward section: with the copy into the haloed tensor, without what `predict` does around it. */
export async function product(conv: ConvCase, { input, weight, bias }: ConvData, numerics: Numerics, threads: number): Promise<ProductStep> {
  const { size, inChannels, outChannels, window } = conv;
  const layer = conv2d({ filters: outChannels, kernelSize: window, padding: "same", inputShape: [size, size, inChannels] });
  const model = sequential([layer], { machine: "wasm", threads });
  model.setWeights([weight, bias]);
  const { outputs, inputs } = model.graph;
  // Asked for as an output, the input keeps its place: the section may run again.
  const program = await ProgramUnderTest.of(model, 1, { mode: "inference", outputs: [...outputs, ...inputs] });
  program.port("inputs").set(input);
  const record = program.records.find(({ step }) => step.kernel === "conv2dOutput");
  const algorithm = Object.entries(Algorithm).find(([, number]) => number === record?.step.fields.algorithm)?.[0] ?? "direct";
  return {
    run: () => program.run(numerics, ["forward"]),
    output: () => program.port("outputs"),
    algorithm,
    dispose: () => model.dispose(),
  };
}
