/** Workers that throw, exit or hang inside a run; processes that end with workers in them. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FIRST_FREE } from "../build/records.ts";
import { startNodeWorker } from "../src/machine/nodeWorker.ts";
import type { StartWorker } from "../src/machine/poolWorker.ts";
import { writeInstruction, writeRunHeader } from "../src/machine/records.ts";
import { sayOnce } from "../src/machine/sayOnce.ts";
import { threadedMachine } from "../src/machine/threads.ts";
import { instantiateKernels } from "../src/machine/wasm.ts";

const COUNT = 100_000;
const OUTPUT = FIRST_FREE + 4096;

/** A memory with one record that fills COUNT floats with 2.5. */
function fillProgram() {
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
  const fields = { output: OUTPUT, count: COUNT, value: 2.5 };
  writeInstruction(memory.buffer, FIRST_FREE, { kernel: "fill", cost: 0, scratch: 0, scratchBytes: 0, fields } as never);
  writeRunHeader(memory.buffer, { batch: 1, abort: 0 });
  return { memory, values: () => new Float32Array(memory.buffer, OUTPUT, COUNT) };
}

async function strictMachine(memory: WebAssembly.Memory, threads: number, start?: StartWorker) {
  return threadedMachine(await instantiateKernels(memory, "strict"), memory, { numerics: "strict", threads, say: sayOnce, start });
}

/** Workers of which the first `faulty` do something else when they are given a job. */
function workersThat(instead: string, faulty: number): StartWorker {
  let started = 0;
  return (source, events) => {
    const changed = source.replace("const { execute, memory } = running;", (code) => `${code} ${instead}`);
    expect(changed).not.toBe(source);
    return startNodeWorker(started++ < faulty ? changed : source, events);
  };
}

describe("a worker that fails inside a run", () => {
  test.each([
    ["throws", 'throw new Error("boom");', "(Error: boom)", 1_000],
    ["traps", "execute(memory.buffer.byteLength, 1, 0, 1);", "memory access out of bounds", 1_000],
    ["exits", "process.exit(3);", "(it ended with exit code 3)", 1_000],
    ["hangs", "for (;;);", "no progress for 3 seconds", 5_000],
    ["sleeps", "Atomics.wait(mail, Mail.signal, Atomics.load(mail, Mail.signal));", "no progress for 3 seconds", 5_000],
  ])("%s: the run throws in time, then others do its work", async (_, instead, message, time) => {
    const { memory, values } = fillProgram();
    const machine = await strictMachine(memory, 3, workersThat(instead, 1));
    const began = performance.now();
    expect(() => machine.execute(FIRST_FREE, 1)).toThrow(message);
    expect(performance.now() - began).toBeLessThan(time);
    await machine.ready?.();
    writeRunHeader(memory.buffer, { abort: 0 });
    values().fill(0);
    expect(machine.execute(FIRST_FREE, 1)).toBe(1);
    expect(values().every((value) => value === 2.5)).toBe(true);
    machine.dispose?.();
  });

  test("workers that always fail are given up, and one thread goes on", async () => {
    const { memory, values } = fillProgram();
    const start = workersThat('throw new Error("boom");', Number.POSITIVE_INFINITY);
    const machine = await strictMachine(memory, 2, start);
    let failures = 0;
    for (let run = 0; run < 20; run++) {
      writeRunHeader(memory.buffer, { abort: 0 });
      try {
        machine.execute(FIRST_FREE, 1);
      } catch {
        failures++;
      }
      await machine.ready?.();
    }
    expect(failures).toBe(9);
    expect(values()[COUNT - 1]).toBe(2.5);
    machine.dispose?.();
  });

  test("workers that cannot be started: one thread does all", async () => {
    const { memory, values } = fillProgram();
    const machine = await strictMachine(memory, 4, () => Promise.reject(new Error("not here")));
    expect(machine.execute(FIRST_FREE, 1)).toBe(1);
    expect(values()[COUNT - 1]).toBe(2.5);
    machine.dispose?.();
  });

  test("an abort word that is set ends the run before its first record", async () => {
    const { memory } = fillProgram();
    const machine = await strictMachine(memory, 3);
    writeRunHeader(memory.buffer, { abort: 1 });
    expect(machine.execute(FIRST_FREE, 1)).toBe(0);
    writeRunHeader(memory.buffer, { abort: 0 });
    expect(machine.execute(FIRST_FREE, 1)).toBe(1);
    machine.dispose?.();
  });
});

describe("a process with workers", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "convlet-threads-"));
    const entry = new URL("../src/index.ts", import.meta.url).pathname;
    const outfile = join(folder, "convlet.mjs");
    await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", target: "es2022", outfile });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs lines behind the making of a model of two threads. Rejects when it takes more than 20 s. */
  async function run(name: string, lines: string, flags: readonly string[] = []): Promise<{ code: number | null; output: string }> {
    const program = `import { conv2d, dense, flatten, sequential } from "./convlet.mjs";
const model = sequential([conv2d({ filters: 16, kernelSize: 3, inputShape: [28, 28, 1] }), flatten(), dense({ units: 10, activation: "softmax" })], { threads: 2 });
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
const x = new Float32Array(64 * 784).fill(0.5);
const y = new Float32Array(64);
await model.fit(x, y, { verbose: 0 });
${lines}`;
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, program);
    const child = spawn(process.execPath, [...flags, path], { stdio: ["ignore", "pipe", "pipe"], timeout: 20_000 });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { code, output };
  }

  test("ends when its work is done, without dispose", async () => {
    expect(await run("done", 'console.log("done");')).toEqual({ code: 0, output: "done\n" });
  });

  test("ends with a copy in a worker that waits for calls, and not while one is answered", async () => {
    const lines = `import { toWorker } from "./convlet.mjs";
globalThis.copy = await toWorker(model);
const { history } = await copy.fit(x, y, { verbose: 0, callbacks: [{ onBatchEnd: () => new Promise((resolve) => setTimeout(resolve, 50).unref()) }] });
console.log(history.loss.length);
setTimeout(() => console.log("it still runs"), 2_000).unref();`;
    const { code, output } = await run("copy", lines);
    expect({ code, last: output.trim().split("\n").at(-1) }).toEqual({ code: 0, last: "1" });
  });

  test("where there is no WebAssembly runs in plain JavaScript, on one thread", async () => {
    const { code, output } = await run("jitless", "console.log((await model.predict(x.subarray(0, 784))).data.length);", ["--jitless"]);
    expect({ code, last: output.trim().split("\n").at(-1) }).toEqual({ code: 0, last: "10" });
  });

  test("process.exit inside fit", async () => {
    const lines = "await model.fit(x, y, { verbose: 0, epochs: 1000, callbacks: [{ onBatchEnd: () => process.exit(5) }] });";
    expect(await run("exit", lines)).toEqual({ code: 5, output: "" });
  });

  test("an error that nobody catches", async () => {
    const { code, output } = await run(
      "error",
      'setTimeout(() => { throw new Error("mine"); }, 50); await model.fit(x, y, { verbose: 0, epochs: 1000 });',
    );
    expect(code).toBe(1);
    expect(output).toContain("mine");
  });
});
