/** Trains the digit model that the pages load, and writes it into the folder given. Run by scripts/buildExamples.mjs. */
import { join } from "node:path";
import { countOf, loadDigits } from "../tour/digitsData.ts";
import { compiled, digitCnn } from "../tour/digitsNetworks.ts";
import { distortedBatches } from "./distort.ts";

const SEED = 1;
const EPOCHS = 10;
const BATCH = 64;
const WANTED = 0.98;

const [folder] = process.argv.slice(2);
const { train, test } = loadDigits(SEED, { train: 8000, test: 2000 });
const model = compiled(digitCnn(SEED), { learningRate: 0.003, steps: EPOCHS * Math.ceil(countOf(train) / BATCH) });
const start = performance.now();
await model.fit(distortedBatches(train, { batchSize: BATCH, seed: SEED }), { epochs: EPOCHS, batchSize: BATCH, verbose: 0 });
const seconds = (performance.now() - start) / 1000;
const { accuracy } = await model.evaluate(test.x, test.y);
await model.save(join(folder!, "digits.safetensors"));
console.log(
  `digits.safetensors: ${model.countParams()} weights, ${EPOCHS} epochs of ${countOf(train)} distorted digits in ${seconds.toFixed(1)} s, ` +
    `${(100 * accuracy!).toFixed(2)} % of ${countOf(test)} test digits right`,
);
if (accuracy! < WANTED) console.log(`This is below the ${100 * WANTED} % that were wanted.`);
