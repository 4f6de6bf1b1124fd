/** What pages of the tests have as `globalThis.kit`: the built library and small things to run it on. Bundled by bundle.ts; never imported by a test. */
import * as convlet from "../../../src/index.ts";

const letters = [
  ["0110", "1001", "1001", "0110"],
  ["1001", "0110", "0110", "1001"],
];

/** O is 0, X is 1, at every place of a 6x6 image: 18 samples. */
function drawings(): { x: { data: Float32Array; shape: number[] }; y: Uint8Array } {
  const images: number[] = [];
  const kinds: number[] = [];
  for (const [kind, letter] of letters.entries()) {
    for (let place = 0; place < 9; place++) {
      const image = new Array<number>(36).fill(0);
      letter.forEach((row, y) => {
        for (let x = 0; x < 4; x++) image[(Math.floor(place / 3) + y) * 6 + (place % 3) + x] = Number(row[x]);
      });
      images.push(...image);
      kinds.push(kind);
    }
  }
  return { x: { data: Float32Array.from(images), shape: [kinds.length, 6, 6, 1] }, y: Uint8Array.from(kinds) };
}

/** Tells O from X after some 40 epochs over `drawings`. */
function smallModel(options: convlet.ModelOptions = {}): convlet.Model {
  const { conv2d, maxPooling2d, flatten, dense } = convlet;
  const layers = [
    conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [6, 6, 1] }),
    maxPooling2d(),
    flatten(),
    dense({ units: 2, activation: "softmax" }),
  ];
  const model = convlet.sequential(layers, { seed: 1, classNames: ["O", "X"], ...options });
  model.compile({ optimizer: convlet.adam({ learningRate: 0.02 }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

/** How long each turn of `work` kept the thread, seen by messages that wait for their turn. Milliseconds, the longest first. */
async function blockedDuring(work: () => Promise<unknown>): Promise<number[]> {
  const { port1, port2 } = new MessageChannel();
  const gaps: number[] = [];
  let last = performance.now();
  let runs = true;
  port1.onmessage = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (runs) port2.postMessage(0);
  };
  port2.postMessage(0);
  await work();
  runs = false;
  gaps.push(performance.now() - last);
  port1.close();
  return gaps.sort((a, b) => b - a);
}

const kit = { convlet, drawings, smallModel, blockedDuring };
export type Kit = typeof kit;
globalThis.kit = kit;
