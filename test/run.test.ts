/** convlet/run: exported programs give the bits of the model they come from. */
import { readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { kernels } from "../build/inferenceKernels.ts";
import * as api from "../src/index.ts";
import { load } from "../src/run.ts";
import { exportable, samplesFor } from "./support/exportable.ts";

const bits = (data: Float32Array) => [...new Uint32Array(data.buffer, data.byteOffset, data.length)];

const settings = [
  { machine: "wasm", numerics: "strict" },
  { machine: "wasm", numerics: "relaxed" },
  { machine: "plain", numerics: "strict" },
] as const;

describe.each(Object.keys(exportable))("%s", (name) => {
  test.each(settings)("gives the same bits on $machine, $numerics", async ({ machine, numerics }) => {
    const original = exportable[name]({ machine, numerics });
    const exported = await load(api.exportProgram(original), { machine, numerics });
    expect(exported.inputShapes).toEqual(original.inputShapes);
    for (const count of [1, 1, 3, 40, 1]) {
      const x = samplesFor(original, count);
      const given = x.length === 1 ? x[0] : x;
      const [wanted, got] = [await original.predictAll(given), await exported.predictAll(given)];
      expect(got.map(({ shape }) => shape)).toEqual(wanted.map(({ shape }) => shape));
      expect(got.map(({ data }) => bits(data))).toEqual(wanted.map(({ data }) => bits(data)));
    }
    exported.dispose();
    original.dispose();
  });
});

describe("a loaded program", () => {
  const small = () => exportable.plainConvolution({ numerics: "strict" });

  test("is read from a path, and predicts at once after load", async () => {
    const original = small();
    const path = join(await mkdtemp(join(tmpdir(), "convlet-")), "net.run.safetensors");
    await writeFile(path, api.exportProgram(original));
    const exported = await load(path, { numerics: "strict" });
    const x = samplesFor(original, 2);
    await original.ready;
    expect(bits(exported.predictSync(x[0]).data)).toEqual(bits(original.predictSync(x[0]).data));
  });

  test("tells of a file's arrival, and refuses one that is too large", async () => {
    const bytes = api.exportProgram(small());
    const path = join(await mkdtemp(join(tmpdir(), "convlet-")), "net.run.safetensors");
    await writeFile(path, bytes);
    const onProgress = vi.fn();
    await load(path, { onProgress });
    expect(onProgress.mock.calls).toEqual([[{ loaded: bytes.length, total: bytes.length }]]);
    await expect(load(path, { maxBytes: 100 })).rejects.toThrow(`load: ${path} has ${bytes.length} bytes or more, maxBytes is 100`);
  });

  test("after training has the trained weights, class names and preprocessing", async () => {
    const layers = () => [api.input({ shape: [6, 6, 1] }), api.conv2d({ filters: 2, kernelSize: 3 }), api.flatten(), api.dense({ units: 2 })];
    const preprocessing = { trim: 1, invert: true } as const;
    const model = api.sequential(layers(), { classNames: ["O", "X"], preprocessing, numerics: "strict" });
    model.compile({ optimizer: api.adam(), loss: api.sparseCategoricalCrossentropy({ fromLogits: true }) });
    await model.fit(
      new Float32Array(36 * 8).map((_, i) => Math.sin(i)),
      new Float32Array(8).map((_, i) => i % 2),
      { epochs: 2, verbose: 0 },
    );
    const exported = await load(api.exportProgram(model), { numerics: "strict" });
    expect(exported).toMatchObject({ classNames: ["O", "X"], preprocessing });
    const picture = { data: new Uint8ClampedArray(20 * 20 * 4).map((_, i) => (i * 37) % 256), width: 20, height: 20 };
    expect(await exported.classify(picture)).toEqual(await model.classify(picture));
    expect((await exported.classify(picture)).length).toBe(2);
  });

  test("takes a batchSize of the user's, and never more than the file's", async () => {
    const original = small();
    const exported = await load(api.exportProgram(original, { batchSize: 4 }), { numerics: "strict" });
    const x = samplesFor(original, 11);
    const wanted = bits((await original.predict(x[0])).data);
    for (const batchSize of [1, 3, 4, 100]) expect(bits((await exported.predict(x[0], { batchSize })).data)).toEqual(wanted);
    await expect(exported.predict(x[0], { batchSize: 0 })).rejects.toThrow("predict: batchSize is 0, needs a whole number ≥ 1");
  });

  test("refuses inputs of another shape, and calls after dispose", async () => {
    const exported = await load(api.exportProgram(small()));
    await expect(exported.predict(new Float32Array(5))).rejects.toThrow(RangeError);
    exported.dispose();
    exported.dispose();
    await expect(exported.predict(new Float32Array(64))).rejects.toThrow("model: it was disposed; load it again");
  });

  test("says that a model's file is none, and the other way round", async () => {
    const model = small();
    await expect(load(model.toBytes())).rejects.toThrow(
      "load: this is a model's file, which the main library loads; exportProgram(model) makes one to run",
    );
    await expect(api.load(api.exportProgram(model))).rejects.toThrow(api.FileFormatError);
  });

  test("names its options", async () => {
    const bytes = api.exportProgram(small());
    await expect(load(bytes, { threads: 2 } as object)).rejects.toThrow('load: unknown option "threads"');
    await expect(load(bytes, { numerics: "fast" as "auto" })).rejects.toThrow('load: numerics is "fast"');
    await expect(load(7 as unknown as string)).rejects.toThrow("load: got 7, needs a path, a URL");
  });
});

describe("kernels of the user's", () => {
  const file = () => api.exportProgram(exportable.plainConvolution({}));
  const read = (name: string) => new Uint8Array(readFileSync(new URL(`../dist/${name}`, import.meta.url)));

  test("as bytes and as a module give the same bits", async () => {
    const original = exportable.plainConvolution({ numerics: "strict" });
    const [x] = samplesFor(original, 2);
    const wanted = bits((await original.predict(x)).data);
    const bytes = read("inference-strict.wasm");
    for (const strict of [bytes, bytes.buffer, await WebAssembly.compile(bytes)]) {
      const exported = await load(file(), { numerics: "strict", wasm: { strict } });
      expect(bits((await exported.predict(x)).data)).toEqual(wanted);
    }
  });

  test("of another kind are refused with what they are", async () => {
    const refused = (strict: Uint8Array<ArrayBuffer>) => load(file(), { numerics: "strict", wasm: { strict } });
    await expect(refused(read("strict.wasm"))).rejects.toThrow("wasm.strict is of another build (");
    await expect(refused(new TextEncoder().encode("<!doctype html>"))).rejects.toThrow("wasm.strict is an HTML or XML page: was the address wrong?");
    await expect(refused(new Uint8Array(3))).rejects.toThrow("wasm.strict is no WebAssembly (3 bytes)");
    await expect(refused(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).rejects.toThrow("a WebAssembly module that is none of convlet's kernels");
  });

  test("that stop are told from errors of the user's", async () => {
    // (import "env" "memory"), two functions of `unreachable` and `nop`, and the note that makes them pass for ours.
    const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
    const section = (id: number, ...content: number[]) => [id, content.length, ...content];
    const trap = new Uint8Array([
      ...[0, 97, 115, 109, 1, 0, 0, 0],
      ...section(1, 2, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 0, 0),
      ...section(2, 1, ...name("env"), ...name("memory"), 2, 1, 1, 0x80, 0x80, 4),
      ...section(3, 2, 0, 1),
      ...section(7, 2, ...name("execute"), 0, 0, ...name("writeConstants"), 0, 1),
      ...section(10, 2, 3, 0, 0, 0x0b, 2, 0, 0x0b),
      ...section(0, ...name("convlet"), ...new TextEncoder().encode(kernels.version)),
    ]);
    // They cannot sum a file either: this one has lost its checksum's name.
    const unsummed = Buffer.from(Buffer.from(file()).toString("latin1").replace("convlet.xxh32", "another.xxh32"), "latin1");
    const exported = await load(unsummed, { numerics: "strict", wasm: { strict: trap } });
    await expect(exported.predict(new Float32Array(exported.inputShapes[0].reduce((a, b) => a * b)))).rejects.toThrow(
      /^internal: the strict kernels stopped \(unreachable/,
    );
  });

  test("are relaxed only where these were given too", async () => {
    const exported = await load(file(), { wasm: { strict: read("inference-strict.wasm") } });
    const original = exportable.plainConvolution({ numerics: "strict" });
    const [x] = samplesFor(original, 1);
    expect(bits((await exported.predict(x)).data)).toEqual(bits((await original.predict(x)).data));
  });
});

test("where WebAssembly is refused it says so once and runs in plain JavaScript", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const compile = vi.spyOn(WebAssembly, "instantiate").mockRejectedValue(new WebAssembly.CompileError("refused by policy"));
  const [first, second] = await Promise.all([1, 2].map(() => load(api.exportProgram(exportable.plainConvolution({})))));
  compile.mockRestore();
  expect(warn.mock.calls).toEqual([
    ["convlet: WebAssembly is not to be had here (refused by policy); running in plain JavaScript, which is much slower"],
  ]);
  warn.mockRestore();
  const original = exportable.plainConvolution({ machine: "plain" });
  const [x] = samplesFor(original, 1);
  for (const exported of [first, second]) expect(bits((await exported.predict(x)).data)).toEqual(bits((await original.predict(x)).data));
});
