/**
 * Random networks: every machine, thread count, batch and file gives what the promise of numerics says.
 * CONVLET_RANDOM_MODELS=5000 draws that many; CONVLET_RANDOM_FIRST is the first one's seed.
 */
import { expect, test } from "vitest";
import * as api from "../src/index.ts";
import { load as loadProgram } from "../src/run.ts";
import { bits } from "./support/networks.ts";
import { type RandomModel, randomModel } from "./support/randomModel.ts";

const COUNT = Number(process.env.CONVLET_RANDOM_MODELS ?? 60);
const FIRST = Number(process.env.CONVLET_RANDOM_FIRST ?? 1);

/** Of outputs, relative to the largest: float32 sums in another order, and polynomials for transcendental functions. */
const OUTPUT = 2e-5;
/** Of gradients, relative to the model's largest. */
const GRADIENT = 2e-4;

const seeds = Array.from({ length: COUNT }, (_, index) => FIRST + index);

test.each(seeds)("network %i", async (seed) => {
  const random = randomModel(seed);
  const made: { dispose(): void }[] = [];
  const kept = <T extends { dispose(): void }>(model: T): T => {
    made.push(model);
    return model;
  };
  try {
    await check(random, kept);
  } catch (reason) {
    throw new Error(`${(reason as Error).message}\n${random.lines.join("\n")}`, { cause: reason });
  } finally {
    for (const model of made) model.dispose();
  }
});

async function check({ x, y, sampleWeight, build }: RandomModel, kept: <T extends { dispose(): void }>(model: T) => T): Promise<void> {
  const strict = kept(build({ numerics: "strict" }));
  const threads = kept(build({ numerics: "strict", threads: 3 }));
  const exact = kept(build({ machine: "plain", elementBytes: 8 }));
  const others = [kept(build({ machine: "plain" })), kept(build({ numerics: "relaxed" })), strict];

  const wanted = await exact.predict(x);
  for (const model of others) expectWithin((await model.predict(x)).data, wanted.data, largestOf([wanted.data]) * OUTPUT, "output");
  const output = bits((await strict.predict(x)).data);
  expect(bits((await threads.predict(x)).data), "3 threads").toEqual(output);
  expect(bits((await strict.predict(x, { batchSize: 1 })).data), "one at a time").toEqual(output);

  const gradients = await exact.gradients(x, y, { sampleWeight });
  const largest = largestOf(Object.values(gradients).map(({ data }) => data));
  for (const model of others) {
    for (const [name, { data }] of Object.entries(await model.gradients(x, y, { sampleWeight }))) {
      expectWithin(data, gradients[name].data, largest * GRADIENT, `gradient of ${name}`);
    }
  }

  const options = { epochs: 2, batchSize: 2, sampleWeight, verbose: 0 } as const;
  for (const model of [strict, threads]) await model.fit(x, y, options);
  expect(weightBits(threads), "trained by 3 threads").toEqual(weightBits(strict));

  const loaded = kept(await api.load(strict.toBytes(), { numerics: "strict" }));
  for (const model of [strict, loaded]) await model.fit(x, y, { ...options, epochs: 1 });
  expect(weightBits(loaded), "trained on from the file").toEqual(weightBits(strict));
  const program = kept(await loadProgram(api.exportProgram(strict), { numerics: "strict" }));
  expect(bits((await program.predict(x)).data), "exported").toEqual(bits((await strict.predict(x)).data));
}

function weightBits(model: api.Model): number[][] {
  return model.getWeights().map(({ data }) => bits(data));
}

function largestOf(arrays: readonly ArrayLike<number>[]): number {
  return arrays.reduce((most, array) => Array.from(array).reduce((larger, value) => Math.max(larger, Math.abs(value)), most), 0);
}

function expectWithin(got: ArrayLike<number>, wanted: ArrayLike<number>, distance: number, what: string): void {
  expect(got.length, what).toBe(wanted.length);
  for (let index = 0; index < got.length; index++) {
    if (!(Math.abs(got[index] - wanted[index]) <= distance)) expect.fail(`${what}: element ${index} is ${got[index]}, wanted ${wanted[index]}`);
  }
}
