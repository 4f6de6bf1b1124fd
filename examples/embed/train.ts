/** Trains the digit model that the pages load, and writes it into the folder given. Run by scripts/buildExamples.mjs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { png } from "../../src/inspect/png.ts";
import { CLASSES, countOf, digitPicture, loadDigits } from "../tour/digitsData.ts";
import { compiled, digitCnn } from "../tour/digitsNetworks.ts";
import { distortedBatches } from "./distort.ts";

const SEED = 1;
const EPOCHS = 10;
const BATCH = 64;
const WANTED = 0.98;

const [folder] = process.argv.slice(2);
const { train, test } = loadDigits(SEED, { train: 8000, test: 2000 });
// Ink on paper becomes what MNIST has: chalk on a blackboard, 20 pixels high, in the middle.
const ofDrawings = { classNames: [..."0123456789"], preprocessing: { trim: 4, invert: true } };
const model = compiled(digitCnn(SEED, ofDrawings), { learningRate: 0.003, steps: EPOCHS * Math.ceil(countOf(train) / BATCH) });
const start = performance.now();
await model.fit(distortedBatches(train, { batchSize: BATCH, seed: SEED }), { epochs: EPOCHS, batchSize: BATCH, verbose: 0 });
const seconds = (performance.now() - start) / 1000;
const { accuracy } = await model.evaluate(test.x, test.y);
await model.save(join(folder!, "digits.safetensors"));
// For the page to try: the first test digit of each class.
for (let digit = 0; digit < CLASSES; digit++) {
  writeFileSync(join(folder!, `digit-${digit}.png`), png(digitPicture(test, test.y.indexOf(digit)), { theme: "light", full: 1 }));
}
console.log(
  `digits.safetensors: ${model.countParams()} weights, ${EPOCHS} epochs of ${countOf(train)} distorted digits in ${seconds.toFixed(1)} s, ` +
    `${(100 * accuracy!).toFixed(2)} % of ${countOf(test)} test digits right`,
);
if (accuracy! < WANTED) console.log(`This is below the ${100 * WANTED} % that were wanted.`);
