/** How a model comes out of its file: what is read, and what is not done. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { writeSafetensors } from "../src/formats/safetensors.ts";
import * as convlet from "../src/index.ts";
import type * as random from "../src/random.ts";
import * as run from "../src/run.ts";

const drawn = vi.hoisted(() => ({ arrays: 0 }));

vi.mock("../src/random.ts", async (original) => {
  const real = await original<typeof random>();
  return {
    ...real,
    uniform(...parameters: Parameters<typeof real.uniform>) {
      drawn.arrays++;
      return real.uniform(...parameters);
    },
  };
});

const folder = mkdtempSync(join(tmpdir(), "convlet-load-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Its header takes more bytes than are read at first when there are many layers. */
function net(layers: number, options: convlet.ModelOptions = {}): convlet.Model {
  const { conv2d, dense, flatten, sequential } = convlet;
  const convolutions = Array.from({ length: layers }, () => conv2d({ filters: 2, kernelSize: 3, padding: "same", activation: "relu" }));
  return sequential([convlet.input({ shape: [5, 5, 1] }), ...convolutions, flatten(), dense({ units: 3 })], options);
}

const x = Float32Array.from({ length: 50 }, (_, index) => Math.sin(index));

test("initial weights are not drawn for a model whose weights are in a file, nor for a clone", async () => {
  using model = net(1, { seed: 3 });
  expect(drawn.arrays).toBe(2);
  using loaded = await convlet.load(model.toBytes());
  using copy = model.clone();
  expect(drawn.arrays).toBe(2);
  for (const same of [loaded, copy]) expect(same.getWeights()).toEqual(model.getWeights());
});

test.each([
  ["a short header", 1, {}],
  ["a header of many reads", 90, {}],
  ["a shared memory", 1, { threads: 2 }],
  ["plain JavaScript", 1, { machine: "plain" }],
] as const)("a file and its bytes give the same model: %s", async (_name, layers, options) => {
  using model = net(layers);
  const path = join(folder, "model.safetensors");
  await model.save(path);
  const expected = await model.predict(x);
  for (const source of [path, model.toBytes(), model.toBytes().buffer]) {
    using loaded = await convlet.load(source, options);
    expect(loaded.getWeights()).toEqual(model.getWeights());
    const { data } = await loaded.predict(x);
    for (const [index, value] of data.entries()) expect(value).toBeCloseTo(expected.data[index], 5);
  }
});

test.each(["auto", "plain"] as const)("a damaged file is refused wherever it is damaged: machine %s", async (machine) => {
  using model = net(1);
  const sound = model.toBytes();
  const path = join(folder, "damaged.safetensors");
  const key = Buffer.from(sound).indexOf("convlet.xxh32");
  for (let at = 8; at < sound.length; at += 41) {
    // A file that has lost its checksum's name is one without a checksum.
    if (at >= key && at < key + "convlet.xxh32".length) continue;
    const bytes = sound.slice();
    bytes[at] ^= 4;
    writeFileSync(path, bytes);
    await expect(convlet.load(path, { machine }), `byte ${at}`).rejects.toThrow(convlet.FileFormatError);
  }
});

test("a header that was damaged and still makes sense to JSON is called damaged", async () => {
  using model = net(1);
  const bytes = model.toBytes();
  const at = Buffer.from(bytes).indexOf('"conv2d\\"');
  bytes[at + 1] ^= 1;
  await expect(convlet.load(bytes)).rejects.toThrow(/^load: the file is damaged: its checksum is [0-9a-f]{8}, should be [0-9a-f]{8}$/);
});

test("what was loaded trains on like what was saved", async () => {
  using model = net(1);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  await model.fit(x, [0, 2], { verbose: 0 });
  using loaded = await convlet.load(model.toBytes());
  for (const each of [model, loaded]) await each.fit(x, [0, 2], { verbose: 0 });
  expect(loaded.getWeights()).toEqual(model.getWeights());
});

/** A file of so many bytes, most of them nowhere on the disk. */
function sparseFile(header: string, headerLength: number, length: number): string {
  const path = join(folder, "large.safetensors");
  const start = new Uint8Array(8 + header.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerLength), true);
  start.set(new TextEncoder().encode(header), 8);
  writeFileSync(path, start);
  truncateSync(path, length);
  return path;
}

/** The header of one tensor of so many bytes. */
const tensorOf = (bytes: number) => JSON.stringify({ weights: { dtype: "U8", shape: [bytes], data_offsets: [0, bytes] } });

test.each([
  ["larger than a memory", tensorOf(6e9), undefined, 6e9, /^the file takes 60000000\d\d bytes, more than 4294967296$/],
  ["with a header that is too long", "{", 3e9, 3e9, /^the header takes 3000000000 bytes, more than 100000000$/],
  ["of another program", tensorOf(3e9), undefined, 3e9, /no convlet model|no run file of convlet/],
] as const)("a file %s is refused, and not read", { retry: 0 }, async (_name, header, headerLength, more, message) => {
  const path = sparseFile(header, headerLength ?? header.length, 8 + header.length + more);
  // In kB, of all time: a second attempt would find it as large already.
  const { maxRSS } = process.resourceUsage();
  for (const load of [convlet.load, run.load]) {
    const failure: Error = await load(path).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(failure).toBeInstanceOf(convlet.FileFormatError);
    expect(failure.message.startsWith(`${path}: `)).toBe(true);
    expect(failure.message.slice(path.length + 2)).toMatch(message);
  }
  expect(process.resourceUsage().maxRSS - maxRSS).toBeLessThan(2 ** 18);
});

test("a file of 60,000 layers, all of them frozen, is read within seconds", { timeout: 20_000 }, async () => {
  const count = 60_000;
  const layers = Array.from({ length: count }, (_, index) => ({ name: `layer${index}`, type: "relu", options: {} }));
  const calls = layers.map(({ name: layer }, index) => ({ layer, inputs: [index], output: index + 1 }));
  const architecture = { layers, calls, inputs: [{ name: "input", shape: [3], value: 0 }], outputs: [count] };
  const frozen = layers.map(({ name }) => name);
  const json = { format: 1, architecture, seed: 0, frozen, counters: { epoch: 0, step: 0, run: 0 } };
  using model = await convlet.load(writeSafetensors([], { convlet: JSON.stringify(json) }), { machine: "plain" });
  expect(model.layers.length).toBe(count);
});

test("an initializer of the user's own is not in the file, what it gave is", async () => {
  const kernelInitializer: convlet.Initializer = { name: "ramp", config: {}, fill: (target) => target.set([0, 1, 2, 3, 4, 5]) };
  using model = convlet.sequential([convlet.dense({ units: 3, kernelInitializer, biasInitializer: "ones", inputShape: [2] })]);
  using loaded = await convlet.load(model.toBytes());
  expect([...loaded.getWeights()[0].data]).toEqual([0, 1, 2, 3, 4, 5]);
  using again = await convlet.load(loaded.toBytes());
  expect(again.getWeights()).toEqual(model.getWeights());
});

test("of a schedule of the user's own the file keeps the rate that comes next", async () => {
  const said = vi.spyOn(console, "warn").mockImplementation(() => {});
  const learningRate: convlet.Schedule = { name: "halves", config: {}, at: (step) => 2 ** -step };
  using model = net(1, { numerics: "strict" });
  model.compile({ optimizer: convlet.sgd({ learningRate, momentum: 0.5 }), loss: "mse" });
  const y = new Float32Array(6).fill(1);
  await model.trainOnBatch(x, y);
  await model.trainOnBatch(x, y);
  using loaded = await convlet.load(model.toBytes(), { numerics: "strict" });
  expect(said.mock.calls).toEqual([["convlet: save: schedule halves is kept as a number"]]);
  said.mockRestore();
  expect(await loaded.evaluate(x, y)).toEqual(await model.evaluate(x, y));
  // The third step at 1 / 4, with the velocity of the first two.
  for (const each of [model, loaded]) await each.trainOnBatch(x, y);
  expect(loaded.getWeights()).toEqual(model.getWeights());
});
