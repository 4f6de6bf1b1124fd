/** Where the time of a prediction goes: every instruction of the program executed by itself. */
import { recordBytes } from "../machine/records.ts";
import type { Numerics } from "../machine/wasm.ts";
import { floatsOf, type PlacedStep, type Program } from "../program.ts";
import type { Batch } from "../training/data.ts";
import type { Session } from "../training/session.ts";

/** One instruction of the inference program, for all samples of the call. */
export interface ProfileRow {
  /** Name of the layer, or of what a kernel prepares for it. */
  readonly layer: string;
  readonly kernel: string;
  /** Median over the rounds, milliseconds. */
  readonly ms: number;
  /** 10⁹ floating-point operations per second, counted as the arithmetic of the op; 0 where it has none. */
  readonly gflops: number;
  /** Activations read and written, and weights read. */
  readonly bytes: number;
}

/** Rounds that come before the measured ones: the engine's compiler is then done with the hot loops. */
const WARM_UP_ROUNDS = 5;

export function profile(session: Session, inputs: readonly Batch[], { numerics, rounds }: { numerics: Numerics; rounds: number }): ProfileRow[] {
  const { engine, graph } = session;
  const batch = inputs[0].count;
  const placed = session.inferenceProgram(graph.outputs, batch);
  session.loadInputs(placed, inputs, { start: 0, size: batch, order: null });
  // The second run packs what the first did not.
  for (let run = 0; run < 2; run++) engine.run(placed, ["forward"], { header: { batch }, numerics });
  const { program, sections } = placed;
  const steps = program.steps.filter(({ section }) => section === "forward");
  const machine = engine.machine(numerics);
  const times = steps.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    let at = sections.get("forward")?.first ?? 0;
    for (const [index, { kernel }] of steps.entries()) {
      const start = performance.now();
      machine.execute(at, 1);
      if (round >= 0) times[index].push(performance.now() - start);
      at += recordBytes(kernel);
    }
  }
  return steps.map((step, index) => {
    const ms = times[index].sort((a, b) => a - b)[times[index].length >> 1];
    const gflops = ms > 0 ? (step.cost * batch) / ms / 1e6 : 0;
    return { layer: step.name, kernel: step.kernel, ms, gflops, bytes: bytesOf(program, step, batch) };
  });
}

function bytesOf({ tensors, elementBytes }: Program, step: PlacedStep, batch: number): number {
  let elements = batch * floatsOf(step, tensors);
  const { windowHeight, windowWidth, groups, input, output } = step.fields;
  if (typeof windowHeight === "number" && typeof windowWidth === "number" && typeof groups === "number") {
    const channels = [input, output].map((field) => tensors[(field as { tensor: number }).tensor].channels);
    elements += (windowHeight * windowWidth * channels[0] * channels[1]) / groups;
  }
  return elements * elementBytes;
}
