/** What the library carries of its kernels is what was compiled; the strict ones differ in this alone, that every product is rounded before it is added. */
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kernels as inference } from "../build/inferenceKernels.ts";
import { kernels as all } from "../build/kernels.ts";
// @ts-expect-error: a script without types
import { functionsOf, instructionsOf } from "../scripts/wasmFile.mjs";
import { unpackingMemory, unpackKernels } from "../src/machine/unpackKernels.ts";

interface Function {
  readonly name: string;
  readonly body: Buffer;
  readonly parameters: number;
}

interface Module {
  readonly head: Buffer;
  readonly functions: readonly Function[];
}

const read = (path: string): Module => functionsOf(readFileSync(path));

/** Each as its bytes. */
const instructions = ({ body }: Function): Buffer[] =>
  instructionsOf(body).instructions.map(({ bytes, operands }: { bytes: Buffer; operands: { bytes: Buffer }[] }) =>
    Buffer.concat([bytes, ...operands.map((operand) => operand.bytes)]),
  );

const FUSED_SUM = Buffer.of(0xfd, 0x85, 0x02);
const FUSED_DIFFERENCE = Buffer.of(0xfd, 0x86, 0x02);
const [MULTIPLY, ADD, SUBTRACT] = [0xe6, 0xe4, 0xe5].map((opcode) => [0xfd, opcode, 0x01]);
const [GET, SET] = [0x20, 0x21];

describe.each(Object.entries({ "": all, "inference-": inference }))("packed kernels %s", (prefix, { packed }) => {
  const { head, functions } = read(`build/compiled/${prefix}relaxed.wasm`);
  const named = (numerics: string) => read(`build/named/${prefix}${numerics}.wasm`);

  test.each(["strict", "relaxed"] as const)("become the file of the %s ones, byte for byte", (numerics) => {
    const module = unpackKernels(inflateRawSync(Buffer.from(packed, "base64")), numerics, unpackingMemory());
    expect(Buffer.from(module).equals(readFileSync(`build/${prefix}${numerics}.wasm`))).toBe(true);
  });

  test("relaxed: every function is as it was compiled", () => {
    const module = named("relaxed");
    // The build changes one byte: the memory is not shared.
    const changed = [...head.keys()].filter((at) => module.head[at] !== head[at]);
    expect(changed.map((at) => [head[at], module.head[at]])).toEqual([[3, 1]]);
    expect(module.functions.map(({ name }) => name)).toEqual(functions.map(({ name }) => name));
    for (const [index, { name, body }] of functions.entries()) expect(module.functions[index].body.equals(body), name).toBe(true);
  });

  test("strict: a product and a sum for each that is fused, by way of locals that nothing else uses", () => {
    const module = named("strict");
    let fused = 0;
    for (const [index, compiled] of functions.entries()) {
      const spare = compiled.parameters + instructionsOf(compiled.body).localCount;
      const wanted: Buffer[] = [];
      for (const instruction of instructions(compiled)) {
        const isSum = instruction.equals(FUSED_SUM);
        if (!isSum && !instruction.equals(FUSED_DIFFERENCE)) wanted.push(instruction);
        else {
          fused++;
          // What was got last out of a local is got behind the product.
          const isLocal = wanted.at(-1)![0] === GET;
          const sum = isLocal ? wanted.pop()![1] : spare;
          const parts = [...(isLocal ? [] : [[SET, sum]]), MULTIPLY];
          if (isSum) parts.push([GET, sum], ADD);
          else parts.push([SET, spare + 1], [GET, sum], [GET, spare + 1], SUBTRACT);
          wanted.push(...parts.map((part) => Buffer.from(part)));
        }
      }
      expect(Buffer.concat(instructions(module.functions[index])).equals(Buffer.concat(wanted)), compiled.name).toBe(true);
    }
    expect(fused).toBeGreaterThan(100);
  });
});
