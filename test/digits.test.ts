/** The tour's promise on real digits, for three seeds: each seed splits, starts and shuffles anew. */
import { expect, test } from "vitest";
import { loadDigits } from "../examples/tour/digitsData.ts";
import { buildDigitModel, compiled, type Kind } from "../examples/tour/digitsNetworks.ts";

const EPOCHS = 6;
const BATCH = 32;
/** What the tour's held-out digits choose. */
const LEARNING_RATE = { cnn: 0.006, mlp: 0.018 };
/** Seconds of processor time on one thread: what else the machine does is not counted. */
const MOST_SECONDS = 60;

async function train(kind: Kind, seed: number): Promise<{ accuracy: number; seconds: number }> {
  const digits = loadDigits(seed, { train: 8000, test: 2000 });
  const steps = (EPOCHS * 8000) / BATCH;
  using model = compiled(buildDigitModel(kind, seed), { learningRate: LEARNING_RATE[kind], steps });
  await model.ready;
  const start = process.cpuUsage();
  await model.fit(digits.train.x, digits.train.y, { epochs: EPOCHS, batchSize: BATCH, seed, verbose: 0 });
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const { accuracy } = await model.evaluate(digits.test.x, digits.test.y);
  console.log(`digits, ${kind}, seed ${seed}: ${(accuracy * 100).toFixed(2)} % of 2,000 test digits after ${seconds.toFixed(1)} s`);
  return { accuracy, seconds };
}

test.each([1, 2, 3])("the CNN reads 97.5 % of the test digits, seed %i", { timeout: 180_000 }, async (seed) => {
  const { accuracy, seconds } = await train("cnn", seed);
  expect(accuracy).toBeGreaterThanOrEqual(0.975);
  expect(seconds).toBeLessThan(MOST_SECONDS);
});

test("the MLP of as many parameters reads 93 %", { timeout: 180_000 }, async () => {
  expect((await train("mlp", 1)).accuracy).toBeGreaterThanOrEqual(0.93);
});
