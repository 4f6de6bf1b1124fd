/**
 * The kernels as a text, a third smaller than the module compressed as it is: opcodes, locals, offsets, numbers and constants stand in streams of their
 * own, where like follows like; a local is how many others were used since it was, and part of the opcode where these are few; an operand
 * that is nearly always the same belongs to the opcode. assembly/unpack.ts, which comes with them, puts the relaxed module together, or the strict one.
 */
import { deflate } from "./deflate.mjs";
import { functionsOf, instructionsOf, leb } from "./wasmFile.mjs";

/** By the kinds of the operands: Form in assembly/unpack.ts. */
const FORMS = { "": 0, local: 1, offset: 2, number: 3, "offset number": 4, labels: 5 };
const CONSTANT = 8;
/** The locals used last, whose rank belongs to the opcode: of 1 to 24 of them, 3 gave the smallest text. */
const RECENT = 32;
const RANKS = 3;

/** SIMD instructions that fuse a product and a sum: another form each, which the strict module has two instructions for. */
const SIMD = 0xfd;
const FUSED = { 261: 6, 262: 7 };

/** A module's functions, and a function's locals with two more: their numbers have one byte. */
const MOST = 128;

/** Deflated, in base64: length of the program `unpack` (2 bytes, little-endian), that program, and what it puts together. */
export function packKernels({ named, unpack }) {
  const { head, functions } = functionsOf(named);
  if (functions.length > MOST) throw new Error(`kernels: ${functions.length} functions, the packed form knows ${MOST}`);
  const streams = { opcodes: [], locals: [], offsets: [], numbers: [], constants: [] };
  const tokens = new Map();
  const counts = [];
  const groups = [];
  for (const { name, body, parameters } of functions) {
    const { locals, localCount, instructions } = instructionsOf(body);
    const all = parameters + localCount;
    if (all + 2 > MOST) throw new Error(`kernels: ${name} has ${all} locals, the packed form knows ${MOST - 2}`);
    counts.push(...number(instructions.length));
    groups.push(instructions.some(isFused) ? 1 + all : 0, ...locals);
    const recent = Array.from({ length: MOST }, (_, index) => index);
    for (const instruction of instructions) {
      const { bytes, operands } = instruction;
      const rank = operands[0]?.kind === "local" ? recent.indexOf(leb(operands[0].bytes, 0)[0]) : undefined;
      if (rank !== undefined) recent.unshift(...recent.splice(rank, 1));
      const form = rank < RANKS ? RECENT + rank : formOf(instruction);
      const token = [bytes.length, ...bytes, form].join();
      if (!tokens.has(token)) tokens.set(token, tokens.size);
      streams.opcodes.push(tokens.get(token));
      for (const { kind, bytes: operand } of operands) {
        if (kind !== "local") streams[{ offset: "offsets", constant: "constants" }[kind] ?? "numbers"].push(...operand);
        else if (rank >= RANKS) streams.locals.push(rank);
      }
    }
  }
  if (tokens.size > 256) throw new Error(`kernels: ${tokens.size} kinds of instructions, the packed form knows 256`);
  const table = [...tokens.keys()].flatMap((token) => token.split(",").map(Number));
  const frame = [...number(head.length), ...head, ...number(tokens.size), ...table, ...number(functions.length), ...counts, ...groups];
  const all = [frame, ...Object.values(streams)];
  const directory = all.slice(0, -1).flatMap(({ length }) => number(length));
  const program = [unpack.length & 255, unpack.length >> 8, ...unpack];
  return deflate([[...program, ...directory, ...frame], ...Object.values(streams)]).toString("base64");
}

function formOf(instruction) {
  if (isFused(instruction)) return FUSED[instruction.opcode];
  const { operands } = instruction;
  const constant = operands.find(({ kind }) => kind === "constant");
  const form = constant ? CONSTANT + constant.bytes.length : FORMS[operands.map(({ kind }) => kind).join(" ")];
  if (form === undefined) throw new Error(`kernels: an instruction has operands of the kinds ${operands.map(({ kind }) => kind).join(", ")}`);
  return form;
}

function isFused({ prefix, opcode }) {
  return prefix === SIMD && opcode in FUSED;
}

/** Unsigned LEB128. */
function number(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}
