/** Pages that forbid things, and engines that lack them. */
import { describe, expect } from "vitest";
import { test } from "./support/test.ts";

const oneMachine = /running in plain JavaScript/;

/** Trains two models and tells how they ran. */
async function trainTwo() {
  const { x, y } = kit.drawings();
  const accuracies: number[] = [];
  for (let index = 0; index < 2; index++) {
    const model = kit.smallModel();
    await model.fit(x, y, { epochs: 60, verbose: 0 });
    accuracies.push((await model.evaluate(x, y)).accuracy);
    model.dispose();
  }
  const refusal = await kit
    .smallModel({ machine: "wasm" })
    .ready.then(() => "none")
    .catch((reason: Error) => reason.message);
  return { accuracies, refusal };
}

describe("Content-Security-Policy", () => {
  test("script-src 'self' 'wasm-unsafe-eval': WebAssembly, nothing to say", async ({ site, open }) => {
    site.restrict("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:");
    const { page } = await open("/kit.html");
    expect(await page.evaluate(trainTwo)).toEqual({ accuracies: [1, 1], refusal: "none" });
  });

  test("script-src 'self': plain JavaScript, said once", async ({ site, open }) => {
    site.restrict("default-src 'self'; script-src 'self'; img-src 'self' data:");
    const tab = await open("/kit.html");
    const { accuracies, refusal } = await tab.page.evaluate(trainTwo);
    expect(accuracies).toEqual([1, 1]);
    expect(refusal).toMatch(/this engine or page refuses the WebAssembly kernels; use machine: "plain"/);
    expect(tab.taken(oneMachine)).toHaveLength(1);
  });
});

describe("an engine", () => {
  test("without WebAssembly: plain JavaScript for everything", async ({ open, site }) => {
    site.answers["/kit.js"] = { body: `delete globalThis.WebAssembly;\n${site.answers["/kit.js"].body}` };
    const tab = await open("/kit.html");
    expect((await tab.page.evaluate(trainTwo)).accuracies).toEqual([1, 1]);
    expect(tab.taken(oneMachine)).toHaveLength(1);
  });

  test("without SIMD: plain JavaScript, said once", async ({ open }) => {
    const tab = await open("/empty.html");
    // Opcode prefix 0xfd is SIMD: an engine without it refuses every module that has one.
    await tab.page.addInitScript(() => {
      const hasSimd = (bytes: BufferSource) => [...new Uint8Array(ArrayBuffer.isView(bytes) ? bytes.buffer : bytes)].includes(0xfd);
      const { validate, compile, Module } = WebAssembly;
      WebAssembly.validate = (bytes) => !hasSimd(bytes) && validate(bytes);
      WebAssembly.compile = async (bytes) => {
        if (hasSimd(bytes)) throw new WebAssembly.CompileError("invalid opcode 0xfd");
        return compile(bytes);
      };
      WebAssembly.Module = new Proxy(Module, {
        construct(target, [bytes]) {
          if (hasSimd(bytes)) throw new WebAssembly.CompileError("invalid opcode 0xfd");
          return new target(bytes);
        },
      });
      WebAssembly.compileStreaming = async () => {
        throw new WebAssembly.CompileError("invalid opcode 0xfd");
      };
      WebAssembly.instantiateStreaming = WebAssembly.compileStreaming as never;
    });
    await tab.page.goto(tab.page.url().replace("empty", "kit"));
    const { accuracies, refusal } = await tab.page.evaluate(trainTwo);
    expect(accuracies).toEqual([1, 1]);
    expect(refusal).toMatch(/this engine or page refuses the WebAssembly kernels/);
    expect(tab.taken(oneMachine)).toHaveLength(1);
  });

  test("without relaxed SIMD: strict kernels, nothing to say", async ({ open }) => {
    const tab = await open("/empty.html");
    await tab.page.addInitScript(() => {
      const { validate } = WebAssembly;
      // The probe for it is the only module validated that holds relaxed_madd, 0xfd 0x85 0x02.
      WebAssembly.validate = (bytes) => !new Uint8Array(bytes as ArrayBuffer).join().includes("253,133,2") && validate(bytes);
    });
    await tab.page.goto(tab.page.url().replace("empty", "kit"));
    const isSame = await tab.page.evaluate(async () => {
      const { x } = kit.drawings();
      const outputs: Float32Array[] = [];
      for (const numerics of ["auto", "strict"] as const) outputs.push((await kit.smallModel({ numerics, machine: "wasm" }).predict(x)).data);
      return outputs[0].every((value, index) => value === outputs[1][index]);
    });
    expect(isSame).toBe(true);
  });
});
