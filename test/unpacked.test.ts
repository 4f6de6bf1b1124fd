/** The first run with weights that are new packs none that a single run does not gain by. Nobody must be able to tell by the result. */
import { expect, test } from "vitest";
import { Algorithm } from "../build/records.ts";
import type { Engine } from "../src/engine.ts";
import * as convlet from "../src/index.ts";
import { type Program, unpacked } from "../src/program.ts";

const { conv2d, dense, flatten, input, maxPooling2d, model, sequential } = convlet;

function net(options: convlet.ModelOptions = {}): convlet.Model {
  return sequential(
    [
      conv2d({ filters: 5, kernelSize: 3, activation: "relu", inputShape: [9, 9, 2] }),
      maxPooling2d(),
      flatten(),
      dense({ units: 37, activation: "relu" }),
      dense({ units: 10 }),
    ],
    { seed: 3, ...options },
  );
}

const x = Float32Array.from({ length: 162 }, (_, index) => Math.sin(index));

function compiled(of: convlet.Model, capacity: number): Program {
  const { engine } = of as unknown as { engine: Engine };
  return engine.compile({ capacity, mode: "inference", outputs: of.graph.outputs, isTrainable: () => false });
}

const packedLayers = ({ steps }: Program) => steps.filter(({ kernel }) => kernel === "packWeights").map(({ name }) => name);
const algorithms = ({ steps }: Program) => steps.filter(({ kernel }) => kernel === "conv2dOutput").map(({ fields }) => fields.algorithm);

test("leaves out the packing of products of a single row, and of no others", () => {
  using each = net();
  const program = compiled(each, 1);
  expect(packedLayers(program)).toEqual(["conv2d", "dense", "dense_1"]);
  expect(packedLayers(unpacked(program))).toEqual(["conv2d"]);
  expect(algorithms(unpacked(program))).toEqual([Algorithm.matmul, Algorithm.unpacked, Algorithm.unpacked]);
  const batch = compiled(each, 2);
  expect(unpacked(batch)).toBe(batch);
});

test("keeps what another product still reads: a layer at two sizes of map", () => {
  const shared = conv2d({ filters: 4, kernelSize: 1 });
  const [small, large] = [input({ shape: [1, 1, 3] }), input({ shape: [2, 2, 3] })];
  using each = model({ inputs: [small, large], outputs: [shared.apply(small), shared.apply(large)] });
  const program = compiled(each, 1);
  expect(packedLayers(program)).toHaveLength(1);
  expect(unpacked(program)).toBe(program);
});

const machines = [
  ["relaxed", {}],
  ["strict", { numerics: "strict" }],
  ["plain", { machine: "plain" }],
  ["float64", { machine: "plain", elementBytes: 8 }],
  ["three threads", { threads: 3, numerics: "strict" }],
] as const;

test.each(machines)("every run gives the same bits, after weights have changed too: %s", async (_name, options) => {
  using each = net(options);
  await each.ready;
  for (let round = 0; round < 3; round++) {
    const runs = Array.from({ length: 4 }, () => each.predictSync(x).data);
    for (const data of runs) expect(data).toEqual(runs[0]);
    expect(runs[0].some((value) => value !== 0)).toBe(true);
    each.setWeights(each.getWeights().map(({ data }) => data.map((value) => value * 1.5)));
    expect(each.predictSync(x).data).not.toEqual(runs[0]);
  }
});

test("packs in the second run", async () => {
  using each = net({ numerics: "strict" });
  await each.ready;
  const { engine } = each as unknown as { engine: Engine };
  const packedFloats = () => {
    const placed = (each as unknown as { session: { inferenceProgram(outputs: unknown, capacity: number): unknown } }).session.inferenceProgram(
      each.graph.outputs,
      1,
    ) as ReturnType<Engine["program"]>;
    const { program, bases } = placed;
    const panels = program.steps.find(({ kernel, name }) => kernel === "packWeights" && name === "dense")!.fields.panels as { offset: number };
    return new Float32Array(engine.state.memory.buffer, bases.prepared + panels.offset, 45 * 40);
  };
  each.predictSync(x);
  expect(packedFloats().every((value) => value === 0)).toBe(true);
  each.predictSync(x);
  expect(packedFloats().some((value) => value !== 0)).toBe(true);
});
