/**
 * Strict and relaxed kernels as one text, a third smaller than both modules compressed as they are: opcodes, locals, offsets, numbers and constants
 * stand in streams of their own, where like follows like; a local is how many others were used since it was, and part of the opcode
 * where these are few; an operand that is nearly always the
 * same belongs to the opcode; functions that both modules have stand there once, twins side by side. assembly/unpack.ts, which comes with them,
 * puts them together.
 */
import { deflate } from "./deflate.mjs";
import { functionsOf, instructionsOf, leb } from "./wasmFile.mjs";

/** Bits of the modules that a function belongs to. */
const [STRICT, RELAXED] = [1, 2];

/** By the kinds of the operands: Form in assembly/unpack.ts. */
const FORMS = { "": 0, local: 1, offset: 2, number: 3, "offset number": 4, call: 5, labels: 6 };
const CONSTANT = 8;
/** The locals used last, whose rank belongs to the opcode: of 1 to 24 of them, 3 gave the smallest text. */
const RECENT = 32;
const RANKS = 3;

/** A module's functions, and a function's locals: their numbers have one byte. */
const MOST = 128;

/** Deflated, in base64: length of the program `unpack` (2 bytes, little-endian), that program, and what it puts together. */
export function packKernels({ strict, relaxed, unpack }) {
  const [left, right] = [functionsOf(strict), functionsOf(relaxed)];
  const functions = merged(left.functions, right.functions);
  const called = (name, by) => functions.findIndex((each) => each.name === name && each.modules & by);
  const most = Math.max(left.functions.length, right.functions.length);
  if (most > MOST || functions.length > 2 * MOST) throw new Error(`kernels: ${most} functions, the packed form knows ${MOST}`);
  const streams = { opcodes: [], locals: [], offsets: [], numbers: [], constants: [] };
  const tokens = new Map();
  const groups = [];
  for (const { name, body, calls, modules } of functions) {
    const { locals, instructions } = instructionsOf(body);
    groups.push(locals);
    const recent = Array.from({ length: MOST }, (_, index) => index);
    let call = 0;
    for (const { bytes, operands } of instructions) {
      const rank = operands[0]?.kind === "local" ? recent.indexOf(leb(operands[0].bytes, 0)[0]) : undefined;
      if (rank < 0) throw new Error(`kernels: ${name} has a local of more than one byte`);
      if (rank !== undefined) recent.unshift(...recent.splice(rank, 1));
      const form = rank < RANKS ? RECENT + rank : formOf(operands);
      const token = [bytes.length, ...bytes, form].join();
      if (!tokens.has(token)) tokens.set(token, tokens.size);
      streams.opcodes.push(tokens.get(token));
      for (const { kind, bytes: operand } of operands) {
        if (kind === "local") {
          if (rank >= RANKS) streams.locals.push(rank);
        } else if (kind === "call") streams.numbers.push(called(calls[call++], modules));
        else streams[{ offset: "offsets", constant: "constants" }[kind] ?? "numbers"].push(...operand);
      }
    }
  }
  if (tokens.size > 256) throw new Error(`kernels: ${tokens.size} kinds of instructions, the packed form knows 256`);
  const heads = [left.head, right.head].flatMap((head) => [...number(head.length), ...head]);
  const table = [...tokens.keys()].flatMap((token) => token.split(",").map(Number));
  const sizes = functions.flatMap(({ body, modules }) => number(body.length * 4 + modules));
  const frame = [...heads, ...number(tokens.size), ...table, ...number(functions.length), ...sizes, ...groups.flatMap((each) => [...each])];
  const all = [frame, ...Object.values(streams)];
  const directory = all.slice(0, -1).flatMap(({ length }) => number(length));
  const program = [unpack.length & 255, unpack.length >> 8, ...unpack];
  return deflate([[...program, ...directory, ...frame], ...Object.values(streams)]).toString("base64");
}

function formOf(operands) {
  const constant = operands.find(({ kind }) => kind === "constant");
  const form = constant ? CONSTANT + constant.bytes.length : FORMS[operands.map(({ kind }) => kind).join(" ")];
  if (form === undefined) throw new Error(`kernels: an instruction has operands of the kinds ${operands.map(({ kind }) => kind).join(", ")}`);
  return form;
}

/** Unsigned LEB128. */
function number(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}

/**
 * Functions of both in order: those that are the same once, twins side by side, a function that only one has alone. Calls are by name.
 * Where two functions stand in another order, one of them is alone in both modules, and no function that calls it is the same.
 */
function merged(left, right) {
  const [strict, relaxed] = [left, right].map((functions) => functions.map((each) => ({ ...each, calls: callsOf(each.body, functions) })));
  const inOrder = new Set(commonInOrder(...[strict, relaxed].map((functions) => functions.map(({ name }) => name))));
  const names = new Set(strict.map(({ name }) => name));
  const moved = new Set(relaxed.map(({ name }) => name).filter((name) => names.has(name) && !inOrder.has(name)));
  const all = [];
  let next = 0;
  for (const a of strict) {
    if (!inOrder.has(a.name)) {
      all.push({ ...a, modules: STRICT });
      continue;
    }
    for (; relaxed[next].name !== a.name; next++) all.push({ ...relaxed[next], modules: RELAXED });
    const b = relaxed[next++];
    if (isSame(a, b) && !a.calls.some((name) => moved.has(name))) all.push({ ...a, modules: STRICT + RELAXED });
    else all.push({ ...a, modules: STRICT }, { ...b, modules: RELAXED });
  }
  for (; next < relaxed.length; next++) all.push({ ...relaxed[next], modules: RELAXED });
  return all;
}

/** A longest list of names that both lists have in this order. */
function commonInOrder(left, right) {
  const longest = [...left, ""].map(() => [...right, ""].map(() => []));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const [skipped, other] = [longest[i + 1][j], longest[i][j + 1]];
      const better = skipped.length >= other.length ? skipped : other;
      longest[i][j] = left[i] === right[j] ? [left[i], ...longest[i + 1][j + 1]] : better;
    }
  }
  return longest[0][0];
}

/** Names of the functions that a body calls, in order. */
function callsOf(body, functions) {
  const operands = instructionsOf(body).instructions.flatMap((each) => each.operands);
  return operands.filter(({ kind }) => kind === "call").map(({ bytes }) => functions[bytes[0]].name);
}

/** Whether two bodies differ in nothing but what number the called functions have. */
function isSame(a, b) {
  if (a.body.length !== b.body.length || a.calls.join() !== b.calls.join()) return false;
  const [x, y] = [a, b].map(({ body }) => instructionsOf(body));
  if (!x.locals.equals(y.locals) || x.instructions.length !== y.instructions.length) return false;
  return x.instructions.every(({ bytes, operands }, index) => {
    const other = y.instructions[index];
    if (!bytes.equals(other.bytes)) return false;
    return operands.every((each, at) => each.kind === "call" || each.bytes.equals(other.operands[at].bytes));
  });
}
