/** Seeded trainings whose weights are the same bits on every engine. Runs outside the test runner too: scripts/hash.mjs bundles it. */
import { createHash } from "node:crypto";
import * as convlet from "../../src/index.ts";
import { uniform } from "../../src/random.ts";

/** SHA-256 of all weights, little-endian float32, layer by layer; every NaN counts as the same one. */
export function weightHash(model: convlet.Model): string {
  const hash = createHash("sha256");
  for (const { data } of model.getWeights()) {
    const words = new DataView(new ArrayBuffer(data.length * 4));
    for (let index = 0; index < data.length; index++) {
      if (Number.isNaN(data[index])) words.setUint32(index * 4, 0x7fc00000, true);
      else words.setFloat32(index * 4, data[index], true);
    }
    hash.update(new Uint8Array(words.buffer));
  }
  return hash.digest("hex");
}

/** A bit of everything: 60 steps with short batches, on noise that has a class by its brightest corner. */
async function trainCnn(): Promise<convlet.Model> {
  const classes = 4;
  const count = 90;
  const x = uniform(1, 1, new Float32Array(count * 12 * 12 * 2));
  const y = Uint8Array.from(uniform(1, 2, new Float32Array(count)), (value) => Math.floor(value * classes));
  for (let sample = 0; sample < count; sample++) {
    const corner = (y[sample] >> 1) * 6 * 24 + (y[sample] & 1) * 12;
    for (let cell = 0; cell < 6 * 12; cell++) x[sample * 288 + corner + Math.floor(cell / 12) * 24 + (cell % 12)] += 0.5;
  }
  const model = convlet.sequential(
    [
      convlet.conv2d({ filters: 6, kernelSize: 3, padding: "same", useBias: false, inputShape: [12, 12, 2] }),
      convlet.batchNormalization({ momentum: 0.9 }),
      convlet.relu(),
      convlet.maxPooling2d(),
      convlet.depthwiseConv2d({ kernelSize: 3, padding: "same", activation: "swish" }),
      convlet.conv2d({ filters: 9, kernelSize: 3, kernelInitializer: "heNormal", kernelRegularizer: convlet.l2(0.001) }),
      convlet.batchNormalization(),
      convlet.tanh(),
      convlet.averagePooling2d(),
      convlet.dropout({ rate: 0.25 }),
      convlet.flatten(),
      convlet.dense({ units: 13, activation: "gelu", kernelInitializer: "orthogonal" }),
      convlet.dense({ units: classes, activation: "softmax" }),
    ],
    { seed: 7, machine: "wasm" },
  );
  const learningRate = convlet.cosineDecay({ initialLearningRate: 0.001, warmupTarget: 0.02, warmupSteps: 6, decaySteps: 54 });
  model.compile({ optimizer: convlet.adam({ learningRate }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  await model.fit(x, y, { epochs: 10, batchSize: 16, verbose: 0 });
  return model;
}

const O = ["0110", "1001", "1001", "0110"];
const X = ["1001", "0110", "0110", "1001"];

/** The letters at the placements with an even sum, full batches, Adam 0.02. */
async function trainLetters(machine: "wasm" | "plain", epochs: number): Promise<convlet.Model> {
  const images: number[] = [];
  const kinds: number[] = [];
  for (const [kind, letter] of [O, X].entries()) {
    for (const [dy, dx] of [
      [0, 0],
      [0, 2],
      [1, 1],
      [2, 0],
      [2, 2],
    ]) {
      const image = new Array<number>(36).fill(0);
      letter.forEach((row, y) => {
        for (let x = 0; x < 4; x++) image[(dy + y) * 6 + dx + x] = Number(row[x]);
      });
      images.push(...image);
      kinds.push(kind);
    }
  }
  const model = convlet.sequential(
    [
      convlet.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [6, 6, 1] }),
      convlet.maxPooling2d(),
      convlet.flatten(),
      convlet.dense({ units: 8, activation: "relu" }),
      convlet.dense({ units: 2, activation: "softmax" }),
    ],
    { seed: 1, machine },
  );
  model.compile({ optimizer: convlet.adam({ learningRate: 0.02 }), loss: "sparseCategoricalCrossentropy" });
  await model.fit(Float32Array.from(images), kinds, { epochs, batchSize: 10, shuffle: false, verbose: 0 });
  return model;
}

const trainings = {
  cnn: trainCnn,
  letters: () => trainLetters("wasm", 600),
  lettersInPlainJavaScript: () => trainLetters("plain", 60),
};

export async function reproducibleHashes(): Promise<Record<keyof typeof trainings, string>> {
  const hashes: [string, string][] = [];
  for (const [name, train] of Object.entries(trainings)) {
    const model = await train();
    hashes.push([name, weightHash(model)]);
    model.dispose();
  }
  return Object.fromEntries(hashes) as Record<keyof typeof trainings, string>;
}
