/**
 * The kernels as a text, a third smaller than the module compressed as it is: opcodes, locals, offsets, numbers and constants stand in streams of their
 * own, where like follows like; a local is how many others were used since it was, and part of the opcode where these are few; so are
 * operands that come often. assembly/unpack.ts, which comes with them, puts the relaxed module together, or the strict one.
 */
import { deflate } from "./deflate.mjs";
import { functionsOf, instructionsOf, leb } from "./wasmFile.mjs";

/** By the kind of an operand: Form in assembly/unpack.ts. From CONSTANT on so many bytes. */
const FORMS = { local: 2, offset: 3, number: 4 };
const CONSTANT = 8;
/** Operands that come so often with an instruction belong to its opcode: of 15 to 400 times, 50 to 80 gave the smallest text. */
const OFTEN = 65;
/** The locals used last, whose rank belongs to the opcode: of 1 to 24 of them, 3 gave the smallest text. */
const RECENT = 32;
const RANKS = 3;

/** SIMD instructions that fuse a product and a sum: another form each, which the strict module has two instructions for. */
const SIMD = 0xfd;
const FUSED = { 261: 6, 262: 7 };

/** A module's functions, and a function's locals with two more: their numbers have one byte. */
const MOST = 127;

/** Deflated, in base64: length of the program `unpack` (2 bytes, little-endian), that program, and what it puts together. */
export function packKernels({ named, unpack }) {
  const { head, functions } = functionsOf(named);
  if (functions.length > MOST) throw new Error(`kernels: ${functions.length} functions, the packed form knows ${MOST}`);
  const streams = { opcodes: [], locals: [], offsets: [], numbers: [], constants: [] };
  const tokens = new Map();
  const counts = [];
  const groups = [];
  const bodies = functions.map(({ body }) => instructionsOf(body));
  const isOpcode = opcodesAmong(bodies.flatMap(({ instructions }) => instructions));
  for (const [index, { locals, localCount, instructions }] of bodies.entries()) {
    const { name, parameters } = functions[index];
    const all = parameters + localCount;
    if (all + 2 > MOST) throw new Error(`kernels: ${name} has ${all} locals, the packed form knows ${MOST - 2}`);
    counts.push(...number(instructions.length));
    groups.push(instructions.some(isFused) ? 1 + all : 0, ...locals);
    const recent = Array.from({ length: MOST }, (_, local) => local);
    for (const instruction of instructions) {
      const [bytes, operand] = isOpcode(instruction) ? [wholeOf(instruction)] : [instruction.bytes, instruction.operands[0]];
      const isLocal = operand?.kind === "local";
      const rank = isLocal ? recent.indexOf(leb(operand.bytes, 0)[0]) : RANKS;
      if (isLocal) recent.unshift(...recent.splice(rank, 1));
      const form = rank < RANKS ? RECENT + rank : formOf(instruction, operand);
      const token = [bytes.length, ...bytes, form].join();
      if (!tokens.has(token)) tokens.set(token, tokens.size);
      streams.opcodes.push(tokens.get(token));
      if (rank >= RANKS && operand !== undefined) streams[`${operand.kind}s`].push(...(isLocal ? [rank] : operand.bytes));
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

/** Tells of an instruction whether its operands belong to the opcode: so do several at once, and the labels of a table. */
function opcodesAmong(instructions) {
  const times = new Map();
  for (const key of instructions.map((each) => wholeOf(each).join())) times.set(key, (times.get(key) ?? 0) + 1);
  return (instruction) => {
    const { operands } = instruction;
    if (operands.length === 0 || operands[0].kind === "local") return false;
    return operands.length > 1 || operands[0].kind === "labels" || times.get(wholeOf(instruction).join()) >= OFTEN;
  };
}

function wholeOf({ bytes, operands }) {
  return Buffer.concat([bytes, ...operands.map((operand) => operand.bytes)]);
}

function formOf(instruction, operand) {
  if (isFused(instruction)) return FUSED[instruction.opcode];
  return operand?.kind === "constant" ? CONSTANT + operand.bytes.length : (FORMS[operand?.kind] ?? 0);
}

function isFused({ prefix, opcode }) {
  return prefix === SIMD && opcode in FUSED;
}

/** Unsigned LEB128. */
function number(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}
